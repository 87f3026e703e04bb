import type { Mutant } from '../mutant.js';

const recipe = 'config-cache';

export const configCacheMutants: readonly Mutant[] = [
  {
    name: 'config-resync-loses-deletes',
    recipe,
    wrong: 'A snapshot after a gap adds what there is, and does not take away what there is no more.',
    file: 'recipes/config-layer.ts',
    changes: [{ find: 'const gone = new Set(this.#parts.keys());', replace: 'const gone = new Set<string>();' }],
    invariant: 'W1',
  },
  {
    name: 'config-goes-on-at-now',
    recipe,
    wrong: 'After a compaction the watch goes on at the present revision, and what was missed is never read (#9281).',
    file: 'testing/simulation/simulated-watch.ts',
    changes: [{ find: 'if (missed === undefined) this.#sendState(true);', replace: '' }],
    invariant: 'W1',
    options: { store: 'etcd', faults: ['compact', 'disconnect', 'breakStreams', 'halfOpen'] },
  },
  {
    name: 'config-resumes-one-late',
    recipe,
    wrong: 'The watch resumes one revision after the one that comes next: a gap without a word.',
    file: 'testing/simulation/simulated-watch.ts',
    changes: [{ find: 'since(Number(this.#seen))', replace: 'since(Number(this.#seen) + 1)' }],
    invariant: 'W1',
    options: { store: 'etcd', faults: ['disconnect', 'breakStreams', 'halfOpen'] },
  },
  {
    name: 'config-half-a-commit',
    recipe,
    wrong: 'Two layers are read one after the other, so that a commit to both is seen by halves.',
    file: 'recipes/config-feed.ts',
    changes: [
      {
        find: 'const commit = await this.#client.store.commit([], queries);\n',
        replace: `const reads: (readonly Entry[])[] = [];
        let at = 0n;
        for (const query of queries) {
          const found = await this.#client.store.commit([], [query]);
          reads.push(found.reads[0] ?? []);
          at = found.revision;
        }
        const commit = { reads, revision: at };
`,
      },
    ],
    invariant: 'W1',
  },
  {
    name: 'config-slow-verdict-outdoes-newer',
    recipe,
    wrong: 'What an asynchronous schema says late of an older revision takes the place of a newer one.',
    file: 'recipes/config-judge.ts',
    changes: [{ find: '    if (turn < this.#decided) return;\n', replace: '' }],
    invariant: 'W2',
  },
  {
    name: 'config-waits-for-what-was-heard',
    recipe,
    wrong: 'waitUntil() returns when the revision was heard of, not when it is current.',
    file: 'recipes/config-cache.ts',
    changes: [
      { find: 'while (this.revision < revision) {', replace: 'while (this.#keeper.standing.seen < revision) {' },
    ],
    invariant: 'W3',
  },
  {
    name: 'config-takes-the-invalid',
    recipe,
    wrong: 'What the schema refuses becomes current.',
    file: 'recipes/config-admission.ts',
    changes: [
      {
        find: 'const settledOne = settled(verdict, current.value, candidate.raw);',
        replace: `const settledOne =
      'issues' in verdict ? { value: candidate.raw } : settled(verdict, current.value, candidate.raw);`,
      },
    ],
    invariant: 'W5',
  },
  {
    name: 'config-silence-is-freshness',
    recipe,
    wrong: 'A watch that is silent counts as up to date, though the store does not answer.',
    file: 'recipes/config-freshness.ts',
    changes: [{ find: '      this.lost();\n      this.#listener.stale(error);\n', replace: '      void error;\n' }],
    invariant: 'W5',
    options: { store: 'consul', faults: ['partition', 'halfOpen', 'refuse', 'disconnect', 'authExpired'] },
  },
  {
    name: 'config-writes-again',
    recipe,
    wrong: 'A write whose answer was lost is made again, without a look at whether it was made.',
    file: 'core/commit-once.ts',
    changes: [
      { find: '[absent(witness), ...guards]', replace: '[...guards]' },
      { find: "      if (entry !== undefined) return { kind: 'found', witness: entry, late };\n", replace: '' },
    ],
    invariant: 'W6',
  },
  {
    name: 'config-trusts-every-watch',
    recipe,
    wrong: 'A watch is never audited: an event that the server lost is missing for ever (etcd #17529, #18089, #19179).',
    file: 'core/audited-watch.ts',
    changes: [{ find: 'clock.after(waitMs, () => void this.#audit())', replace: 'clock.after(waitMs, () => {})' }],
    invariant: 'WL1',
    options: { store: 'etcd', faults: ['loseEvent', 'delay'] },
  },
];
