import type { Mutant } from '../mutant.js';

export const queueMutants: readonly Mutant[] = [
  {
    name: 'ack-before-processing',
    recipe: 'queue',
    wrong: 'An item is gone as soon as it is claimed: at most once, as the queue of etcd/client/v3 has it.',
    file: 'recipes/queue-claims.ts',
    changes: [
      { find: 'put(item.key, encodeHeader(item.header)),', replace: 'remove(item.key),' },
      { find: 'put, read, unchanged }', replace: 'put, read, remove, unchanged }' },
    ],
    invariant: 'Q1',
  },
  {
    name: 'claim-without-compare',
    recipe: 'queue',
    wrong: 'A claim does not demand that the item is as it was seen, so that two can claim it.',
    file: 'recipes/queue-claims.ts',
    changes: [{ find: 'items.map(({ key, modified }) => unchanged(key, modified))', replace: '[]' }],
    invariant: 'Q3',
  },
  {
    name: 'redelivery-to-two',
    recipe: 'queue',
    wrong: 'Items that somebody has are offered to others.',
    file: 'recipes/queue-shelf.ts',
    changes: [{ find: 'items.filter(({ id }) => !claimed.has(id))', replace: 'items' }],
    invariant: 'Q3',
  },
  {
    name: 'ack-of-what-is-lost',
    recipe: 'queue',
    wrong: 'An acknowledgement does not demand that the claim stands.',
    file: 'recipes/queue-settle.ts',
    changes: [{ find: 'commit([guard], last, call)', replace: 'commit([], last, call)' }],
    invariant: 'Q3',
  },
  {
    name: 'ids-from-the-clock',
    recipe: 'queue',
    wrong: 'The names of items are times, as in the queue of etcd/client/v3: two of one millisecond are one.',
    file: 'recipes/queue-keys.ts',
    changes: [{ find: 'Math.floor(random() * 36 ** 9)', replace: '(0)' }],
    invariant: 'Q5',
  },
  {
    name: 'order-of-clocks',
    recipe: 'queue',
    wrong: 'The order is that of the clocks of the producers.',
    file: 'recipes/queue-order.ts',
    changes: [
      {
        find: 'if (a.created !== b.created) return a.created < b.created ? -1 : 1;',
        replace: 'if (a.header.put !== b.header.put) return a.header.put < b.header.put ? -1 : 1;',
      },
    ],
    invariant: 'Q4',
  },
  {
    name: 'acknowledged-ids-are-forgotten',
    recipe: 'queue',
    wrong: 'A put whose answer was lost is made again after its item was delivered and acknowledged.',
    file: 'recipes/queue-put.ts',
    changes: [{ find: 'guards: [absent(keys.done(id))],', replace: 'guards: [],' }],
    invariant: 'Q5',
  },
  {
    name: 'one-attempt-too-many',
    recipe: 'queue',
    wrong: 'An item is delivered once more than it may be.',
    file: 'recipes/queue-take.ts',
    changes: [
      { find: 'if (item.header.attempts >= maxAttempts)', replace: 'if (item.header.attempts > maxAttempts)' },
      { find: 'header.attempts < maxAttempts', replace: 'header.attempts <= maxAttempts' },
    ],
    invariant: 'Q7',
  },
  {
    name: 'poison-is-kept',
    recipe: 'queue',
    wrong: 'The claim of an item that cannot be decoded is left standing.',
    file: 'recipes/queue-claims.ts',
    changes: [
      {
        find: 'await new Job(hold, { ...parts, value: undefined, visibilityMs: undefined }).reject().catch(() => {});',
        replace: '',
      },
    ],
    invariant: 'QL2',
  },
  {
    name: 'claim-stays-when-refused',
    recipe: 'queue',
    wrong:
      'What cannot be given back, since the store is full, is claimed for as long as the session lives. Was so here.',
    file: 'recipes/queue-settle.ts',
    changes: [{ find: "if (settled?.kind !== 'done') void", replace: 'if (false) void' }],
    invariant: 'QL2',
  },
  {
    name: 'failed-take-loses-its-turn',
    recipe: 'queue',
    wrong: 'What a take has failed to claim is overtaken by what came later. Was so here.',
    file: 'recipes/queue-take.ts',
    changes: [{ find: 'this.#shelf.clear();\n        throw error;', replace: 'throw error;' }],
    options: { faults: ['quota', 'authExpired'] },
    invariant: 'Q4',
  },
  {
    name: 'deaf-to-puts',
    recipe: 'queue',
    wrong: 'Who waits is woken by what is given back only, and by the clock.',
    file: 'recipes/queue-news.ts',
    changes: [{ find: 'if (told && this.#opening === 0)', replace: 'if (told && !puts && this.#opening === 0)' }],
    invariant: 'QL1',
  },
];
