import type { Mutant } from '../mutant.js';

export const countDownLatchMutants: readonly Mutant[] = [
  {
    name: 'latch-opens-one-early',
    recipe: 'count-down-latch',
    wrong: 'Off by one: who waits passes when one is left.',
    file: 'recipes/count-down-latch.ts',
    changes: [{ find: 'return left === 0 || round > first', replace: 'return left <= 1 || round > first' }],
    invariant: 'CD1',
  },
  {
    name: 'latch-end-of-a-watch-passes',
    recipe: 'count-down-latch',
    wrong: 'A watch that ends, for whatever reason, lets everybody pass.',
    file: 'core/range-view.ts',
    changes: [{ find: 'if (found !== undefined) return found.value;', replace: 'return found?.value;' }],
    invariant: 'CD1',
  },
  {
    name: 'latch-counts-twice',
    recipe: 'count-down-latch',
    wrong: 'A count whose answer was lost is made again, and nothing tells that it was made.',
    file: 'recipes/register-run.ts',
    changes: [
      { find: 'const guards = [this.#slot.guard(), ...', replace: 'const guards = [...' },
      { find: 'const news = this.#slot.look(note);', replace: "const news = undefined as ReturnType<Slot['look']>;" },
    ],
    invariant: 'CD2',
  },
  {
    name: 'latch-writes-over-others',
    recipe: 'count-down-latch',
    wrong: 'A count is written without comparing what it was made of: those of others are lost.',
    file: 'recipes/register-run.ts',
    changes: [{ find: '...(this.#blind ? [] : [guardOf(this.#key, changed.before)])', replace: '' }],
    invariant: 'CD2',
  },
  {
    name: 'latch-refusal-hides-a-count',
    recipe: 'count-down-latch',
    wrong:
      'A count that may have been made is told as refused, where the store refuses the next attempt (found by this simulation).',
    file: 'recipes/register-run.ts',
    changes: [{ find: 'throw this.inDoubt ? this.#unknown(error) : error;', replace: 'throw error;' }],
    invariant: 'CD2',
    options: { faults: ['dropAnswer', 'applyLate', 'delay', 'quota', 'authExpired', 'failover'] },
  },
  {
    name: 'latch-resets-what-is-closed',
    recipe: 'count-down-latch',
    wrong: 'A reset closes a latch that is not open, and the counts so far are lost.',
    file: 'recipes/count-down-latch.ts',
    changes: [
      {
        find: 'left === 0 ? { count, left: count, round: round + 1 }',
        replace: 'left < count ? { count, left: count, round: round + 1 }',
      },
    ],
    invariant: 'CD2',
  },
  {
    name: 'latch-rounds-not-numbered',
    recipe: 'count-down-latch',
    wrong: 'Who could not look while the latch was open waits on through the next round.',
    file: 'recipes/count-down-latch.ts',
    changes: [{ find: 'left === 0 || round > first', replace: 'left === 0' }],
    invariant: 'CL1',
  },
];
