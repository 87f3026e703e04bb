import type { Mutant } from '../mutant.js';

export const readWriteLockMutants: readonly Mutant[] = [
  {
    name: 'reader-looks-at-the-last-only',
    recipe: 'read-write-lock',
    wrong: 'A reader looks at the ticket right ahead of it only, and comes in behind a reader that waits itself.',
    file: 'recipes/read-write-lock.ts',
    changes: [
      {
        find: "line.findLast(({ key, value }) => key !== mine?.key && modeOf(value).mode === 'write'),",
        replace:
          "[line.filter(({ key }) => key !== mine?.key).at(-1)].find((last) => last && modeOf(last.value).mode === 'write'),",
      },
    ],
    invariant: 'RL1',
  },
  {
    name: 'writer-waits-for-writers-only',
    recipe: 'read-write-lock',
    wrong: 'A writer waits for the last writer ahead of it, and comes in beside readers.',
    file: 'recipes/read-write-lock.ts',
    changes: [
      {
        find: 'new Line(client, path, sessions, exclusive, (parts)',
        replace: 'new Line(client, path, sessions, shared, (parts)',
      },
    ],
    invariant: 'R1',
  },
  {
    name: 'readers-pass-writers',
    recipe: 'read-write-lock',
    wrong: 'Readers come in as long as the one that holds reads, past writers that wait: those starve.',
    file: 'recipes/read-write-lock.ts',
    changes: [
      {
        find: "line.findLast(({ key, value }) => key !== mine?.key && modeOf(value).mode === 'write'),",
        replace: "line.slice(0, 1).find(({ key, value }) => key !== mine?.key && modeOf(value).mode === 'write'),",
      },
    ],
    invariant: 'RL1',
  },
  {
    name: 'reader-without-own-key-check',
    recipe: 'read-write-lock',
    wrong:
      'Who has waited is served without a look at its own ticket: RWMutex of the etcd recipes after waitOnLastRev.',
    file: 'recipes/line-place.ts',
    changes: [{ find: 'if (!this.isMine(own)) throw await this.missing();', replace: 'void own;' }],
    invariant: 'R5',
  },
  {
    name: 'upgrade-beside-others',
    recipe: 'read-write-lock',
    wrong: 'A reader becomes a writer when it is the first in line, whoever else reads.',
    file: 'recipes/read-write-hold.ts',
    changes: [
      {
        find: 'if (second === undefined || second.created > this.#modified) return true;',
        replace: 'if (second !== undefined || second === undefined) return true;',
      },
    ],
    invariant: 'R1',
  },
  {
    name: 'upgrade-waits',
    recipe: 'read-write-lock',
    wrong: 'A reader that wants to write waits for the other readers to go: two of them wait for each other.',
    file: 'recipes/read-write-hold.ts',
    changes: [
      {
        find: "    await this.#rewrite('read');\n    return false;",
        replace:
          '    await new Promise((resolve) => this.client.clock.after(this.session.ttlMs / 10, resolve));\n    return this.isHeld() ? this.#upgrade() : false;',
      },
    ],
    invariant: 'R3',
  },
  {
    name: 'upgrade-in-words-only',
    recipe: 'read-write-lock',
    wrong: 'A reader that is alone becomes a writer by a look, and its ticket goes on to say that it reads.',
    file: 'recipes/read-write-hold.ts',
    changes: [
      { find: "const line = await this.#rewrite('write');", replace: "const line = await this.#rewrite('read');" },
    ],
    invariant: 'R4',
  },
  {
    name: 'downgrade-too-late',
    recipe: 'read-write-lock',
    wrong: 'What a writer has sent before its downgrade may still be applied after it, among readers.',
    file: 'recipes/read-write-hold.ts',
    changes: [{ find: "if (this.#mode !== 'write') return super", replace: 'return super' }],
    invariant: 'R4',
    options: { faults: ['applyLate', 'delay', 'dropAnswer'] },
  },
];
