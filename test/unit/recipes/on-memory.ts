import type { Client } from 'coterie';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import type { Suite, SuiteWorld } from '../../suites/suite.js';
import { ttlMs, World } from './world.js';

/** How often a condition is looked at, in virtual milliseconds. */
const lookMs = 10;

/** Defines a suite on the embedded store, with a virtual clock. */
export function onMemory(suite: Suite): void {
  describe('on the embedded store', () => {
    suite((name, body, timeoutMs) => {
      test(
        name,
        async () => {
          const world = new World();
          try {
            await world.run(body(suiteWorld(world)), 3_600_000);
          } finally {
            // Whatever became of the body: what it was waiting for must not go on in the next test.
            const { keys, ...rest } = await world.end();
            const durable = world.cluster.entries().filter(({ lease }) => lease === undefined);
            expect({ keys, ...rest }).toEqual({ keys: durable.map(({ key }) => key), leases: 0, timers: 0 });
          }
        },
        timeoutMs,
      );
    });
  });
}

function suiteWorld(world: World): SuiteWorld {
  const { clock } = world;
  const admin = world.cluster.store();
  const path = '/suite/test';
  const client = (options = {}): Client => world.node({ ttlMs: 60_000, ...options }).client;
  return {
    store: admin.traits.name,
    path,
    shortTtlMs: ttlMs,
    admin,
    client,
    clients: (count, options) => Array.from({ length: count }, () => client(options)),
    crash: (crashed) => crashed.store.close(),
    // The cluster looks for leases that have run out at their very time.
    expiryMs: (ms) => ms + lookMs,
    keys: async (under = path) => {
      const { entries } = await admin.read({ prefix: `${under}/`, order: 'oldest' });
      return entries.map(({ key }) => key);
    },
    sleep: (ms) => sleep(clock, ms),
    until: async (what, condition, timeoutMs = 60_000) => {
      for (const untilMs = clock.now() + timeoutMs; clock.now() < untilMs; await sleep(clock, lookMs)) {
        const value = await condition();
        if (value) return value;
      }
      throw new Error(`not within ${timeoutMs} ms: ${what}`);
    },
  };
}
