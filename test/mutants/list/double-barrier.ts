import type { Mutant } from '../mutant.js';

export const doubleBarrierMutants: readonly Mutant[] = [
  {
    name: 'double-barrier-ready-stays',
    recipe: 'double-barrier',
    wrong: 'That a round is full lets in everybody who comes then, as the ready key of etcd that outlives its round.',
    file: 'recipes/double-barrier-entrance.ts',
    changes: [
      { find: 'if (place > round.count) throw tooManyError(this.#parts.keys.path, round.count);', replace: '' },
      { find: 'if (round.members.includes(ticket.key)) return round;', replace: 'return round;' },
    ],
    invariant: 'D1',
  },
  {
    name: 'double-barrier-counts-one-more',
    recipe: 'double-barrier',
    wrong: 'A member counts itself twice: the number was read before its own ticket was put.',
    file: 'recipes/double-barrier-entrance.ts',
    changes: [
      {
        find: 'const first = tickets.slice(0, round.count);',
        replace: 'const first = tickets.slice(0, round.count - 1);',
      },
      { find: 'if (first.length === round.count) return', replace: 'if (first.length === round.count - 1) return' },
    ],
    invariant: 'D1',
  },
  {
    name: 'double-barrier-counts-the-dead',
    recipe: 'double-barrier',
    wrong: 'A round is declared full without the tickets of its members in the same commit: who died meanwhile counts.',
    file: 'recipes/double-barrier-entrance.ts',
    changes: [
      { find: 'const guards = [this.#sight.guard, ...alive];', replace: 'const guards = [this.#sight.guard];' },
    ],
    invariant: 'D1',
  },
  {
    name: 'double-barrier-leaves-alone',
    recipe: 'double-barrier',
    wrong:
      'Who leaves waits for the first change, not for all the others (etcd recipes take any event for the last one).',
    file: 'recipes/double-barrier.ts',
    changes: [
      {
        find: 'return [...entries.keys()].some((key) => this.#members.has(key)) ? undefined : true;',
        replace: 'return entries.size < this.#members.size ? true : undefined;',
      },
    ],
    invariant: 'D2',
  },
  {
    name: 'double-barrier-waits-for-what-is-gone',
    recipe: 'double-barrier',
    wrong: 'Who leaves waits for a delete, also where all are gone already.',
    file: 'core/range-view.ts',
    changes: [
      {
        find: 'listener.changed(this, result.value);',
        replace: "if (result.value.kind === 'changes') listener.changed(this, result.value);",
      },
    ],
    invariant: 'DL1',
  },
  {
    name: 'double-barrier-too-many-wait',
    recipe: 'double-barrier',
    wrong: 'One too many is kept waiting for the next round.',
    file: 'recipes/double-barrier-entrance.ts',
    changes: [
      { find: 'if (place > round.count) throw tooManyError(this.#parts.keys.path, round.count);', replace: '' },
      {
        find: 'throw tooManyError(keys.path, round.count);\n    }\n    const first',
        replace: 'await this.#sight.change();\n      return undefined;\n    }\n    const first',
      },
    ],
    invariant: 'D3',
  },
  {
    name: 'double-barrier-refuses-one-too-early',
    recipe: 'double-barrier',
    wrong: 'Off by one: the last one that there is room for is refused.',
    file: 'recipes/double-barrier-entrance.ts',
    changes: [{ find: 'if (place > round.count) throw', replace: 'if (place >= round.count) throw' }],
    invariant: 'D3',
  },
  {
    name: 'double-barrier-timed-out-stays',
    recipe: 'double-barrier',
    wrong: 'Who times out leaves its ticket, and a late-comer passes with it (CURATOR-318, #838).',
    file: 'recipes/double-barrier-ticket.ts',
    changes: [
      {
        find: 'while (sent !== undefined) {\n      session',
        replace: 'while (sent !== undefined) {\n      return undefined;\n      session',
      },
    ],
    invariant: 'D4',
  },
  {
    name: 'double-barrier-withdraws-blindly',
    recipe: 'double-barrier',
    wrong:
      'Who times out takes its ticket out of a round that is full with it: the others have passed, and it is told that it is out.',
    file: 'recipes/double-barrier-ticket.ts',
    changes: [
      {
        find: 'await store.commit([this.#sight.guard], ops, options);',
        replace: 'await store.commit([], ops, options);',
      },
      { find: 'if (admission !== undefined) return admission;', replace: '' },
    ],
    invariant: 'D4',
  },
  {
    name: 'double-barrier-refused-stays',
    recipe: 'double-barrier',
    wrong:
      'Who was refused by the store gives up on its ticket, which its session keeps alive (found by this simulation).',
    file: 'recipes/double-barrier-ticket.ts',
    changes: [
      {
        find: "if (isCoordinationError(error, 'CORRUPT_DATA')) {\n          this.abandon();",
        replace: "if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) {",
      },
    ],
    invariant: 'DL1',
  },
  {
    name: 'double-barrier-next-round-at-once',
    recipe: 'double-barrier',
    wrong: 'The next round begins while members of the last one are in.',
    file: 'recipes/double-barrier-ticket.ts',
    changes: [
      {
        find: 'if (!tickets.some(({ key }) => members.includes(key))) return begin(round.round + 1);',
        replace: 'if (members.length > 0) return begin(round.round + 1);',
      },
    ],
    invariant: 'D5',
  },
];
