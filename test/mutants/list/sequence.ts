import type { Mutant } from '../mutant.js';

export const sequenceMutants: readonly Mutant[] = [
  {
    name: 'reserve-without-compare',
    recipe: 'sequence',
    wrong: 'Two processes reserve the same block.',
    file: 'recipes/sequence.ts',
    changes: [{ find: 'store.commit([guard], [put', replace: 'store.commit([], [put' }],
    invariant: 'C3',
  },
  {
    name: 'doubtful-block',
    recipe: 'sequence',
    wrong: 'A block whose reservation was not answered is used.',
    file: 'recipes/sequence.ts',
    changes: [
      {
        find: '        scope.throwIfAborted();\n',
        replace:
          "        scope.throwIfAborted();\n        if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) return { next, end };\n",
      },
    ],
    invariant: 'C3',
  },
  {
    name: 'one-too-many',
    recipe: 'sequence',
    wrong: 'The last number of a block is the first one of the next, too.',
    file: 'recipes/sequence.ts',
    changes: [{ find: 'return { next, end };', replace: 'return { next, end: end + 1n };' }],
    invariant: 'C3',
  },
  {
    name: 'doubles-as-ids',
    recipe: 'sequence',
    wrong: 'Numbers above 2^53 lose their last digits.',
    file: 'recipes/sequence.ts',
    changes: [{ find: 'return BigInt(text);', replace: 'return BigInt(Number(text));' }],
    invariant: 'C3',
  },
  {
    name: 'block-from-memory',
    recipe: 'sequence',
    wrong:
      'A process that begins goes on from the first number, whatever is in the store: blocks come again after a restart.',
    file: 'recipes/sequence.ts',
    changes: [
      {
        find: 'const guard = this.#seen === undefined ? absent(this.path) : unchanged(this.path, this.#seen.modified);',
        replace: 'const guard = unchanged(this.path, this.#seen?.modified ?? 1n);',
      },
      { find: '[guard], [put', replace: 'this.#seen === undefined ? [] : [guard], [put' },
    ],
    invariant: 'C3',
  },
];
