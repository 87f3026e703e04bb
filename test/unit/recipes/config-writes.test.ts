/** Writes under lost answers, lost requests and late application: what was told of as made was made, once, and nothing else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCoordinationError } from '../../../src/errors.js';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import type { FaultyStore } from '../../../src/testing/faulty-store.js';
import { World } from './world.js';

const path = '/config/app';
const faults = ['dropAnswers', 'dropRequests', 'holdRequests', 'holdAnswers', 'interrupt', 'slow', 'fast'] as const;

/** Longer than any outage of these tests. */
const longTtlMs = 600_000;

interface Fault {
  readonly which: number;
  readonly how: (typeof faults)[number];
  readonly afterMs: number;
}

const fault = fc.record({ which: fc.nat(2), how: fc.constantFrom(...faults), afterMs: fc.nat(3_000) });

async function inflict(world: World, store: FaultyStore, how: Fault['how']): Promise<void> {
  if (how === 'slow') store.delay(30);
  else if (how === 'fast') store.delay(0);
  else if (how === 'dropAnswers' || how === 'dropRequests') store[how]({ verb: 'commit', count: 2 });
  else store[how]();
  if (how !== 'holdRequests' && how !== 'holdAnswers') return;
  // Longer than a commit is waited for, so that it is applied late.
  await world.clock.advance(5_500);
  store.releaseRequests();
  store.releaseAnswers();
}

async function run(shape: 'tree' | 'node', ttlMs: number, plan: readonly Fault[]): Promise<void> {
  const world = new World();
  const nodes = [world.node({ ttlMs }), world.node({ ttlMs }), world.node({ ttlMs })];
  const caches = await world.run(
    Promise.all(nodes.map(({ client }) => ConfigCache.open<{ readonly n?: number }>(client, path, { shape }))),
  );
  let made = 0;
  let unknown = 0;
  let over = false;
  const count = async (cache: ConfigCache<{ readonly n?: number }>): Promise<void> => {
    while (!over) {
      const { revision, value } = cache.explain('n');
      try {
        const at = await cache.set('n', Number(value ?? 0) + 1, { ifRevision: revision });
        made++;
        await cache.waitUntil(at);
      } catch (error) {
        // What else there is passes by itself; of these two it is known that nothing was written.
        if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) unknown++;
        else expect(['CONFLICT', 'UNAVAILABLE', 'TIMEOUT']).toContain(isCoordinationError(error) ? error.code : error);
      }
      await new Promise<void>((resolve) => world.clock.after(50, resolve));
    }
  };
  const counting = Promise.all(caches.map(count));
  for (const { which, how, afterMs } of plan) {
    await world.clock.advance(afterMs);
    const { store } = nodes[which] ?? nodes[0] ?? world.node();
    await inflict(world, store, how);
  }
  over = true;
  for (const { store } of nodes) {
    store.heal();
    store.delay(0);
  }
  await world.run(counting, 600_000);
  await world.clock.advance(60_000);
  expect(made).toBeGreaterThan(0);
  if (ttlMs === longTtlMs) expect(unknown).toBe(0);
  for (const { current } of caches) {
    expect(current).toEqual(caches[0]?.current);
    expect(current.n).toBeGreaterThanOrEqual(made);
    // Of a write during which its session ended, it is only known that it was made once or not at all.
    expect(current.n).toBeLessThanOrEqual(made + unknown);
  }
  await world.run(Promise.all(caches.map((cache) => cache.close())));
  const { keys, leases, timers } = await world.end();
  expect({ keys: keys.filter((key) => key.includes('.writes/')), leases, timers }).toEqual({
    keys: [],
    leases: 0,
    timers: 0,
  });
}

describe('compared writes of three at once', () => {
  test.each([
    ['tree', longTtlMs],
    ['node', longTtlMs],
    ['tree', 3_000],
  ] as const)(
    'are counted exactly, in a %s, by sessions of %d ms',
    async (shape, ttlMs) => {
      const runs = Number(process.env['COTERIE_RUNS'] ?? 15);
      const plans = fc.array(fault, { minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(plans, (plan) => run(shape, ttlMs, plan)),
        { numRuns: runs },
      );
    },
    120_000,
  );
});
