import type { Mutant } from '../mutant.js';

export const delayQueueMutants: readonly Mutant[] = [
  {
    name: 'due-at-once',
    recipe: 'delay-queue',
    wrong: 'When an item is due is not looked at.',
    file: 'recipes/queue-shelf.ts',
    changes: [{ find: 'free: open.filter(({ header }) => header.dueMs <= now)', replace: 'free: open' }],
    invariant: 'QD',
  },
  {
    name: 'delay-is-not-added',
    recipe: 'delay-queue',
    wrong: 'An item is due when it is put.',
    file: 'recipes/queue-put.ts',
    changes: [{ find: 'Math.ceil(client.clock.wall() + delayMs)', replace: 'Math.ceil(client.clock.wall())' }],
    invariant: 'QD',
  },
  {
    name: 'nack-forgets-the-delay',
    recipe: 'delay-queue',
    wrong: 'What is given back comes again at once.',
    file: 'recipes/queue-ends.ts',
    changes: [{ find: 'Math.ceil(client.clock.wall() + delayMs)', replace: 'item.header.dueMs' }],
    invariant: 'QD',
  },
  {
    name: 'another-clock',
    recipe: 'delay-queue',
    wrong: 'Times by the wall clock are compared with the monotonic one.',
    file: 'recipes/queue-shelf.ts',
    changes: [{ find: 'const now = client.clock.wall();', replace: 'const now = client.clock.now();' }],
    invariant: 'QL1',
  },
  {
    name: 'sleeps-through',
    recipe: 'delay-queue',
    wrong: 'Who waits sets no timer for the first item that comes due.',
    file: 'recipes/queue-news.ts',
    changes: [{ find: 'Math.min(lookAnywayMs, dueMs - clock.wall())', replace: 'lookAnywayMs' }],
    invariant: 'QL1',
  },
];
