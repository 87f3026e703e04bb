import type { Mutant } from '../mutant.js';

export const multiMutexMutants: readonly Mutant[] = [
  {
    name: 'tickets-one-by-one',
    recipe: 'multi-mutex',
    wrong: 'The places are taken by one commit each: two can stand in different orders, and wait for each other.',
    file: 'recipes/multi-mutex.ts',
    changes: [
      {
        find: 'await joinLines(places);\n        let waited',
        replace: 'for (const place of places) await joinLines([place]);\n        let waited',
      },
    ],
    invariant: 'MM8',
  },
  {
    name: 'first-lines-not-confirmed',
    recipe: 'multi-mutex',
    wrong: 'While the last line is waited for, the tickets of the first ones may go, and nobody looks.',
    file: 'recipes/multi-mutex.ts',
    changes: [{ find: 'if (waited) await confirmInLines(places);', replace: 'void waited;' }],
    invariant: 'MM5',
  },
  {
    name: 'fenced-by-the-first-only',
    recipe: 'multi-mutex',
    wrong: 'A commit is bound to the first of the tickets, and is applied when another one is gone.',
    file: 'core/hold.ts',
    changes: [
      { find: 'commit([...this.guards, ...guards], ops, {', replace: 'commit([this.guard, ...guards], ops, {' },
    ],
    invariant: 'MM3',
  },
  {
    name: 'first-line-decides',
    recipe: 'multi-mutex',
    wrong: 'An attempt looks at the first of the lines only, once it stands in all of them.',
    file: 'recipes/multi-mutex.ts',
    changes: [
      {
        find: 'places.some((place) => place.blocker() !== undefined)',
        replace: 'places[0].blocker() !== undefined',
      },
    ],
    invariant: 'MM6',
  },
  {
    name: 'release-of-the-first-only',
    recipe: 'multi-mutex',
    wrong: 'A release gives back the first of the tickets; the others stay until the session ends.',
    file: 'core/hold.ts',
    changes: [
      {
        find: 'const steps = this.#tickets.map(({ key }) => remove(key));',
        replace: 'const steps = [remove(this.key)];',
      },
    ],
    invariant: 'MM7',
  },
  {
    name: 'first-ticket-watched-only',
    recipe: 'multi-mutex',
    wrong: 'Only the first of the tickets is watched: that another one is gone is not told.',
    file: 'core/hold.ts',
    changes: [
      {
        find: 'this.#watches = this.#tickets.map(({ key, created }) => {',
        replace: 'this.#watches = this.#tickets.slice(0, 1).map(({ key, created }) => {',
      },
    ],
    invariant: 'MM4',
    options: { faults: ['deleteKey'] },
  },
];
