import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { diagnostics } from '../../../src/core/diagnostics.js';
import type { StandardSchema } from '../../../src/core/standard-schema.js';
import { type Batch, type Entry, put, type Range, type Watch } from '../../../src/core/store.js';
import { CoordinationError } from '../../../src/errors.js';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import type { ConfigOptions } from '../../../src/recipes/config-options.js';
import type { ConfigVersion } from '../../../src/recipes/config-version.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { configCacheSuite } from '../../suites/config-cache.js';
import { deaf } from './deaf.js';
import { onMemory } from './on-memory.js';
import { type Node, World, watched } from './world.js';

onMemory(configCacheSuite);

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  const { leases, timers } = await world.end();
  expect({ leases, timers }).toEqual({ leases: 0, timers: 0 });
});

const path = '/config/app';

/** Whatever the tests put into the store. */
interface Any {
  readonly db: { readonly pool: number; readonly host: string };
  readonly log: object;
  readonly list: readonly unknown[];
  readonly n: number;
  readonly m: number;
  readonly polluted: unknown;
}

function seed(entries: Record<string, string>, under = path): void {
  for (const [key, text] of Object.entries(entries)) world.cluster.putKey(`${under}/${key}`, text);
}

async function opened(options: ConfigOptions<Any> = {}, node: Node = world.node()) {
  const cache = await world.run(ConfigCache.open<Any>(node.client, path, options));
  return { cache, ...node };
}

interface Channel {
  subscribe(listener: (event: unknown) => void): void;
  unsubscribe(listener: (event: unknown) => void): void;
}

/** Accepts what the function does not complain about. */
function schemaOf<T>(complaint: (value: T) => string | undefined, at: readonly string[] = []): StandardSchema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        // The test's own values.
        const message = complaint(value as T);
        return message === undefined ? { value: value as T } : { issues: [{ message, path: at }] };
      },
    },
  };
}

const positivePool = schemaOf<Any>(
  ({ db }) => (Number(db?.pool) > 0 ? undefined : `must be positive, got ${JSON.stringify(db?.pool)}`),
  ['db', 'pool'],
);

async function rejection(promise: Promise<unknown>): Promise<Partial<CoordinationError>> {
  try {
    await world.run(promise);
  } catch (error) {
    return error as CoordinationError;
  }
  throw new Error('was not rejected');
}

describe('what is read', () => {
  test('is frozen to the last part, and the same for as long as nothing changes', async () => {
    seed({ 'db/pool': '5', list: '[{"a":1}]', name: 'x' });
    const { cache } = await opened();
    const { current } = cache;
    expect(current).toEqual({ db: { pool: 5 }, list: [{ a: 1 }], name: 'x' });
    expect(cache.current).toBe(current);
    for (const part of [current, current.db, current.list, current.list?.[0]]) expect(Object.isFrozen(part)).toBe(true);
    world.cluster.putKey('/config/app2/x', 'a sibling');
    world.cluster.putKey(`${path}/name`, 'x');
    await world.clock.advance(100);
    expect(cache.current).toBe(current);
    expect(cache.revision).toBe(6n);
    await cache.close();
  });

  test('shares with the last version every part that did not change, also through a schema that copies', async () => {
    seed({ 'db/pool': '5', 'db/host': 'a', 'log/level': 'info', 'log/tags': '["a","b"]' });
    const copying: StandardSchema<Any> = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: structuredClone(value) as Any }) },
    };
    for (const options of [{}, { schema: copying }]) {
      const { cache } = await opened(options);
      const before = cache.current;
      world.cluster.putKey(`${path}/db/pool`, String(world.clock.now() + 10));
      await world.clock.advance(1);
      expect(cache.current).not.toBe(before);
      expect(cache.current.db).not.toBe(before.db);
      expect(cache.current.log).toBe(before.log);
      await cache.close();
    }
  });

  test('a leaf is JSON where that loses nothing, else the text', async () => {
    const texts = { a: '1', b: '1.10', c: '007', d: 'true', e: '"true"', f: '{"x":1}', g: 'hello', h: '', i: 'null' };
    seed({ ...texts, j: '12345678901234567890', k: '{broken', l: '-0.5' });
    const { cache } = await opened();
    expect(cache.current).toEqual({
      ...{ a: 1, b: '1.10', c: '007', d: true, e: 'true', f: { x: 1 }, g: 'hello', h: '', i: null },
      ...{ j: '12345678901234567890', k: '{broken', l: -0.5 },
    });
    await cache.close();
  });

  test('names that mean something to the language are names like others', async () => {
    seed({ '__proto__/polluted': '1', constructor: 'x', 'a/__proto__': '2' });
    const { cache } = await opened({ layers: [{ a: { b: 1 } }, path] });
    expect(Object.getOwnPropertyDescriptor(cache.current, '__proto__')?.value).toEqual({ polluted: 1 });
    expect(cache.get('__proto__.polluted')).toBe(1);
    expect(cache.get('toString')).toBeUndefined();
    expect(cache.get('a.__proto__')).toBe(2);
    expect(({} as Partial<Any>).polluted).toBeUndefined();
    await cache.close();
  });

  test('keys below a key win over what the key itself says, unless that is an object too', async () => {
    seed({ a: 'text', 'a/b': '1', c: '{"d":1,"e":1}', 'c/d': '2' });
    const { cache } = await opened();
    expect(cache.current).toEqual({ a: { b: 1 }, c: { d: 2, e: 1 } });
    world.cluster.deleteKey(`${path}/a/b`);
    world.cluster.deleteKey(`${path}/c/d`);
    await world.clock.advance(1);
    expect(cache.current).toEqual({ a: 'text', c: { d: 1, e: 1 } });
    await cache.close();
  });
});

describe('what is told', () => {
  test('a listener hears of changes in what it selects, with what was before and the difference, and of no others', async () => {
    seed({ 'db/pool': '5', name: 'x' });
    const { cache } = await opened();
    const [all, pool, made, byKey] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
    cache.onChange(all);
    cache.onChange(({ db }) => db, pool);
    cache.onChange(({ db }) => ({ twice: Number(db?.pool) * 2 }), made);
    const off = cache.onChange('db.pool', byKey);
    world.cluster.putKey(`${path}/name`, 'y');
    await world.clock.advance(1);
    expect([all, pool, made, byKey].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 0, 0]);
    world.cluster.putKey(`${path}/db/pool`, '6');
    await world.clock.advance(1);
    expect(pool).toHaveBeenCalledExactlyOnceWith({ pool: 6 }, { pool: 5 }, expect.anything());
    expect(made).toHaveBeenCalledExactlyOnceWith({ twice: 12 }, { twice: 10 }, expect.anything());
    expect(byKey.mock.calls[0]?.[2]).toMatchObject([{ key: 'db.pool', kind: 'changed', before: 5, after: 6 }]);
    off();
    world.cluster.deleteKey(`${path}/db/pool`);
    await world.clock.advance(1);
    expect([all, pool, byKey].map(({ mock }) => mock.calls.length)).toEqual([3, 2, 1]);
    await cache.close();
  });

  test('a listener that throws, or whose promise rejects, harms nobody and is heard of', async () => {
    seed({ n: '1' });
    const { cache } = await opened();
    const [errors, after]: [unknown[], unknown[]] = [[], []];
    cache.events.on('error', (error) => errors.push(error));
    cache.events.on('change', () => {
      throw new Error('event');
    });
    cache.onChange(() => {
      throw new Error('sync');
    });
    cache.onChange(async () => {
      throw new Error('async');
    });
    cache.onChange((next) => after.push(next));
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(1);
    expect(errors.map(String).sort()).toEqual(['Error: async', 'Error: event', 'Error: sync']);
    expect(after).toEqual([{ n: 2 }]);
    await cache.close();
  });

  test('a burst within the debounce is one change, and one that does not end is told of nevertheless', async () => {
    seed({ n: '0' });
    const { cache } = await opened({ debounceMs: 50 });
    const seen: unknown[] = [];
    cache.onChange((next) => seen.push(next.n));
    for (let n = 1; n <= 5; n++) {
      world.cluster.putKey(`${path}/n`, String(n));
      await world.clock.advance(20);
      expect(cache.current).toEqual({ n: 0 });
    }
    await world.clock.advance(50);
    expect(seen).toEqual([5]);
    for (let n = 6; n < 60; n++) {
      world.cluster.putKey(`${path}/n`, String(n));
      await world.clock.advance(20);
    }
    expect(seen.length).toBeGreaterThanOrEqual(3);
    await cache.close();
  });

  test('one who iterates slowly gets the newest, with all that changed since, and makes nothing pile up', async () => {
    seed({ n: '0', m: '0' });
    const { cache } = await opened();
    const versions = cache[Symbol.asyncIterator]();
    expect((await versions.next()).value).toMatchObject({ value: { n: 0 }, diff: [] });
    for (let n = 1; n <= 1_000; n++) {
      world.cluster.putKey(`${path}/${n % 2 ? 'n' : 'm'}`, String(n));
      await settle();
    }
    const next = await versions.next();
    expect(next.value.value).toEqual({ n: 999, m: 1000 });
    expect(next.value.previous).toEqual({ n: 0, m: 0 });
    expect(next.value.diff).toMatchObject([{ key: 'm' }, { key: 'n' }]);
    const pending = versions.next();
    await cache.close();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await versions.next()).toEqual({ done: true, value: undefined });
  });

  test('recent has the last versions, and no more', async () => {
    seed({ n: '0' });
    const { cache } = await opened({ recentSize: 3 });
    for (let n = 1; n <= 5; n++) {
      world.cluster.putKey(`${path}/n`, String(n));
      await world.clock.advance(1);
    }
    expect(cache.recent.map(({ value }) => value.n)).toEqual([3, 4, 5]);
    await cache.close();
  });

  test('diagnostics are published where somebody listens, and carry no value', async () => {
    seed({ 'db/pool': '5' });
    const seen: unknown[] = [];
    const listen = (event: unknown): void => void seen.push(event);
    const channels = [diagnostics.config, diagnostics.rejection] as unknown as Channel[];
    for (const channel of channels) channel.subscribe(listen);
    const { cache } = await opened({ schema: positivePool });
    world.cluster.putKey(`${path}/db/pool`, '-1');
    await world.clock.advance(1);
    for (const channel of channels) channel.unsubscribe(listen);
    expect(seen).toEqual([
      { path, revision: 2n, changedKeys: 1 },
      { path, revision: 3n, key: 'db.pool', issues: 1 },
    ]);
    await cache.close();
  });
});

describe('what is refused', () => {
  test('never becomes current: the last good value stays, says so, and gives way to the next good one', async () => {
    seed({ 'db/pool': '5' });
    const { cache } = await opened({ schema: positivePool });
    const good = cache.current;
    const [refused, states]: [unknown[], string[]] = [[], []];
    cache.events.on('rejected', (rejection) => refused.push(rejection));
    cache.events.on('state', ({ kind }) => states.push(kind));
    world.cluster.putKey(`${path}/db/pool`, '-1');
    await world.clock.advance(1);
    expect(cache.current).toBe(good);
    expect(cache.revision).toBe(2n);
    expect(cache.state.kind).toBe('invalid');
    expect(cache.rejected).toMatchObject({ reason: 'schema', revision: 3n, issues: [{ key: 'db.pool' }] });
    expect(refused).toEqual([cache.rejected]);
    world.cluster.putKey(`${path}/db/pool`, '7');
    await world.clock.advance(1);
    expect(cache.current).toEqual({ db: { pool: 7 } });
    expect(cache.rejected).toBeUndefined();
    expect(states).toEqual(['invalid', 'fresh']);
    await cache.close();
  });

  test('a document that is not in its format, and a schema that throws, are refused too', async () => {
    world.cluster.putKey(path, '{"a":1}');
    const { cache } = await opened({ shape: 'node' });
    world.cluster.putKey(path, '{"a":hunter2}');
    await world.clock.advance(1);
    expect(cache.current).toEqual({ a: 1 });
    expect(cache.rejected).toMatchObject({ reason: 'unreadable', revision: 3n });
    expect(inspect(cache.rejected)).not.toContain('hunter2');
    world.cluster.putKey(path, '{"a":2}');
    await world.clock.advance(1);
    expect(cache.current).toEqual({ a: 2 });
    await cache.close();
    const throwing = schemaOf<Any>(() => {
      throw new Error('oops');
    });
    expect(await rejection(ConfigCache.open(world.node().client, path, { schema: throwing }))).toMatchObject({
      code: 'INVALID_CONFIG',
    });
  });

  test('an empty store is taken for an accident, unless it is to be taken at its word', async () => {
    seed({ n: '1' });
    const { cache } = await opened();
    const { cache: trusting } = await opened({ onEmpty: 'accept' });
    world.cluster.deleteKey(`${path}/n`);
    await world.clock.advance(1);
    expect(cache.current).toEqual({ n: 1 });
    expect(cache.state).toMatchObject({ kind: 'invalid', rejection: { reason: 'empty', revision: 3n } });
    expect(trusting.current).toEqual({});
    expect(trusting).toMatchObject({ state: { kind: 'fresh' }, source: 'defaults' });
    seed({ m: '2' });
    await world.clock.advance(1);
    expect([cache.current, trusting.current]).toEqual([{ m: 2 }, { m: 2 }]);
    await Promise.all([cache.close(), trusting.close()]);
  });

  test('stays out though nobody has looked at the last good value before', async () => {
    seed({ n: '1' });
    const { cache } = await opened();
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(1);
    const { revision } = cache;
    world.cluster.deleteKey(`${path}/n`);
    await world.clock.advance(1);
    expect(cache).toMatchObject({ revision, state: { kind: 'invalid' } });
    expect(cache.explain('n')).toMatchObject({ value: 2, from: path });
    expect(cache.current).toEqual({ n: 2 });
    await cache.close();
  });

  test('a slow validation that was overtaken by that of a newer revision does not put the older one in place', async () => {
    seed({ n: '1' });
    const pending = new Map<unknown, () => void>();
    const slow: StandardSchema<Any> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          new Promise((resolve) => pending.set((value as Any).n, () => resolve({ value: value as Any }))),
      },
    };
    const opening = ConfigCache.open<Any>(world.node().client, path, { schema: slow });
    await settle();
    pending.get(1)?.();
    const cache = await world.run(opening);
    const seen: unknown[] = [];
    cache.onChange((next) => seen.push(next.n));
    for (let n = 2; n <= 6; n++) {
      world.cluster.putKey(`${path}/n`, String(n));
      await settle();
    }
    expect([...pending.keys()]).toEqual([1, 2, 3]);
    pending.get(3)?.();
    await settle();
    expect([...pending.keys()]).toEqual([1, 2, 3, 6]);
    pending.get(2)?.();
    await settle();
    expect(seen).toEqual([3]);
    pending.get(6)?.();
    await settle();
    expect(seen).toEqual([3, 6]);
    expect(cache.revision).toBe(7n);
    await cache.close();
  });

  test('a validation that is under way when the cache is closed changes nothing any more', async () => {
    seed({ n: '1' });
    let release = (): void => {};
    const slow: StandardSchema<Any> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          const result = { value: value as Any };
          if ((value as Any).n === 1) return result;
          return new Promise((resolve) => (release = () => resolve(result)));
        },
      },
    };
    const { cache } = await opened({ schema: slow });
    world.cluster.putKey(`${path}/n`, '2');
    await settle();
    await cache.close();
    release();
    await settle();
    expect(cache.current).toEqual({ n: 1 });
    expect(cache.state).toEqual({ kind: 'closed' });
  });
});

describe('without the store', () => {
  test('open rejects when there is nothing else, and leaves nothing behind', async () => {
    const { client, store } = world.node();
    store.partition();
    expect(await rejection(ConfigCache.open(client, path, { timeoutMs: 300 }))).toMatchObject({ code: 'TIMEOUT' });
    expect(world.clock.pending).toBe(0);
    const abort = new AbortController();
    const opening = ConfigCache.open(client, path, { signal: abort.signal, layers: [{ a: 1 }, path] });
    const outcome = watched(opening);
    await world.clock.advance(10);
    abort.abort(new Error('shutting down'));
    await settle();
    expect(outcome).toMatchObject({ outcome: 'rejected', error: { message: 'shutting down' } });
    expect(world.clock.pending).toBe(0);
  });

  test('open falls back to the object layers, says so, and catches up by itself', async () => {
    seed({ n: '1' });
    const node = world.node();
    node.store.partition();
    const { cache } = await opened({ layers: [{ n: 0, d: true }, path], timeoutMs: 300 }, node);
    expect(cache.current).toEqual({ n: 0, d: true });
    expect(cache).toMatchObject({ source: 'defaults', revision: 0n, state: { kind: 'stale' } });
    node.store.heal();
    await world.clock.advance(10);
    expect(cache.current).toEqual({ n: 1, d: true });
    expect(cache).toMatchObject({ source: 'store', revision: 2n, state: { kind: 'fresh' }, staleSince: undefined });
    await cache.close();
  });

  test('a cut-off cache knows it within staleAfterMs, and since when, and is fresh again after', async () => {
    seed({ n: '1' });
    const { cache, store } = await opened({ staleAfterMs: 1_000 });
    await world.clock.advance(5_000);
    expect(cache.state).toEqual({ kind: 'fresh' });
    const cutMs = world.clock.wall();
    store.partition();
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(1_001);
    expect(cache.state).toMatchObject({ kind: 'stale', code: 'TIMEOUT' });
    expect(cache.staleSince).toBeLessThanOrEqual(cutMs);
    expect(cache.staleSince).toBeGreaterThan(cutMs - 501);
    expect(cache.current).toEqual({ n: 1 });
    await world.clock.advance(10_000);
    store.heal();
    await world.clock.advance(1_000);
    expect(cache.current).toEqual({ n: 2 });
    expect(cache.state).toEqual({ kind: 'fresh' });
    await cache.close();
  });

  test('a silent cache costs one small read for each half of staleAfterMs', async () => {
    seed({ n: '1' });
    const { cache, store } = await opened({ staleAfterMs: 10_000 });
    const before = store.requestCount;
    // Not as long as to the first audit.
    await world.clock.advance(25_000);
    expect(store.requestCount - before).toBe(5);
    await cache.close();
  });

  test('one event that comes late after an outage does not make a cache fresh: all is read anew', async () => {
    seed({ n: '1' });
    const node = world.node();
    const { cache } = await opened({ staleAfterMs: 1_000 }, node);
    const read = vi
      .spyOn(node.store, 'read')
      .mockRejectedValue(new CoordinationError('UNAVAILABLE', 'Nobody answers.'));
    await world.clock.advance(1_000);
    expect(cache.state.kind).toBe('stale');
    read.mockRestore();
    const before = node.store.requests.watch;
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(10);
    expect(cache.current).toEqual({ n: 2 });
    expect(cache.state.kind).toBe('fresh');
    expect(node.store.requests.watch - before).toBe(1);
    await cache.close();
  });

  test('a watch that lost an event is found out by its audit, and opened anew', async () => {
    seed({ n: '1' });
    const node = world.node();
    const real = node.store.watch.bind(node.store);
    const spy = vi.spyOn(node.store, 'watch').mockImplementationOnce((range) => deaf(real(range)));
    const { cache } = await opened({ staleAfterMs: 1_000 }, node);
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(25_000);
    expect(cache.current).toEqual({ n: 1 });
    await world.clock.advance(41_000);
    expect(cache.current).toEqual({ n: 2 });
    expect(spy).toHaveBeenCalledTimes(2);
    await cache.close();
  });

  test('a watch that the store ends is opened again and again, and the last good value stays meanwhile', async () => {
    seed({ n: '1' });
    const node = world.node();
    const real = node.store.watch.bind(node.store);
    let broken = false;
    let fail = (_error: unknown): void => {};
    vi.spyOn(node.store, 'watch').mockImplementation((range) => {
      if (broken) throw new CoordinationError('CLUSTER_CHANGED', 'Another cluster.');
      return failing(real(range), (how) => (fail = how));
    });
    const { cache } = await opened({}, node);
    const errors: unknown[] = [];
    cache.events.on('error', (error) => errors.push((error as CoordinationError).code));
    broken = true;
    fail(new CoordinationError('CLUSTER_CHANGED', 'Another cluster.'));
    await world.clock.advance(20_000);
    expect(cache.state).toMatchObject({ kind: 'stale', code: 'CLUSTER_CHANGED' });
    expect(cache.current).toEqual({ n: 1 });
    expect(new Set(errors)).toEqual(new Set(['CLUSTER_CHANGED']));
    broken = false;
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(16_000);
    expect(cache.current).toEqual({ n: 2 });
    expect(cache.state).toEqual({ kind: 'fresh' });
    await cache.close();
  });

  test('a store whose revisions go back is believed, with a word about it, at revisions of the same number too', async () => {
    const node = world.node();
    const script = scripted();
    vi.spyOn(node.store, 'watch').mockImplementation((range) => script.watch(range));
    script.push({ kind: 'snapshot', revision: 100n, entries: [entry('n', '1', 90n), entry('m', '1', 50n)] });
    const { cache } = await opened({}, node);
    const [resets, changes]: [unknown[], ConfigVersion<Any>[]] = [[], []];
    cache.events.on('reset', (reset) => resets.push(reset));
    cache.events.on('change', (version) => changes.push(version));
    script.push({ kind: 'snapshot', revision: 60n, entries: [entry('n', '2', 40n), entry('m', 'other', 50n)] });
    await world.clock.advance(1);
    expect(cache.current).toEqual({ n: 2, m: 'other' });
    expect(cache.revision).toBe(60n);
    expect(resets).toEqual([{ from: 100n, to: 60n }]);
    expect(changes).toMatchObject([{ reset: true, revision: 60n }]);
    await cache.close();
  });

  test('a client that is closed closes the cache: what is current stays readable, all else ends', async () => {
    seed({ n: '1' });
    const { cache, client } = await opened();
    const waiting = watched(cache.waitUntil(99n));
    const next = cache[Symbol.asyncIterator]();
    await next.next();
    const last = watched(next.next());
    await world.run(client.close());
    await settle();
    expect(cache.state).toEqual({ kind: 'closed' });
    expect(cache.current).toEqual({ n: 1 });
    expect(waiting).toMatchObject({ outcome: 'rejected', error: { code: 'CLOSED' } });
    expect(last).toMatchObject({ outcome: 'resolved', value: { done: true } });
  });
});

describe('waitUntil', () => {
  test('resolves once the revision is current, and opens the watch anew where the word of it got lost', async () => {
    seed({ n: '1' });
    const node = world.node();
    const real = node.store.watch.bind(node.store);
    vi.spyOn(node.store, 'watch').mockImplementationOnce((range) => deaf(real(range)));
    const { cache } = await opened({}, node);
    const revision = world.cluster.putKey(`${path}/n`, '2');
    const elsewhere = world.cluster.putKey('/elsewhere', 'x');
    await world.run(cache.waitUntil(revision));
    expect(cache.current).toEqual({ n: 2 });
    await world.run(cache.waitUntil(elsewhere));
    expect(await rejection(cache.waitUntil(99n, { timeoutMs: 5_000 }))).toMatchObject({ code: 'TIMEOUT' });
    await cache.close();
    expect(await rejection(cache.waitUntil(99n))).toMatchObject({ code: 'CLOSED' });
  });

  test('rejects where what the store holds at that revision was refused', async () => {
    seed({ 'db/pool': '1' });
    const { cache } = await opened({ schema: positivePool });
    const revision = world.cluster.putKey(`${path}/db/pool`, '-1');
    expect(await rejection(cache.waitUntil(revision))).toMatchObject({ code: 'INVALID_CONFIG' });
    await cache.close();
  });
});

describe('layers', () => {
  test('objects merge, everything else replaces, null too; explain tells which layer it was', async () => {
    seed({ 'db/pool': '5', 'db/tags': '["c"]', off: 'null' }, '/config/common');
    seed({ 'db/pool': '6' });
    const defaults = { db: { pool: 1, host: 'h', tags: ['a', 'b'] }, off: { x: 1 }, none: undefined };
    const { cache } = await opened({ layers: [defaults, '/config/common', path, { db: { host: 'env' } }] });
    expect(cache.current).toEqual({ db: { pool: 6, host: 'env', tags: ['c'] }, off: null });
    expect(Object.isFrozen(cache.current.db)).toBe(true);
    expect(Object.isFrozen(defaults.db)).toBe(false);
    const pool = cache.explain('db.pool');
    expect(pool).toMatchObject({ key: 'db.pool', value: 6, from: path });
    expect(pool.overrode.map(({ layer, value }) => [layer, value])).toEqual([
      ['/config/common', 5],
      ['layers[0]', 1],
    ]);
    expect(cache.explain('db.host').from).toBe('layers[3]');
    expect(cache.explain('off.x')).toMatchObject({ from: '/config/common', value: undefined });
    expect(cache.explain('nothing')).toMatchObject({ from: undefined, value: undefined, layers: [] });
    await cache.close();
  });

  test('through interruptions and lost reads, all layers are of one revision', async () => {
    seed({ n: '0' }, '/config/common');
    seed({ m: '0' });
    const { cache, store } = await opened({ layers: ['/config/common', path] });
    const torn: unknown[] = [];
    cache.onChange((next) => {
      if (next.n !== next.m) torn.push(next);
    });
    const admin = world.cluster.store();
    for (let n = 1; n <= 50; n++) {
      if (n % 7 === 0) store.interrupt();
      if (n % 11 === 0) store.dropRequests({ verb: 'commit' });
      store.delay(n % 5);
      await world.run(admin.commit([], [put('/config/common/n', `${n}`), put(`${path}/m`, `${n}`)]));
      await world.clock.advance(3);
    }
    await world.clock.advance(5_000);
    expect(torn).toEqual([]);
    expect(cache.current).toEqual({ n: 50, m: 50 });
    await cache.close();
  });
});

describe('a write', () => {
  test('is checked by the schema before it is sent', async () => {
    seed({ 'db/pool': '5' });
    const { cache, store } = await opened({ schema: positivePool });
    const { commit } = store.requests;
    expect(await rejection(cache.set('db.pool', -1))).toMatchObject({ code: 'INVALID_CONFIG' });
    expect(await rejection(cache.delete('db.pool'))).toMatchObject({ code: 'INVALID_CONFIG' });
    expect(store.requests.commit).toBe(commit);
    const revision = await world.run(cache.set('db.pool', 6));
    await world.run(cache.waitUntil(revision));
    expect(cache.current).toEqual({ db: { pool: 6 } });
    await cache.close();
  });

  test('what is written is what is read, whatever it looks like', async () => {
    const { cache } = await opened();
    const values = ['text', 'true', '1', '1.10', '', ' 1', '"q"', '{', 5, -0.5, true, null, ['a', 1], { x: { y: 1 } }];
    for (const [n, value] of values.entries())
      await world.run(cache.waitUntil(await world.run(cache.set(`v${n}`, value))));
    expect(Object.values(cache.current)).toEqual(values);
    await cache.close();
  });

  test('compared with what it was decided by, it conflicts with every other', async () => {
    seed({ n: '1' });
    const { cache } = await opened();
    const { revision } = cache.explain('n');
    expect(revision).toBe(2n);
    world.cluster.putKey(`${path}/n`, '2');
    for (const options of [{ ifRevision: revision }, { ifRevision: 0n }, { compare: 1 }, { compare: undefined }]) {
      expect(await rejection(cache.set('n', 3, options))).toMatchObject({ code: 'CONFLICT', key: `${path}/n` });
      expect(await rejection(cache.delete('n', options))).toMatchObject({ code: 'CONFLICT' });
    }
    await world.run(cache.set('n', 3, { compare: 2 }));
    await world.run(cache.set('new', 1, { ifRevision: 0n }));
    expect(await world.run(cache.delete('nothing'))).toBeUndefined();
    const gone = await world.run(cache.delete('new'));
    await world.run(cache.waitUntil(gone ?? 99n));
    expect(cache.current).toEqual({ n: 3 });
    await cache.close();
  });

  test('explain tells no revision that the current value does not know of', async () => {
    seed({ 'db/pool': '5' });
    const { cache } = await opened({ schema: positivePool });
    world.cluster.putKey(`${path}/db/pool`, '-1');
    await world.clock.advance(1);
    expect(cache.get('db.pool')).toBe(5);
    expect(cache.explain('db.pool').revision).toBe(2n);
    const { revision } = cache.explain('db.pool');
    expect(await rejection(cache.set('db.pool', 6, { ifRevision: revision }))).toMatchObject({ code: 'CONFLICT' });
    await cache.close();
  });

  test('a part of a document leaves the rest of it alone', async () => {
    // Loading it takes real time, which the virtual clock does not wait for.
    world.cluster.putKey(path, '# why\na: 1 # one\nb:\n  c: x\n');
    const cache = await openedYaml();
    expect(cache.current).toEqual({ a: 1, b: { c: 'x' } });
    const text = () => Buffer.from(world.cluster.entries().find(({ key }) => key === path)?.value ?? '').toString();
    await world.run(cache.set('b.c', 'y'));
    expect(text()).toBe('# why\na: 1 # one\nb:\n  c: y\n');
    await world.run(cache.delete('a'));
    expect(text()).not.toContain('a: 1');
    await world.run(cache.set('', { all: 'new' }));
    expect(text()).toBe('all: new\n');
    await cache.close();
  });

  test.each(['dropAnswers', 'dropRequests'] as const)('is made once though %s loses its commits', async (how) => {
    seed({ n: '1' });
    const { cache, store, client } = await opened();
    await world.run(client.session());
    const before = world.cluster.entries().find(({ key }) => key === `${path}/n`)?.modified ?? 0n;
    store[how]({ verb: 'commit', count: 3 });
    const revision = await world.run(cache.set('n', 2, { ifRevision: before }));
    const now = world.cluster.entries().find(({ key }) => key === `${path}/n`);
    expect(now?.modified).toBe(revision);
    await cache.close();
  });

  test('that was applied though its answer was lost and another wrote since, is told of as made', async () => {
    seed({ n: '1' });
    const { cache, store, client } = await opened();
    await world.run(client.session());
    const { revision } = cache.explain('n');
    store.dropAnswers({ verb: 'commit' });
    const writing = cache.set('n', 2, { ifRevision: revision });
    const outcome = watched(writing);
    await settle();
    expect(outcome.outcome).toBe('pending');
    const others = world.cluster.putKey(`${path}/n`, '3');
    const own = await world.run(writing);
    expect(own).toBeLessThan(others);
    await cache.close();
  });

  test('that was refused after a lost answer cannot be applied later', async () => {
    const { cache, store, client } = await opened();
    await world.run(client.session());
    const admin = world.cluster.store();
    let late: Parameters<typeof store.commit> | undefined;
    vi.spyOn(store, 'commit').mockImplementationOnce((...sent) => {
      late = sent;
      // Another is first, while it is on its way.
      world.cluster.putKey(`${path}/n`, 'theirs');
      return Promise.reject(new CoordinationError('UNKNOWN_OUTCOME', 'No answer.'));
    });
    expect(await rejection(cache.set('n', 2, { ifRevision: 0n }))).toMatchObject({ code: 'CONFLICT' });
    world.cluster.deleteKey(`${path}/n`);
    const [guards = [], ops = []] = late ?? [];
    expect(await admin.commit(guards, ops)).toMatchObject({ ok: false });
    expect(world.keys().filter((key) => key.startsWith(`${path}/`))).toEqual([]);
    await admin.close();
    await cache.close();
  });

  test('what cannot be a key or a value is refused before anything is sent', async () => {
    seed({ 'a/b': '1' });
    const { cache, store } = await opened();
    const { commit } = store.requests;
    for (const key of ['', 'a..b', ['a/b'], [''], 5]) {
      expect(await rejection(cache.set(key as string, 1))).toMatchObject({ code: 'INVALID_KEY' });
    }
    expect(await rejection(cache.set('a', 1))).toMatchObject({ code: 'INVALID_KEY', problem: 'has-keys-below' });
    for (const value of [undefined, () => {}, 5n, Symbol('x')]) {
      expect(await rejection(cache.set('x', value))).toMatchObject({ code: 'INVALID_VALUE' });
    }
    expect(await rejection(cache.set('x', 1, { ifRevision: 5 as never }))).toMatchObject({ code: 'INVALID_OPTION' });
    expect(await rejection(cache.set('x', 1, { nope: 1 } as never))).toMatchObject({ code: 'UNKNOWN_OPTION' });
    expect(store.requests.commit).toBe(commit);
    await cache.close();
    expect(await rejection(cache.set('x', 1))).toMatchObject({ code: 'CLOSED' });
  });

  test('costs a read, a commit and one to take its witness away', async () => {
    const { cache, store, client } = await opened();
    await world.run(client.session());
    const before = store.requestCount;
    await world.run(cache.set('n', 1));
    expect(store.requestCount - before).toBe(3);
    expect(world.keys()).toEqual([`${path}/n`]);
    await cache.close();
  });
});

describe('secrets', () => {
  test('are in what is read, and in nothing that is printed', async () => {
    seed({ 'db/password': 'hunter2', 'db/host': 'shown', 'users/ada/token': 'hunter2' });
    const complaining = schemaOf<Any>(
      ({ db }) => (String(db?.host) === 'bad' ? `no: ${JSON.stringify(db)}` : undefined),
      ['db'],
    );
    const secrets = ['db.password', 'users.*.token'];
    const { cache } = await opened({
      secrets,
      schema: complaining,
      recentSize: 5,
      layers: [{ db: { password: 'hunter2' } }, path],
    });
    expect(cache.get('db.password')).toBe('hunter2');
    const printed: unknown[] = [];
    const print = (what: unknown): void => {
      const text = JSON.stringify(what, (_, value) => (typeof value === 'bigint' ? String(value) : value));
      printed.push(inspect(what, { depth: 10 }), text);
    };
    cache.events.on('change', print);
    cache.events.on('rejected', print);
    cache.onChange((_next, _previous, diff) => print(diff));
    const versions = cache[Symbol.asyncIterator]();
    print((await versions.next()).value);
    seed({ 'db/password': 'hunter2-b' });
    await world.clock.advance(1);
    expect(cache.get('db.password')).toBe('hunter2-b');
    print((await versions.next()).value);
    world.cluster.putKey(`${path}/db/host`, 'bad');
    await world.clock.advance(1);
    for (const what of [cache, cache.recent, cache.explain('db.password'), cache.explain('db'), cache.explain('')])
      print(what);
    print(await rejection(cache.set('db.host', 'bad')));
    print(await rejection(cache.set('db.password', 'hunter2', { compare: 'hunter3' })));
    print(
      await rejection(
        cache.set('db.password', {
          toJSON: () => {
            throw new Error('hunter2');
          },
        }),
      ),
    );
    expect(printed.filter((text) => String(text).includes('hunter'))).toEqual([]);
    expect(printed.some((text) => String(text).includes('shown'))).toBe(true);
    expect(printed.length).toBeGreaterThan(15);
    await cache.close();
  });
});

describe('bad input', () => {
  test.each<[string, unknown, string]>([
    ['an unknown option', { nope: 1 }, 'UNKNOWN_OPTION'],
    ['no object', 5, 'INVALID_OPTION'],
    ['a shape', { shape: 'ball' }, 'INVALID_OPTION'],
    ['a format', { format: 'toml' }, 'INVALID_OPTION'],
    ['half a format', { format: { parse: () => 1 } }, 'INVALID_OPTION'],
    ['a schema', { schema: {} }, 'INVALID_OPTION'],
    ['a layer', { layers: [path, 5] }, 'INVALID_OPTION'],
    ['layers without the path', { layers: [{}, '/config/common'] }, 'INVALID_OPTION'],
    ['a path twice', { layers: [path, path] }, 'INVALID_OPTION'],
    ['a layer with a final slash', { layers: [path, '/config/common/'] }, 'INVALID_PREFIX'],
    ['a debounce', { debounceMs: -1 }, 'INVALID_TIMEOUT'],
    ['an endless timeout', { timeoutMs: Number.POSITIVE_INFINITY }, 'INVALID_TIMEOUT'],
    ['staleAfterMs', { staleAfterMs: 1 }, 'INVALID_OPTION'],
    ['a number of recent versions', { recentSize: 1.5 }, 'INVALID_OPTION'],
    ['secrets', { secrets: 'db.password' }, 'INVALID_OPTION'],
    ['a secret', { secrets: [''] }, 'INVALID_OPTION'],
    ['onEmpty', { onEmpty: 'drop' }, 'INVALID_OPTION'],
    ['a file', { snapshotFile: '' }, 'INVALID_OPTION'],
    ['onError', { onError: 5 }, 'INVALID_OPTION'],
    ['a signal', { signal: 5 }, 'INVALID_OPTION'],
  ])('%s is refused before anything is sent', async (_, options, code) => {
    const { client, store } = world.node();
    expect(await rejection(ConfigCache.open(client, path, options as never))).toMatchObject({ code });
    expect(await rejection(ConfigCache.open(client, '/config/app/'))).toMatchObject({ code: 'INVALID_PREFIX' });
    expect(store.requestCount).toBe(0);
  });

  test('a listener that is none, and a key that is none', async () => {
    const { cache } = await opened();
    expect(() => cache.onChange(5 as never)).toThrow(/listener/);
    expect(() => cache.onChange('a', 5 as never)).toThrow(/listener/);
    expect(() => cache.get(5 as never)).toThrow(/key/);
    await cache.close();
  });
});

describe('close', () => {
  test('in the middle of everything leaves no timer and no watch', async () => {
    seed({ n: '1' });
    const node = world.node();
    const { cache } = await opened({ debounceMs: 100, staleAfterMs: 1_000, layers: [path, '/config/common'] }, node);
    node.store.delay(20);
    world.cluster.putKey(`${path}/n`, '2');
    await world.clock.advance(30);
    const waiting = watched(cache.waitUntil(99n));
    node.store.partition();
    await world.clock.advance(600);
    await Promise.all([cache.close(), cache.close(), cache[Symbol.asyncDispose]()]);
    await settle();
    expect(waiting.outcome).toBe('rejected');
    node.store.heal();
    await world.clock.advance(20);
    expect(world.clock.pending).toBe(0);
  });
});

test('closing in the middle of a burst leaves no timer, and tells nobody of it', async () => {
  seed({ n: '1' });
  const { cache } = await opened({ debounceMs: 100 });
  const told = vi.fn();
  cache.onChange(told);
  world.cluster.putKey(`${path}/n`, '2');
  await world.clock.advance(10);
  await cache.close();
  expect(world.clock.pending).toBe(0);
  expect(told).not.toHaveBeenCalled();
  expect(cache.current).toEqual({ n: 1 });
});

test('YAML without its package is told of as such', async () => {
  vi.doMock('yaml', () => {
    throw new Error('Cannot find package');
  });
  const { client, store } = world.node();
  await expect(ConfigCache.open(client, path, { format: 'yaml' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  expect(store.requestCount).toBe(0);
  vi.doUnmock('yaml');
});

test('what can be read again is fresh again at the end of its burst, also where nobody listens', async () => {
  world.cluster.putKey(path, '{"a":1}');
  const { cache } = await opened({ shape: 'node', debounceMs: 100 });
  world.cluster.putKey(path, '{');
  await world.clock.advance(200);
  expect(cache.state.kind).toBe('invalid');
  world.cluster.putKey(path, '{"a":2}');
  await world.clock.advance(200);
  expect([cache.state.kind, cache.rejected, cache.current]).toEqual(['fresh', undefined, { a: 2 }]);
  await cache.close();
});

test('a YAML document that says gigabytes, or is torn, is refused', async () => {
  world.cluster.putKey(path, 'a: 1\nb: [x, y]\n');
  const cache = await openedYaml();
  expect(cache.current).toEqual({ a: 1, b: ['x', 'y'] });
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((c, n) => {
      const last = 'abcdefghi'[n];
      return `${c}: &${c} [${Array(9).fill(`*${last}`).join()}]`;
    }),
  ].join('\n');
  for (const text of [bomb, 'a: [1', 'a: "', '\tx: 1']) {
    world.cluster.putKey(path, text);
    await world.clock.advance(1);
    expect(cache.rejected).toMatchObject({ reason: 'unreadable' });
    expect(cache.get('a')).toBe(1);
  }
  await cache.close();
});

/** Without the virtual clock, which does not wait for what takes real time: here, loading the package. */
function openedYaml(): Promise<ConfigCache<Any>> {
  return ConfigCache.open<Any>(world.node().client, path, { shape: 'node', format: 'yaml' });
}

/** A watch that can be made to fail. */
function failing(watch: Watch, how: (fail: (error: unknown) => void) => void): Watch {
  const failed = new Promise<never>((_, reject) => how(reject));
  failed.catch(() => {});
  return {
    next: () => Promise.race([watch.next(), failed]),
    return: () => watch.return(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A watch that shows what the test says. */
function scripted(): { watch(range: Range): Watch; push(batch: Batch): void } {
  const batches: Batch[] = [];
  let wake: ((result: IteratorResult<Batch>) => void) | undefined;
  const next = (): Promise<IteratorResult<Batch>> => {
    const value = batches.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve) => {
      wake = resolve;
    });
  };
  const end = () => Promise.resolve<IteratorResult<Batch>>({ done: true, value: undefined });
  return {
    watch: () => ({
      next,
      return: end,
      [Symbol.asyncIterator]() {
        return this;
      },
    }),
    push(batch) {
      const resolve = wake;
      wake = undefined;
      if (resolve === undefined) batches.push(batch);
      else resolve({ done: false, value: batch });
    },
  };
}

function entry(name: string, text: string, modified: bigint): Entry {
  return { key: `${path}/${name}`, value: Buffer.from(text), created: modified, modified };
}
