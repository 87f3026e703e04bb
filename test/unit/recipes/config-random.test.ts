/** Caches against a replay of the store's log, under random commits and faults. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Op, put, remove } from '../../../src/core/store.js';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import type { ConfigOptions } from '../../../src/recipes/config-options.js';
import type { FaultyStore } from '../../../src/testing/faulty-store.js';
import { World } from './world.js';

const common = '/config/common';
const path = '/config/app';
const names = ['a', 'b', 'a/x', 'a/y', 'b/z/deep', 'c'];

type Step =
  | { readonly kind: 'commit'; readonly writes: readonly (readonly [number, number, number])[] }
  | { readonly kind: 'fault'; readonly which: number; readonly how: (typeof faults)[number] }
  | { readonly kind: 'wait'; readonly ms: number };

const faults = ['compact', 'interrupt', 'partition', 'heal', 'dropRequests', 'dropAnswers', 'slow', 'fast'] as const;

const write = fc.tuple(fc.nat(1), fc.nat(names.length - 1), fc.integer({ min: -1, max: 3 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('commit'), writes: fc.array(write, { minLength: 1, maxLength: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fault'), which: fc.nat(5), how: fc.constantFrom(...faults) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 0, max: 300 }) }) },
);

/** What the keys say, by the rules of the documentation and in the simplest way. */
function expected(keys: ReadonlyMap<string, string>, layers: readonly string[]): unknown {
  const merge = (into: Record<string, unknown>, from: Record<string, unknown>): Record<string, unknown> => {
    for (const [name, value] of Object.entries(from)) {
      const here = into[name];
      const both = isObject(here) && isObject(value);
      into[name] = both ? merge(here, value) : value;
    }
    return into;
  };
  const all: Record<string, unknown> = {};
  for (const layer of layers) {
    const tree: Record<string, unknown> = {};
    for (const [key, text] of [...keys].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!key.startsWith(`${layer}/`)) continue;
      let at = tree;
      const segments = key.slice(layer.length + 1).split('/');
      const last = segments.pop() ?? '';
      for (const segment of segments) {
        // Keys come in order, so what a key itself says is there before those below it, which win over it.
        if (!isObject(at[segment])) at[segment] = {};
        at = at[segment] as Record<string, unknown>;
      }
      at[last] = Number(text);
    }
    merge(all, tree);
  }
  return all;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function inflict(world: World, store: FaultyStore, how: (typeof faults)[number]): void {
  if (how === 'compact') world.cluster.compact();
  else if (how === 'slow') store.delay(40);
  else if (how === 'fast') store.delay(0);
  else store[how]();
}

const kinds: readonly ConfigOptions<unknown>[] = [
  { onEmpty: 'accept', staleAfterMs: 500 },
  { onEmpty: 'accept', staleAfterMs: 500, layers: [common, path] },
  { onEmpty: 'accept', staleAfterMs: 500, debounceMs: 30 },
  {
    onEmpty: 'accept',
    staleAfterMs: 500,
    layers: [common, path],
    schema: {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value: structuredClone(value) }) },
    },
  },
  {
    staleAfterMs: 500,
    schema: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => (isValid(value) ? { value } : { issues: [{ message: 'three' }] }),
      },
    },
  },
  { onEmpty: 'accept', staleAfterMs: 500 },
];

/** What the picky one of the caches accepts. */
function isValid(value: unknown): boolean {
  return (value as { readonly c?: unknown }).c !== 3;
}

async function run(steps: readonly Step[]): Promise<void> {
  const world = new World();
  const admin = world.cluster.store();
  const keys = new Map<string, string>();
  const log = new Map<bigint, ReadonlyMap<string, string>>();
  await admin.commit([], [put('/elsewhere', '')]);
  const nodes = kinds.map(() => world.node());
  const opening = nodes.map(({ client }, n) => ConfigCache.open(client, path, kinds[n]));
  const caches = await world.run(Promise.all(opening));
  const lazy = caches.at(-1) as ConfigCache<unknown>;
  const take = async (one: Step): Promise<void> => {
    if (one.kind === 'wait') await world.clock.advance(one.ms);
    else if (one.kind === 'fault') inflict(world, nodes[one.which]?.store as FaultyStore, one.how);
    else {
      const writes = new Map(
        one.writes.map(([layer, name, value]) => [`${layer === 0 ? common : path}/${names[name]}`, value]),
      );
      const ops = [...writes].map(([key, value]): Op => (value < 0 ? remove(key) : put(key, String(value))));
      const { revision } = await world.run(admin.commit([], ops));
      for (const [key, value] of writes) value < 0 ? keys.delete(key) : keys.set(key, String(value));
      log.set(revision, new Map(keys));
    }
  };
  const problems: string[] = [];
  const announced: { readonly n: number; readonly revision: bigint; readonly value: unknown }[] = [];
  for (const [n, cache] of caches.slice(0, -1).entries()) {
    let last = cache.revision;
    cache.events.on('change', ({ revision, value, reset }) => {
      announced.push({ n, revision, value });
      if (!Object.is(value, cache.current) || !Object.isFrozen(value)) problems.push(`${n}: not the current one`);
      if (revision <= last || reset) problems.push(`${n}: ${revision} after ${last}`);
      last = revision;
    });
  }
  for (const one of steps) {
    await take(one);
    // This one is only looked at: what nobody listens to is made when it is asked for.
    if (one.kind === 'wait') announced.push({ n: kinds.length - 1, revision: lazy.revision, value: lazy.current });
  }
  for (const { store } of nodes) {
    store.heal();
    store.delay(0);
  }
  await world.clock.advance(60_000);
  for (const [n, cache] of caches.entries()) {
    const truth = expected(keys, (kinds[n]?.layers ?? [path]) as string[]) as object;
    // Empty from the beginning, or emptied: only the latter is an accident.
    const wasEmptied = kinds[n]?.onEmpty === undefined && Object.keys(truth).length === 0 && cache.source === 'store';
    if (kinds[n]?.schema === undefined || (isValid(truth) && !wasEmptied) || kinds[n]?.onEmpty !== undefined) {
      expect(cache.current).toEqual(truth);
      expect(cache.state).toEqual({ kind: 'fresh' });
    } else {
      expect(cache.state.kind).toBe('invalid');
      expect(isValid(cache.current)).toBe(true);
    }
  }
  expect(problems).toEqual([]);
  for (const { n, revision, value } of announced) {
    const at = [...log].filter(([one]) => one <= revision).at(-1)?.[1] ?? new Map();
    expect(value, `cache ${n} at ${revision}`).toEqual(expected(at, (kinds[n]?.layers ?? [path]) as string[]));
  }
  await world.run(Promise.all(caches.map((cache) => cache.close())));
  await admin.close();
  const { leases, timers } = await world.end();
  expect({ leases, timers }).toEqual({ leases: 0, timers: 0 });
}

describe('under random commits and faults', () => {
  test('every announced value is the state of the store at its revision, revisions grow, and in the end all agree', async () => {
    const runs = Number(process.env['COTERIE_RUNS'] ?? 60);
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), run), { numRuns: runs });
  }, 120_000);
});
