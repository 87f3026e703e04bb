import type { Mutant } from '../mutant.js';

export const priorityQueueMutants: readonly Mutant[] = [
  {
    name: 'lexical-priorities',
    recipe: 'priority-queue',
    wrong: 'Priorities are compared as text: 10 comes before 9.',
    file: 'recipes/queue-keys.ts',
    changes: [{ find: "String(number).padStart(rankDigits, '0')", replace: 'String(number)' }],
    invariant: 'P2',
  },
  {
    name: 'priorities-too-wide',
    recipe: 'priority-queue',
    wrong: 'There is room for two digits: 101 comes before 12.',
    file: 'recipes/queue-keys.ts',
    changes: [{ find: 'const rankDigits = 16;', replace: 'const rankDigits = 2;' }],
    invariant: 'P2',
  },
  {
    name: 'takes-any',
    recipe: 'priority-queue',
    wrong: 'Who is woken takes any item of those that it sees.',
    file: 'recipes/queue-shelf.ts',
    changes: [
      { find: "order === 'priority' ? here.filter(({ rank }) => rank === first.rank) : here", replace: 'here' },
    ],
    invariant: 'P2',
  },
  {
    name: 'old-look',
    recipe: 'priority-queue',
    wrong: 'An item is taken by a look from before the call.',
    file: 'recipes/queue-shelf.ts',
    changes: [{ find: "order === 'age' && me === this.#me", replace: 'me === this.#me' }],
    invariant: 'P2',
  },
];
