import type { Mutant } from '../mutant.js';

export const mutexMutants: readonly Mutant[] = [
  {
    name: 'deadline-from-receipt',
    recipe: 'mutex',
    wrong: 'The time to live counts from when the answer to a renewal came, not from when the renewal was sent.',
    file: 'core/session.ts',
    changes: [
      {
        find: 'this.#renewed(sent, ttlMs);',
        replace: 'this.#renewed({ now: clock.now(), wall: clock.wall() }, ttlMs);',
      },
    ],
    invariant: 'M4',
  },
  {
    name: 'loss-after-twice-the-ttl',
    recipe: 'mutex',
    wrong: 'A session believes in itself for twice its time to live, as npm etcd3 does.',
    file: 'core/session.ts',
    changes: [
      {
        find: 'this.#base = { ...sent, forMs: trustedMs(ttlMs) };\n    this.#backoff',
        replace: 'this.#base = { ...sent, forMs: 2 * ttlMs };\n    this.#backoff',
      },
    ],
    invariant: 'M4',
  },
];
