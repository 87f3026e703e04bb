import type { Mutant } from '../mutant.js';

export const semaphoreMutants: readonly Mutant[] = [
  {
    name: 'off-by-one',
    recipe: 'semaphore',
    wrong: 'One is let in where what is ahead is within the limit, whatever it wants itself.',
    file: 'recipes/semaphore-rule.ts',
    changes: [{ find: 'sum + this.#permits <= stored.limit', replace: 'sum < stored.limit' }],
    invariant: 'SM6',
  },
  {
    name: 'one-more-than-the-limit',
    recipe: 'semaphore',
    wrong: 'The position is counted from nought, and one more is let in.',
    file: 'recipes/semaphore-rule.ts',
    changes: [{ find: 'sum + this.#permits <= stored.limit', replace: 'sum + this.#permits <= stored.limit + 1' }],
    invariant: 'SM1',
  },
  {
    name: 'few-overtake-many',
    recipe: 'semaphore',
    wrong: 'Who wants few is let in past one that wants many: each ticket counts as one.',
    file: 'recipes/semaphore-rule.ts',
    changes: [{ find: 'const sum = permitsOf(ahead);', replace: 'const sum = ahead.length;' }],
    invariant: 'SM6',
  },
  {
    name: 'permits-without-own-key-check',
    recipe: 'semaphore',
    wrong: 'Who has waited is served without a look at its own ticket.',
    file: 'recipes/line-place.ts',
    changes: [{ find: 'if (!this.isMine(own)) throw await this.missing();', replace: 'void own;' }],
    invariant: 'SM5',
  },
  {
    name: 'limit-not-compared',
    recipe: 'semaphore',
    wrong: 'Two who give different limits do not notice, and each goes by what is stored.',
    file: 'recipes/semaphore-limit.ts',
    changes: [
      {
        find: 'if (!this.#accepted && this.#permits !== limit && this.#permits !== initial) {',
        replace: 'if (!this.#accepted && limit < 0) {',
      },
    ],
    invariant: 'SM3',
  },
  {
    name: 'old-limit-trusted',
    recipe: 'semaphore',
    wrong: 'A change of the limit is not looked for where one waits: what was known at first counts.',
    file: 'recipes/semaphore-rule.ts',
    changes: [
      {
        find: 'const stored = this.#limit.learn(limits[0]);',
        replace: 'const stored = this.#limit.known ?? this.#limit.learn(limits[0]);',
      },
    ],
    invariant: 'SM6',
  },
];
