import type { Mutant } from '../mutant.js';

export const atomicCounterMutants: readonly Mutant[] = [
  {
    name: 'retry-without-note',
    recipe: 'atomic-counter',
    wrong: 'An addition whose answer was lost is made again, as jetcd does (etcd #14890).',
    file: 'recipes/register-run.ts',
    changes: [
      { find: 'const guards = [this.#slot.guard(), ...', replace: 'const guards = [...' },
      { find: 'const news = this.#slot.look(note);', replace: 'const news = undefined;' },
    ],
    invariant: 'C2',
  },
  {
    name: 'doubles',
    recipe: 'atomic-counter',
    wrong: 'Numbers above 2^53 lose their last digits.',
    file: 'recipes/atomic-counter.ts',
    changes: [{ find: 'return BigInt(text);', replace: 'return BigInt(Number(text));' }],
    invariant: 'C2',
  },
  {
    name: 'write-without-compare',
    recipe: 'atomic-counter',
    wrong: 'What others have written since the read is written over.',
    file: 'recipes/register-run.ts',
    changes: [{ find: 'this.#blind ? [] : [guardOf(this.#key, changed.before)]', replace: '[]' }],
    invariant: 'C2',
  },
  {
    name: 'swap-says-yes',
    recipe: 'atomic-counter',
    wrong: 'A comparison that failed is told as one that held.',
    file: 'recipes/atomic-counter.ts',
    changes: [{ find: 'return step.before === expected;', replace: 'return true;' }],
    invariant: 'C1',
  },
  {
    name: 'doubt-is-forgotten',
    recipe: 'atomic-counter',
    wrong: 'An addition is said to be refused, where an earlier attempt was made and not answered. Was so here.',
    file: 'recipes/register-run.ts',
    changes: [{ find: 'throw this.inDoubt ? this.#unknown(error) : error;', replace: 'throw error;' }],
    invariant: 'C2',
  },
];
