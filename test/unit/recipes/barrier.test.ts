import { describe, expect, test } from 'vitest';
import { put, remove } from '../../../src/core/store.js';
import { Barrier } from '../../../src/recipes/barrier.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import { barrierSuite } from '../../suites/barrier.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, ttlMs, type World, watched } from './world.js';

onMemory(barrierSuite);

const path = '/barriers/start';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
}, path);

describe('waiting', () => {
  test('passes at once where the barrier was never held, after one look', async () => {
    const { client, store } = world.node();
    await world.run(new Barrier(client, path).wait());
    expect(store.requests).toMatchObject({ watch: 1, commit: 0, grant: 0 });
  });

  test('resolves only after the release, for each of many waiters', async () => {
    const holder = new Barrier(world.node().client, path);
    await holder.hold();
    const waits = Array.from({ length: 20 }, () => watched(new Barrier(world.node().client, path).wait()));
    await world.clock.advance(60_000);
    expect(waits.map(({ outcome }) => outcome)).toEqual(waits.map(() => 'pending'));
    await holder.release();
    await settle();
    expect(waits.map(({ outcome }) => outcome)).toEqual(waits.map(() => 'resolved'));
  });

  test('does not pass because its watch ends: an interrupted one goes on, a closed store rejects', async () => {
    await new Barrier(world.node().client, path).hold();
    const { client, store } = world.node();
    const waiting = watched(new Barrier(client, path).wait());
    await settle();
    for (let i = 0; i < 3; i++) store.interrupt();
    await settle();
    world.cluster.compact();
    store.interrupt();
    await world.clock.advance(20_000);
    expect(waiting.outcome).toBe('pending');
    await store.close();
    await settle();
    expect(waiting).toMatchObject({ outcome: 'rejected', error: { code: 'CLOSED' } });
  });

  test('passes after the release, even where a partition hid it', async () => {
    const holder = new Barrier(world.node().client, path);
    await holder.hold();
    const { client, store } = world.node();
    const waiting = watched(new Barrier(client, path).wait());
    await settle();
    store.partition();
    await holder.release();
    await world.clock.advance(30_000);
    expect(waiting.outcome).toBe('pending');
    store.heal();
    await settle();
    expect(waiting.outcome).toBe('resolved');
  });

  test('passes where the barrier was down in between, even if it is held anew before the waiter looks', async () => {
    const holder = new Barrier(world.node().client, path);
    await holder.hold();
    const { client, store } = world.node();
    const waiting = watched(new Barrier(client, path).wait());
    await settle();
    store.partition();
    await holder.release();
    await holder.hold();
    store.heal();
    await settle();
    expect(waiting.outcome).toBe('resolved');
  });

  test('is not moved by a new value of a barrier that is held', async () => {
    await new Barrier(world.node().client, path).hold();
    const waiting = watched(new Barrier(world.node().client, path).wait());
    await settle();
    world.cluster.putKey(path, 'still');
    world.cluster.deleteKey(`${path}/not-it`);
    world.cluster.deleteKey(`${path}x`);
    await world.clock.advance(20_000);
    expect(waiting.outcome).toBe('pending');
    world.cluster.deleteKey(path);
    await settle();
    expect(waiting.outcome).toBe('resolved');
  });

  test('ends with its timeout and with its signal, and leaves nothing', async () => {
    await new Barrier(world.node().client, path).hold();
    const { client } = world.node();
    const timed = watched(new Barrier(client, path).wait({ timeoutMs: 100 }));
    const aborter = new AbortController();
    const ended = watched(new Barrier(client, path).wait({ signal: aborter.signal }));
    await world.clock.advance(150);
    expect(timed).toMatchObject({ outcome: 'rejected', error: { code: 'TIMEOUT' } });
    aborter.abort(new Error('enough'));
    await settle();
    expect(ended).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
  });
});

describe('holding and releasing', () => {
  test('tell whether they changed anything', async () => {
    const [a, b] = [new Barrier(world.node().client, path), new Barrier(world.node().client, path)];
    expect(await a.release()).toBe(false);
    expect(await a.hold()).toBe(true);
    expect(await b.hold()).toBe(false);
    expect(await a.hold()).toBe(false);
    expect(await b.release()).toBe(true);
    expect(await a.release()).toBe(false);
  });

  test('cost one round trip each', async () => {
    const { client, store } = world.node();
    await client.session();
    const barrier = new Barrier(client, path);
    const before = store.requestCount;
    await barrier.hold();
    expect(store.requestCount - before).toBe(1);
    await barrier.release();
    expect(store.requestCount - before).toBe(2);
  });

  test('a hold whose answer is lost counts as its own, and does not come up again after a release', async () => {
    const { client, store } = world.node();
    const other = new Barrier(world.node().client, path);
    await client.session();
    // The first attempt takes five seconds to get there; what is sent after it is quicker.
    store.delay(10_000);
    const holding = watched(new Barrier(client, path).hold());
    await settle();
    store.delay(0);
    await world.clock.advance(2_500);
    expect(holding).toMatchObject({ outcome: 'resolved', value: true });
    expect(await other.release()).toBe(true);
    await world.clock.advance(10_000);
    expect(holding).toMatchObject({ outcome: 'resolved', value: true });
    expect(await other.isHeld()).toBe(false);
  });

  test('a hold that found the barrier up does not hold it up later, when its first attempt arrives', async () => {
    const { client, store } = world.node();
    const other = new Barrier(world.node().client, path);
    await client.session();
    store.delay(10_000);
    const holding = watched(new Barrier(client, path).hold());
    await settle();
    store.delay(0);
    await other.hold();
    await world.clock.advance(2_500);
    expect(holding).toMatchObject({ outcome: 'resolved', value: false });
    expect(await other.release()).toBe(true);
    await world.clock.advance(10_000);
    expect(await other.isHeld()).toBe(false);
  });

  test('a release whose answer is lost does not take down what was held up after it', async () => {
    const { client, store } = world.node();
    const barrier = new Barrier(client, path);
    const other = new Barrier(world.node().client, path);
    await barrier.hold();
    store.dropAnswers({ verb: 'commit' });
    const releasing = watched(barrier.release());
    await settle();
    expect(await other.hold()).toBe(true);
    await world.clock.advance(10_000);
    expect(releasing).toMatchObject({ outcome: 'resolved', value: true });
    expect(await other.isHeld()).toBe(true);
  });

  test('one that is leased falls with the session of its holder', async () => {
    const { client } = world.node();
    await new Barrier(client, path, { leased: true }).hold();
    const waiting = watched(new Barrier(world.node().client, path).wait());
    await settle();
    expect(waiting.outcome).toBe('pending');
    world.cluster.revokeLease((await client.session()).lease);
    await settle();
    expect(waiting.outcome).toBe('resolved');
    await world.clock.advance(ttlMs);
  });

  test('does not touch what lies beside or below', async () => {
    const { client } = world.node();
    const store = world.cluster.store();
    await store.commit([], [put(`${path}x`, ''), put(`${path}/below`, '')]);
    const barrier = new Barrier(client, path);
    await barrier.hold();
    await barrier.release();
    await world.clock.advance(2_000);
    expect(world.keys()).toEqual([`${path}/below`, `${path}x`]);
    await store.commit([], [remove(`${path}x`), remove(`${path}/below`)]);
  });
});

test('bad input is refused before anything is sent', async () => {
  const { client, store } = world.node();
  expect(() => new Barrier(client, '/')).toThrow(/name the thing/);
  expect(() => new Barrier(client, path, { leased: 'yes' } as object)).toThrow(/leased/);
  expect(() => new Barrier(client, path, { lease: true } as object)).toThrow(/no option/);
  const barrier = new Barrier(client, path);
  expect(await codeOf(barrier.wait({ timeoutMs: 0 }))).toBe('INVALID_TIMEOUT');
  expect(await codeOf(barrier.hold({ timeoutMs: Number.NaN }))).toBe('INVALID_TIMEOUT');
  expect(await codeOf(barrier.release({ timeout: 1 } as object))).toBe('UNKNOWN_OPTION');
  expect(store.requestCount).toBe(0);
});
