import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Entry, put, remove, type Watch } from '../../../src/core/store.js';
import { CoordinationError, isCoordinationError } from '../../../src/errors.js';
import { ServiceRegistry, type ServiceRegistryOptions } from '../../../src/recipes/service-registry.js';
import type { InstanceInfo } from '../../../src/recipes/service-registry-instance.js';
import type { Resolver } from '../../../src/recipes/service-registry-resolver.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { serviceRegistrySuite } from '../../suites/service-registry.js';
import { deaf } from './deaf.js';
import { onMemory } from './on-memory.js';
import { type Node, ttlMs, World, watched } from './world.js';

onMemory(serviceRegistrySuite);

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await admin().commit([], [remove({ prefix: `${path}/` })]);
  expect(await world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
});

const path = '/services/api';

function admin() {
  return world.cluster.store();
}

function registryOf({ client }: Node, options: ServiceRegistryOptions = {}): ServiceRegistry {
  return new ServiceRegistry(client, path, { checkMs: 10_000, ...options });
}

function at(id: string, more: Partial<InstanceInfo> = {}): InstanceInfo {
  return { id, address: '10.0.0.1', port: 80, ...more };
}

function ids(resolver: Resolver): string {
  return resolver.view.instances.map(({ id }) => id).join();
}

/** A watch whose first sight takes a second to come. */
function late(watch: Watch): Watch {
  let first = true;
  const wait = () => new Promise<void>((resolve) => void world.clock.after(1_000, resolve));
  return {
    next: async () => {
      const batch = await watch.next();
      if (first) await wait();
      first = false;
      return batch;
    },
    return: () => watch.return(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A watch that ends with an error. */
function failing(error: unknown): Watch {
  return {
    next: () => Promise.reject(error),
    return: () => Promise.resolve({ done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

describe('a registration', () => {
  test('costs one commit and a watch, and one commit to leave', async () => {
    const node = world.node();
    await node.client.session();
    const before = node.store.requestCount;
    const registration = await registryOf(node).register(at('a'));
    expect(node.store.requests).toMatchObject({ commit: 1, watch: 1, read: 0 });
    expect(await registration.leave()).toBe(true);
    expect(node.store.requestCount - before).toBe(3);
    expect(world.keys()).toEqual([]);
    expect(await registration.leave()).toBe(true);
  });

  test('its key hangs on the lease, and its value says what it is and where it comes from', async () => {
    const node = world.node({ host: 'ada' });
    await using registration = await registryOf(node).register(at('a', { meta: { zone: 'x' }, weight: 2 }));
    const [entry] = world.cluster.entries();
    expect(entry).toMatchObject({ key: `${path}/a`, lease: (await node.client.session()).lease });
    const value: unknown = JSON.parse(new TextDecoder().decode(entry?.value));
    const expected = { address: '10.0.0.1', port: 80, weight: 2, meta: { zone: 'x' }, load: 0, healthy: true };
    expect(value).toEqual({ ...expected, host: 'ada', pid: process.pid });
    expect(registration.incarnation).toBe(entry?.created);
    expect(registration.isPresent()).toBe(true);
  });

  test('an update keeps what it does not name, and the incarnation; two at once both count', async () => {
    const node = world.node();
    const registry = registryOf(node);
    await using registration = await registry.register(at('a', { meta: { v: 1 } }));
    const { incarnation } = registration;
    await Promise.all([registration.update({ load: 4 }), registration.update({ weight: 9 })]);
    expect(await registry.instances()).toMatchObject([{ load: 4, weight: 9, meta: { v: 1 }, incarnation }]);
    await registration.update({ load: undefined });
    expect(await registry.instances()).toMatchObject([{ load: 0, weight: 9 }]);
  });

  test('an update while the store is away is said when it is back, under the next session too', async () => {
    const node = world.node();
    const registry = registryOf(node);
    await using registration = await registry.register(at('a'));
    const first = registration.incarnation ?? 0n;
    node.store.partition();
    const updating = watched(registration.update({ load: 5 }));
    await world.clock.advance(ttlMs * 2);
    expect(registration.isPresent()).toBe(false);
    expect(registration.state).toMatchObject({ kind: 'lost', reason: { code: 'SESSION_LOST' } });
    expect(registration.incarnation).toBeUndefined();
    node.store.heal();
    await world.clock.advance(ttlMs);
    expect(updating.outcome).toBe('resolved');
    const [instance] = await registry.instances();
    expect(instance?.load).toBe(5);
    expect(instance?.incarnation).toBeGreaterThan(first);
  });

  test('an update whose answer was lost is made once more, and counts', async () => {
    const node = world.node();
    const registry = registryOf(node);
    await using registration = await registry.register(at('a'));
    node.store.dropAnswers({ verb: 'commit' });
    await world.run(registration.update({ load: 5 }));
    expect(await registry.instances()).toMatchObject([{ load: 5, incarnation: registration.incarnation }]);
  });

  test('whose answer was lost is had nevertheless, and is there once', async () => {
    const node = world.node();
    await node.client.session();
    node.store.dropAnswers({ verb: 'commit' });
    const registration = await world.run(registryOf(node).register(at('a')));
    expect(world.keys()).toEqual([`${path}/a`]);
    await registration.leave();
  });

  test('an update that is refused changes nothing, not even for the next one', async () => {
    const node = world.node();
    const registry = registryOf(node);
    await using registration = await registry.register(at('a', { meta: { v: 1 } }));
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    await expect(registration.update({ meta: cyclic })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    const large = { text: 'x'.repeat(3_000_000) };
    await expect(registration.update({ meta: large })).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
    await expect(registration.update({ load: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION', field: 'load' });
    await expect(registration.update({ port: 1 } as object)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await registration.update({ load: 1 });
    expect(await registry.instances()).toMatchObject([{ load: 1, meta: { v: 1 } }]);
  });

  test('after it left, an update is refused', async () => {
    const registration = await registryOf(world.node()).register(at('a'));
    await registration.leave();
    await expect(registration.update({ load: 1 })).rejects.toMatchObject({ code: 'RELEASED' });
  });

  test('an id that somebody else has is refused, or waited for until he is gone', async () => {
    const [one, other] = [world.node(), world.node()];
    const first = await registryOf(one).register(at('a'));
    await expect(registryOf(other).register(at('a'))).rejects.toMatchObject({ code: 'MEMBER_EXISTS' });
    const second = watched(registryOf(other).register(at('a', { port: 81 }), { onTaken: 'wait' }));
    await settle();
    expect(second.outcome).toBe('pending');
    await first.leave();
    await settle();
    expect(second.outcome).toBe('resolved');
    expect(await registryOf(one).instances()).toMatchObject([{ port: 81 }]);
    await second.value?.leave();
  });

  test('one that an operator deleted comes back by itself, and tells of it', async () => {
    await using registration = await registryOf(world.node()).register(at('a'));
    const states: string[] = [];
    registration.events.on('state', ({ kind }) => states.push(kind));
    await admin().commit([], [remove(registration.key)]);
    await world.clock.advance(1_000);
    expect(states).toEqual(['lost', 'present']);
    expect(world.keys()).toEqual([`${path}/a`]);
  });

  test.each([...Array(16).keys()])('aborted after %i turns, it is there or nothing at all', async (turns) => {
    const controller = new AbortController();
    const registering = watched(registryOf(world.node()).register(at('a'), { signal: controller.signal }));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    controller.abort();
    await world.clock.advance(2_000);
    expect(registering.outcome).not.toBe('pending');
    expect(world.keys()).toEqual(registering.outcome === 'resolved' ? [`${path}/a`] : []);
  });
});

describe('bad input is refused before anything is sent', () => {
  const infos: readonly [string, object, string][] = [
    ['an id with a slash', { id: 'a/b' }, 'INVALID_KEY'],
    ['no id', { id: '' }, 'INVALID_KEY'],
    ['an id that is no text', { id: 7 }, 'INVALID_KEY'],
    ['an id that is ".."', { id: '..' }, 'INVALID_KEY'],
    ['no address', { address: '' }, 'INVALID_OPTION'],
    ['port 0', { port: 0 }, 'INVALID_OPTION'],
    ['a port that is text', { port: '80' }, 'INVALID_OPTION'],
    ['a weight below 0', { weight: -1 }, 'INVALID_OPTION'],
    ['a weight beyond all measure', { weight: 1_000_001 }, 'INVALID_OPTION'],
    ['an endless weight', { weight: Number.POSITIVE_INFINITY }, 'INVALID_OPTION'],
    ['a load that is NaN', { load: Number.NaN }, 'INVALID_OPTION'],
    ['meta that is a list', { meta: [] }, 'INVALID_OPTION'],
    ['healthy that is text', { healthy: 'yes' }, 'INVALID_OPTION'],
    ['a field that is not known', { name: 'x' }, 'UNKNOWN_OPTION'],
  ];
  test.each(infos)('%s', async (_, wrong, code) => {
    const node = world.node();
    await expect(registryOf(node).register({ ...at('a'), ...wrong })).rejects.toMatchObject({ code });
    expect(node.store.requestCount).toBe(0);
  });

  const options: readonly [string, object, string][] = [
    ['a strategy that is not known', { strategy: 'best' }, 'INVALID_OPTION'],
    ['a filter that is no function', { filter: {} }, 'INVALID_OPTION'],
    ['keepLastGood that is a number', { keepLastGood: 1 }, 'INVALID_OPTION'],
    ['an option that is not known', { retries: 1 }, 'UNKNOWN_OPTION'],
    ['an ejection that is not known', { ejection: { forMs: 1 } }, 'UNKNOWN_OPTION'],
    ['a base of 0', { ejection: { baseMs: 0 } }, 'INVALID_OPTION'],
    ['a cap below the base', { ejection: { baseMs: 10, capMs: 5 } }, 'INVALID_OPTION'],
    ['a share above 1', { ejection: { maxShare: 1.1 } }, 'INVALID_OPTION'],
    ['a timeout of 0', { timeoutMs: 0 }, 'INVALID_TIMEOUT'],
  ];
  test.each(options)('%s', async (_, wrong, code) => {
    const node = world.node();
    await expect(registryOf(node).resolver(wrong)).rejects.toMatchObject({ code });
    expect(node.store.requestCount).toBe(0);
  });

  test('a path, a schema, a time between checks', () => {
    const node = world.node();
    const made = (more: object, where = path) => new ServiceRegistry(node.client, where, more);
    expect(() => made({}, '/services/')).toThrow(expect.objectContaining({ code: 'INVALID_PREFIX' }));
    expect(() => made({ schema: {} })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => made({ checkMs: -1 })).toThrow(expect.objectContaining({ code: 'INVALID_TIMEOUT' }));
    expect(() => made({ ttl: 1 })).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  });
});

describe('a resolver', () => {
  test('costs one watch to open and nothing to pick; a watch anew for each check', async () => {
    const node = world.node();
    await using _ = await registryOf(world.node()).register(at('a'));
    await using resolver = await registryOf(node).resolver();
    for (let n = 0; n < 100; n++) resolver.pick();
    expect(node.store.requests).toMatchObject({ watch: 1, read: 0, commit: 0 });
    await world.clock.advance(60_000);
    expect(node.store.requests.watch).toBeGreaterThanOrEqual(7);
    expect(node.store.requests.watch).toBeLessThanOrEqual(13);
    expect(node.store.requests).toMatchObject({ read: 0, commit: 0 });
  });

  test('has the first view when it is there, and sees every commit that had ended before', async () => {
    const registration = await registryOf(world.node()).register(at('a'));
    await using resolver = await registryOf(world.node()).resolver();
    expect(resolver.pick().instance).toMatchObject({ id: 'a', address: '10.0.0.1', port: 80 });
    await registration.leave();
  });

  test('hands on the metadata, whole', async () => {
    const meta = { zone: 'east', tags: ['a'], deep: { er: null } };
    await using _ = await registryOf(world.node()).register(at('a', { meta }));
    await using resolver = await registryOf(world.node()).resolver();
    expect(resolver.pick().instance.meta).toEqual(meta);
  });

  test('waits an outage out for as long as timeoutMs allows, and then leaves nothing behind', async () => {
    const node = world.node();
    node.store.partition();
    const opening = registryOf(node).resolver({ timeoutMs: 12_000 });
    await expect(world.run(opening)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(world.clock.pending).toBe(0);
    const again = registryOf(node).resolver();
    const state = watched(again);
    await world.clock.advance(30_000);
    expect(state.outcome).toBe('pending');
    node.store.heal();
    await using _ = await world.run(again);
  });

  test('one that is aborted while it opens rejects with the reason, and leaves nothing behind', async () => {
    const node = world.node();
    node.store.partition();
    const controller = new AbortController();
    const opening = watched(registryOf(node).resolver({ signal: controller.signal }));
    await world.clock.advance(100);
    controller.abort(new Error('enough'));
    await settle();
    expect(opening.error).toEqual(new Error('enough'));
    expect(world.clock.pending).toBe(0);
  });

  test('one that the store refuses rejects with what it says', async () => {
    const node = world.node();
    const refused = new CoordinationError('PERMISSION_DENIED', 'no');
    node.store.watch = () => failing(refused);
    await expect(registryOf(node).resolver()).rejects.toBe(refused);
    expect(world.clock.pending).toBe(0);
  });

  test('a watch that ends with an error does not end it (the etcd naming resolver keeps stale addresses for ever)', async () => {
    const node = world.node();
    const registry = registryOf(world.node());
    await using a = await registry.register(at('a'));
    await using resolver = await registryOf(node).resolver();
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    const kept: unknown[] = [];
    for (const name of ['stale', 'error'] as const) resolver.events.on(name, () => kept.push(ids(resolver)));
    const { watch } = node.store;
    const refused = new CoordinationError('PERMISSION_DENIED', 'for a while');
    let fails = 3;
    node.store.watch = (...args) => (fails-- > 0 ? failing(refused) : watch.apply(node.store, args));
    await world.clock.advance(11_000);
    expect(errors).toEqual([refused, refused, refused]);
    expect(kept).toEqual(['a', 'a', 'a', 'a']);
    expect(resolver.pick().instance.id).toBe('a');
    await using _ = await registry.register(at('b'));
    await a.leave();
    await world.clock.advance(1_000);
    expect(ids(resolver)).toBe('b');
    expect(resolver.staleSince).toBeUndefined();
  });

  test('a watch that falls silent without an error is found out, within two checks', async () => {
    const node = world.node();
    const { watch } = node.store;
    let opened = 0;
    node.store.watch = (...args) => (opened++ === 0 ? deaf : (one: Watch) => one)(watch.apply(node.store, args));
    await using resolver = await registryOf(node).resolver();
    await using _ = await registryOf(world.node()).register(at('a'));
    await settle();
    expect(ids(resolver)).toBe('');
    await world.clock.advance(20_000);
    expect(ids(resolver)).toBe('a');
  });

  test('a check whose first look comes late undoes nothing that is known by then', async () => {
    const node = world.node();
    const { watch } = node.store;
    let opened = 0;
    node.store.watch = (...args) => (opened++ === 0 ? (one: Watch) => one : late)(watch.apply(node.store, args));
    await using resolver = await registryOf(node).resolver();
    const seen: string[] = [];
    resolver.events.on('change', () => seen.push(ids(resolver)));
    while (opened < 2) await world.clock.advance(100);
    await using _a = await registryOf(world.node()).register(at('a'));
    await world.clock.advance(2_000);
    await using _b = await registryOf(world.node()).register(at('b'));
    await world.clock.advance(2_000);
    expect(seen).toEqual(['a', 'a,b']);
  });

  test('a store that counts anew, of which the old watch has not heard, is believed within five seconds', async () => {
    const node = world.node();
    const entry = {
      key: `${path}/a`,
      value: new TextEncoder().encode('{"address":"h","port":1}'),
      created: 3n,
      modified: 3n,
    };
    const silent = (revision: bigint, entries: readonly Entry[]): Watch =>
      deaf({ ...failing(undefined), next: async () => ({ value: { kind: 'snapshot', revision, entries } }) });
    let opened = 0;
    node.store.watch = () => (opened++ === 0 ? silent(100n, []) : silent(5n, [entry]));
    await using resolver = await registryOf(node).resolver();
    while (opened < 2) await world.clock.advance(100);
    expect(ids(resolver)).toBe('');
    await world.clock.advance(5_000);
    expect(ids(resolver)).toBe('a');
    expect(resolver.staleSince).toBeUndefined();
  });

  test('a pick counts as a call in flight until it is released, once', async () => {
    const registry = registryOf(world.node());
    await using _a = await registry.register(at('a'));
    await using _b = await registry.register(at('b', { load: 0.5 }));
    await using resolver = await registry.resolver({ strategy: 'least-loaded' });
    const id = () => resolver.pick().instance.id;
    const first = resolver.pick();
    expect(first.instance.id).toBe('a');
    first.release();
    first.release();
    first[Symbol.dispose]();
    expect([id(), id(), id()]).toEqual(['a', 'b', 'a']);
  });

  test('run hands on what the task makes, reports how it went, and releases', async () => {
    const registry = registryOf(world.node());
    await using _a = await registry.register(at('a'));
    await using _b = await registry.register(at('b', { load: 0.5 }));
    await using resolver = await registry.resolver({ strategy: 'least-loaded' });
    const told: unknown[] = [];
    resolver.events.on('ejected', ({ instance, forMs, error }) => told.push([instance.id, forMs, error]));
    expect(await resolver.run(({ id }) => id)).toBe('a');
    expect(await resolver.run(({ id }) => Promise.resolve(id))).toBe('a');
    const wrong = new Error('wrong');
    await expect(resolver.run(() => Promise.reject(wrong))).rejects.toBe(wrong);
    expect(told).toEqual([['a', 1_000, wrong]]);
    expect(resolver.ejected.map(({ id }) => id)).toEqual(['a']);
    expect(await resolver.run(({ id }) => id)).toBe('b');
    expect(await resolver.run(({ id }) => id, { exclude: ['b'] })).toBe('a');
    expect(resolver.ejected).toEqual([]);
  });

  test('bad picks are refused', async () => {
    const registry = registryOf(world.node());
    await using _a = await registry.register(at('a'));
    await using resolver = await registry.resolver({ strategy: 'sticky' });
    const coded = (code: string, field: string) => expect.objectContaining({ code, field });
    expect(() => resolver.pick()).toThrow(coded('INVALID_OPTION', 'key'));
    expect(() => resolver.pick({ key: 7 } as object)).toThrow(coded('INVALID_OPTION', 'key'));
    expect(() => resolver.pick({ key: 'k', exclude: 'a' } as object)).toThrow(coded('INVALID_OPTION', 'exclude'));
    expect(() => resolver.pick({ key: 'k', retry: 1 } as object)).toThrow(coded('UNKNOWN_OPTION', 'retry'));
    expect(resolver.pick({ key: '' }).instance.id).toBe('a');
  });

  test('keeps what it knows while the store is away, says since when, and catches up after', async () => {
    const node = world.node();
    const registry = registryOf(world.node());
    await using a = await registry.register(at('a'));
    await using resolver = await registryOf(node).resolver();
    const told: string[] = [];
    resolver.events.on('stale', ({ since }) => told.push(`stale since ${since - world.clock.wall()}`));
    resolver.events.on('fresh', ({ instances }) => told.push(`fresh: ${instances.map(({ id }) => id)}`));
    const cutAt = world.clock.wall();
    node.store.partition();
    expect(resolver.staleSince).toBeUndefined();
    await world.clock.advance(15_001);
    expect(resolver.staleSince).toBeLessThanOrEqual(cutAt);
    expect(resolver.view.staleSince).toBe(resolver.staleSince);
    await a.leave();
    await using _ = await registry.register(at('b'));
    await world.clock.advance(600_000);
    expect(resolver.pick().instance.id).toBe('a');
    node.store.heal();
    await world.clock.advance(100);
    expect(resolver.staleSince).toBeUndefined();
    expect(ids(resolver)).toBe('b');
    expect(told).toHaveLength(2);
    expect(told[1]).toBe('fresh: b');
  });

  test('that may not keep what it knows picks nothing while the store is away', async () => {
    const node = world.node();
    await using _ = await registryOf(world.node()).register(at('a'));
    await using resolver = await registryOf(node).resolver({ keepLastGood: false });
    node.store.partition();
    await world.clock.advance(15_001);
    expect(() => resolver.pick()).toThrow(expect.objectContaining({ code: 'NO_INSTANCE', problem: 'stale' }));
    node.store.heal();
    await world.clock.advance(100);
    expect(resolver.pick().instance.id).toBe('a');
  });

  test('goes on with what it knows when its client is closed, and says that it is stale', async () => {
    const node = world.node();
    await using _ = await registryOf(world.node()).register(at('a'));
    const resolver = await registryOf(node).resolver();
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    await node.client.close();
    await settle();
    expect(errors).toMatchObject([{ code: 'CLOSED' }]);
    expect(resolver.pick().instance.id).toBe('a');
    expect(resolver.staleSince).toBeDefined();
    await expect(registryOf(node).resolver()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('closed twice, it picks no more, leaves nothing behind and tells nothing any more', async () => {
    const resolver = await registryOf(world.node()).resolver();
    let changes = 0;
    resolver.events.on('change', () => changes++);
    await resolver.close();
    await resolver.close();
    expect(world.clock.pending).toBe(0);
    await using _ = await registryOf(world.node()).register(at('a'));
    await settle();
    expect(changes).toBe(0);
    expect(() => resolver.pick()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  test('the error of a pick tells how many there are and why none will do, and no value', async () => {
    const registry = registryOf(world.node());
    await using _a = await registry.register(at('a', { healthy: false }));
    await using _b = await registry.register(at('b', { weight: 0 }));
    await using _c = await registry.register(at('c', { meta: { zone: 'secret' } }));
    await using resolver = await registry.resolver({ filter: ({ meta }) => meta['zone'] !== 'secret' });
    let error: unknown;
    try {
      resolver.pick({ exclude: ['x'] });
    } catch (thrown) {
      error = thrown;
    }
    expect(isCoordinationError(error, 'NO_INSTANCE')).toBe(true);
    expect(error).toMatchObject({ key: path, problem: 'none-fit', retryable: false });
    expect(String(error)).toContain('3 known, 1 unhealthy, 1 drained, 1 filtered, 1 not wanted here');
    expect(String(error)).not.toContain('secret');
  });

  test('a filter that throws leaves the instance out and is told of; a listener that throws harms nobody', async () => {
    const registry = registryOf(world.node());
    await using resolver = await registry.resolver({
      filter: ({ id }) => {
        if (id === 'bad') throw new Error('oops');
        return true;
      },
    });
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    resolver.events.on('change', () => {
      throw new Error('listener');
    });
    await using _bad = await registry.register(at('bad'));
    await using _good = await registry.register(at('good'));
    await settle();
    expect(errors).toContainEqual(new Error('oops'));
    expect(errors).toContainEqual(new Error('listener'));
    expect([1, 2, 3].map(() => resolver.pick().instance.id)).toEqual(['good', 'good', 'good']);
  });

  test('what is garbled is told of once for each thing that it says, and comes in when it is mended', async () => {
    await using resolver = await registryOf(world.node()).resolver();
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    await admin().commit([], [put(`${path}/x`, '{"address":')]);
    await settle();
    await admin().commit([], [put(`${path}/y`, '{"address":"h","port":1}')]);
    await world.clock.advance(30_000);
    expect(errors).toMatchObject([{ code: 'CORRUPT_DATA', key: `${path}/x` }]);
    expect(ids(resolver)).toBe('y');
    await admin().commit([], [put(`${path}/x`, '{"address":"h","port":1}')]);
    await settle();
    expect(ids(resolver)).toBe('x,y');
  });

  test('a schema checks what is registered and what is read, and may take its time', async () => {
    const schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value: unknown) => {
          await settle();
          const { zone } = value as { zone?: unknown };
          return typeof zone === 'string' ? { value: { zone } } : { issues: [{ message: 'no zone', path: ['zone'] }] };
        },
      },
    } as const;
    const registry = new ServiceRegistry<{ readonly zone: string }>(world.node().client, path, { schema });
    const wrong = registry.register({ ...at('a'), meta: {} as { zone: string } });
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    await using _ = await registry.register({ ...at('a'), meta: { zone: 'east' } });
    await admin().commit([], [put(`${path}/b`, '{"address":"h","port":1,"meta":{"zone":1}}')]);
    await using resolver = await registry.resolver();
    expect(resolver.view.instances.map(({ id, meta }) => [id, meta.zone])).toEqual([['a', 'east']]);
  });

  test('an interrupted watch, and compaction, go unnoticed', async () => {
    const node = world.node();
    const registry = registryOf(world.node());
    await using a = await registry.register(at('a'));
    await using resolver = await registryOf(node).resolver();
    node.store.interrupt();
    await using _ = await registry.register(at('b'));
    await a.leave();
    await settle();
    expect(ids(resolver)).toBe('b');
    world.cluster.compact();
    node.store.interrupt();
    await settle();
    expect(ids(resolver)).toBe('b');
  });
});

describe('listeners that close the resolver leave nothing behind', () => {
  test.each(['change', 'stale', 'fresh', 'error'] as const)('on %s', async (name) => {
    const node = world.node();
    const resolver = await registryOf(node).resolver();
    let told = 0;
    resolver.events.on(name, () => {
      told++;
      void resolver.close();
    });
    if (name === 'error') await admin().commit([], [put(`${path}/x`, 'x')]);
    if (name === 'change') await admin().commit([], [put(`${path}/x`, '{"address":"h","port":1}')]);
    node.store.partition();
    await world.clock.advance(60_000);
    node.store.heal();
    await world.clock.advance(60_000);
    expect(told).toBe(1);
    expect(world.clock.pending).toBe(0);
  });
});

test('a listener that closes the resolver as its watch fails is the last to hear of it', async () => {
  const node = world.node();
  const resolver = await registryOf(node).resolver();
  const errors: unknown[] = [];
  resolver.events.on('error', (error) => errors.push(error));
  resolver.events.on('stale', () => void resolver.close());
  node.store.watch = () => failing(new CoordinationError('PERMISSION_DENIED', 'no'));
  await world.clock.advance(60_000);
  expect([errors, world.clock.pending]).toEqual([[], 0]);
});

describe('under faults of every kind', () => {
  test.each([...Array(25).keys()])('all views come to what the store has, and nothing is left: %i', async (seed) => {
    let state = 7_919 * (seed + 1);
    const random = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
    const nodes = Array.from({ length: 4 }, () => world.node());
    const resolvers = await Promise.all(nodes.map((node) => registryOf(node).resolver()));
    const nodeAt = (n: number): Node => nodes[n % nodes.length] as Node;
    const live = new Map<string, Awaited<ReturnType<ServiceRegistry['register']>>>();
    const doing: Promise<unknown>[] = [];
    const later = (promise: Promise<unknown>): void => void doing.push(promise.catch(() => {}));
    const steps: (() => void)[] = [
      () => {
        const id = `i-${random(6)}`;
        if (live.has(id)) return;
        const registering = registryOf(nodeAt(random(4))).register(at(id), { timeoutMs: 20_000, onTaken: 'wait' });
        later(registering.then((made) => void (live.has(id) ? later(made.leave()) : live.set(id, made))));
      },
      () => later(live.get(`i-${random(6)}`)?.update({ load: random(100) }) ?? Promise.resolve()),
      () => {
        const id = `i-${random(6)}`;
        later(live.get(id)?.leave() ?? Promise.resolve());
        live.delete(id);
      },
      () => nodeAt(random(4)).store.partition(),
      () => nodeAt(random(4)).store.heal(),
      () => nodeAt(random(4)).store.interrupt(),
      () => nodeAt(random(4)).store.delay(random(3) * 100),
      () => nodeAt(random(4)).store.dropAnswers({ verb: 'commit' }),
      () => nodeAt(random(4)).store.dropRequests(),
      () => later(admin().commit([], [remove(`${path}/i-${random(6)}`)])),
      () => later(admin().commit([], [put(`${path}/i-${random(6)}`, 'garbled')])),
    ];
    for (let n = 0; n < 60; n++) {
      steps[random(steps.length)]?.();
      await world.clock.advance(random(1_500));
    }
    for (const { store } of nodes) {
      store.heal();
      store.delay(0);
    }
    // Long enough for what was spoilt again and again to be mended, and for one more check.
    await world.clock.advance(180_000);
    await world.run(Promise.all(doing));
    await world.clock.advance(60_000);
    const stored = await registryOf(world.node()).instances();
    expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining([...live.keys()].sort()));
    for (const resolver of resolvers) {
      expect(resolver.staleSince).toBeUndefined();
      expect(resolver.view.instances).toEqual(stored);
    }
    for (const { id, load, incarnation } of stored) {
      const mine = live.get(id);
      expect([mine?.incarnation, mine?.info.load ?? 0]).toEqual([incarnation, load]);
    }
    await world.run(Promise.all([...live.values()].map((registration) => registration.leave())));
    await Promise.all(resolvers.map((resolver) => resolver.close()));
  });
});

describe('views', () => {
  test('show how it is, each change after, and whether the store can be reached; and end with break', async () => {
    const node = world.node();
    const registry = registryOf(world.node());
    await using a = await registry.register(at('a'));
    const before = world.clock.pending;
    const views = registryOf(node).views({ timeoutMs: 1_000 });
    const next = async () => {
      const { value } = await world.run(views.next());
      return value && [value.instances.map(({ id }) => id).join(), value.staleSince === undefined];
    };
    expect(await next()).toEqual(['a', true]);
    await using _ = await registry.register(at('b'));
    expect(await next()).toEqual(['a,b', true]);
    node.store.partition();
    expect(await next()).toEqual(['a,b', false]);
    await a.leave();
    node.store.heal();
    const seen = [await next()];
    if (seen[0]?.[0] !== 'b') seen.push(await next());
    expect(seen.at(-1)).toEqual(['b', true]);
    await views.return();
    expect(world.clock.pending - before).toBeLessThanOrEqual(1);
  });

  test('what changes faster than it is read may be left out, the last state is not', async () => {
    const registry = registryOf(world.node());
    const views = registryOf(world.node()).views();
    expect((await views.next()).value?.instances).toEqual([]);
    await using registration = await registry.register(at('a'));
    for (let load = 1; load <= 5; load++) await registration.update({ load });
    await settle();
    expect((await views.next()).value?.instances).toMatchObject([{ load: 5 }]);
    await views.return();
  });

  test('reject with the reason of the signal, with TIMEOUT before the first, with CLOSED', async () => {
    const node = world.node();
    const controller = new AbortController();
    const views = registryOf(node).views({ signal: controller.signal, timeoutMs: 1_000 });
    await views.next();
    // That of the next check and that of the next audit; no longer that of the timeout.
    expect(world.clock.pending).toBe(2);
    const waiting = watched(views.next());
    await world.clock.advance(5_000);
    expect(waiting.outcome).toBe('pending');
    controller.abort(new Error('enough'));
    await settle();
    expect(waiting.error).toEqual(new Error('enough'));
    expect(world.clock.pending).toBe(0);
    node.store.partition();
    const late = registryOf(node).views({ timeoutMs: 1_000 }).next();
    await expect(world.run(late)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(world.clock.pending).toBe(0);
    const open = watched(registryOf(node).views().next());
    await settle();
    await world.run(node.client.close());
    await settle();
    expect(open.error).toMatchObject({ code: 'CLOSED' });
  });
});
