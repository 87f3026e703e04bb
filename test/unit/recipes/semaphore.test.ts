import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isCoordinationError } from '../../../src/errors.js';
import { type Permits, Semaphore } from '../../../src/recipes/semaphore.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { semaphoreSuite } from '../../suites/semaphore.js';
import { onMemory } from './on-memory.js';
import { type Node, ttlMs, World, watched } from './world.js';

onMemory(semaphoreSuite);

const path = '/permits/api';
const limitKey = `${path}/limit`;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  const left = await world.end();
  // The limit stays, for those who come next.
  expect({ ...left, keys: left.keys.filter((key) => key !== limitKey) }).toEqual({ keys: [], leases: 0, timers: 0 });
});

const semaphoreOf = ({ client }: Node, permits?: number) => new Semaphore(client, path, { permits });
const line = () => world.keys().filter((key) => key !== limitKey);

describe('cost in round trips', () => {
  test('where there is room, one; two for the first time that somebody else has set the limit', async () => {
    const [a, b] = [world.node(), world.node()];
    for (const { client } of [a, b]) await client.session();
    const [first, second] = [semaphoreOf(a, 3), semaphoreOf(b, 3)];
    const cost = async (node: Node, run: () => Promise<unknown>) => {
      const before = node.store.requestCount;
      await run();
      return node.store.requestCount - before;
    };
    expect(await cost(a, () => first.acquire())).toBe(1);
    expect(await cost(b, () => second.acquire())).toBe(2);
    expect(await cost(b, async () => (await second.acquire()).release())).toBe(2);
    expect(await cost(a, () => first.tryAcquire())).toBe(2);
    expect(await cost(a, () => first.tryAcquire())).toBe(1);
    expect(await cost(a, () => first.available())).toBe(1);
    await b.client.close();
    await a.client.close();
  });

  test('with 2 and with 1,000 waiting, a handoff costs the same, and not more than five', async () => {
    const costs: number[] = [];
    for (const count of [2, 1_000]) {
      const here = new World();
      const nodes = Array.from({ length: 20 }, () => here.node({ ttlMs: 600_000 }));
      const at = (n: number) => new Semaphore((nodes[n % 20] as Node).client, path, { permits: 2 });
      const holds = [await at(0).acquire(), await at(1).acquire()];
      const waiting: ReturnType<typeof watched<Permits>>[] = [];
      for (let n = 0; n < count; n++) {
        waiting.push(watched(at(n + 2).acquire()));
        if (n % 50 === 0) await settle();
      }
      await here.clock.advance(1_000);
      const total = () => nodes.reduce((sum, { store }) => sum + store.requestCount, 0);
      const before = total();
      for (let n = 0; n < 2; n++) {
        await holds[n]?.release();
        await settle();
        expect(waiting.filter(({ outcome }) => outcome === 'resolved')).toHaveLength(n + 1);
      }
      costs.push((total() - before) / 2);
      await here.end();
    }
    expect(costs[0]).toBeLessThanOrEqual(costs[1] ?? 0);
    expect(costs[1]).toBeLessThanOrEqual(5);
  }, 30_000);

  test('one that waits for many does not ask the store before there is room', async () => {
    const [a, b] = [world.node({ ttlMs: 600_000 }), world.node({ ttlMs: 600_000 })];
    const semaphore = semaphoreOf(a, 6);
    const holds = [await semaphore.acquire(2), await semaphore.acquire(2), await semaphore.acquire(2)];
    const waiting = watched(semaphoreOf(b).acquire(5));
    await settle();
    const before = b.store.requestCount;
    await holds[0]?.release();
    await holds[1]?.release();
    await settle();
    expect(b.store.requestCount).toBe(before);
    await holds[2]?.release();
    await settle();
    expect(waiting.outcome).toBe('resolved');
  });

  test('a waiter in the middle that leaves costs a constant number of requests', async () => {
    const nodes = Array.from({ length: 12 }, () => world.node({ ttlMs: 600_000 }));
    const hold = await semaphoreOf(nodes[0] as Node, 1).acquire();
    const stop = new AbortController();
    const waiting: ReturnType<typeof watched<Permits>>[] = [];
    for (const [n, node] of nodes.slice(1).entries()) {
      waiting.push(watched(semaphoreOf(node).acquire(1, n === 5 ? { signal: stop.signal } : {})));
      await settle();
    }
    const total = () => nodes.reduce((sum, { store }) => sum + store.requestCount, 0);
    const before = total();
    stop.abort();
    await settle();
    // It goes; the one behind looks, and watches the next ahead.
    expect(total() - before).toBe(3);
    await hold.release();
    await settle();
    expect(waiting[0]?.outcome).toBe('resolved');
  });
});

describe('whatever goes wrong', () => {
  test('one that crashes before it could say that it was served does not stop those behind it', async () => {
    const [a, b, c] = [world.node(), world.node(), world.node({ ttlMs: 20_000 })];
    const hold = await semaphoreOf(a, 2).acquire(2);
    b.store.delay(20);
    const second = watched(semaphoreOf(b).acquire());
    await world.clock.advance(200);
    const third = watched(semaphoreOf(c).acquire());
    await world.clock.advance(100);
    await hold.release();
    // Its deciding read has come back, and what it says next goes nowhere.
    await world.clock.advance(25);
    b.store.dropRequests({ verb: 'commit', count: 1_000 });
    await world.clock.advance(25);
    expect(second.outcome).toBe('resolved');
    expect(third.outcome).toBe('pending');
    await world.clock.advance(20_000);
    expect(third.outcome).toBe('resolved');
  });

  test('the next one is served at once, beside the one before it, when that says that it was served', async () => {
    const nodes = [world.node(), world.node(), world.node()] as const;
    const hold = await semaphoreOf(nodes[0], 2).acquire(2);
    const waiting: ReturnType<typeof watched<Permits>>[] = [];
    for (const node of nodes.slice(1)) {
      waiting.push(watched(semaphoreOf(node as Node).acquire()));
      await settle();
    }
    await hold.release();
    await settle();
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['resolved', 'resolved']);
  });

  test.each([1, 2, 3])('with %i answers to the join lost, there is one ticket and one hold', async (count) => {
    const [a, b] = [world.node(), world.node()];
    await a.client.session();
    a.store.dropAnswers({ verb: 'commit', count });
    const hold = await world.run(semaphoreOf(a, 2).acquire(2));
    expect(line()).toEqual([hold.key]);
    b.store.dropAnswers({ verb: 'commit', count });
    const waiting = watched(semaphoreOf(b, 2).acquire());
    await world.clock.advance(2_000);
    expect(line()).toHaveLength(2);
    await hold.release();
    await settle();
    expect(waiting.value?.isHeld()).toBe(true);
  });

  test('whatever await an abort comes at, there is either a hold or no ticket', async () => {
    const blocker = semaphoreOf(world.node(), 2);
    for (const full of [false, true]) {
      for (let step = 0; step < 50; step++) {
        const { client } = world.node();
        await client.session();
        const hold = full ? await blocker.acquire(2) : undefined;
        const stop = new AbortController();
        const waiting = watched(new Semaphore(client, path, { permits: 2 }).acquire(1, { signal: stop.signal }));
        for (let tick = 0; tick < step; tick++) await Promise.resolve();
        stop.abort();
        await settle();
        await world.clock.advance(10);
        expect(waiting.outcome).not.toBe('pending');
        await waiting.value?.release();
        await hold?.release();
        expect(line()).toEqual([]);
      }
    }
  });

  test('a release is of its own permits only, and of those once', async () => {
    const { client } = world.node();
    const semaphore = new Semaphore(client, path, { permits: 3 });
    const [one, two] = [await semaphore.acquire(1), await semaphore.acquire(2)];
    expect(await one.release()).toBe(true);
    expect(await one.release()).toBe(true);
    expect(await semaphore.available()).toBe(1);
    expect(two.isHeld()).toBe(true);
  });

  test('permits of a session that was revoked are lost to it, and free for others', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await semaphoreOf(a, 2).acquire(2);
    const waiting = watched(semaphoreOf(b).acquire(2));
    await world.clock.advance(200);
    world.cluster.revokeLease((await a.client.session()).lease);
    await settle();
    expect(hold.isHeld()).toBe(false);
    expect(waiting.outcome).toBe('resolved');
  });

  test('a foreign ticket may have all permits', async () => {
    const { client } = world.node();
    const semaphore = new Semaphore(client, path, { permits: 5 });
    world.cluster.putKey(`${path}/line/foreign`, '');
    const waiting = watched(semaphore.acquire());
    await settle();
    expect(waiting.outcome).toBe('pending');
    expect(await semaphore.waiters()).toMatchObject([{ permits: Number.POSITIVE_INFINITY }, { permits: 1 }]);
    world.cluster.deleteKey(`${path}/line/foreign`);
    await settle();
    expect(waiting.outcome).toBe('resolved');
  });
});

describe('the limit', () => {
  test('asking for more than there are is refused before anything waits; where there are more by now, it is not', async () => {
    const [a, b] = [world.node(), world.node()];
    const semaphore = semaphoreOf(a, 2);
    await expect(semaphore.acquire(3)).rejects.toMatchObject({ code: 'INVALID_OPTION', field: 'permits' });
    await semaphore.resize(5);
    const other = semaphoreOf(b, 2);
    expect((await other.acquire(3)).permits).toBe(3);
    expect((await semaphore.acquire(2)).permits).toBe(2);
    await semaphore.resize(8);
    // It did not hear of that, and asks before it refuses.
    expect((await other.acquire(3)).permits).toBe(3);
  });

  test('who waits for more than there are by now is refused when it is its turn, and the others get on', async () => {
    const nodes = [world.node(), world.node(), world.node()] as const;
    const hold = await semaphoreOf(nodes[0], 4).acquire(3);
    const many = watched(semaphoreOf(nodes[1]).acquire(4));
    await settle();
    const few = watched(semaphoreOf(nodes[2]).acquire(1));
    await settle();
    await semaphoreOf(nodes[2]).resize(3);
    await world.clock.advance(10);
    expect(isCoordinationError(many.error, 'LIMIT_MISMATCH')).toBe(true);
    await hold.release();
    await settle();
    expect(few.outcome).toBe('resolved');
  });

  test('one that came after the limit was made smaller is woken by any holder that leaves', async () => {
    const [a, b] = [world.node({ ttlMs: 600_000 }), world.node({ ttlMs: 600_000 })];
    const semaphore = semaphoreOf(a, 10);
    const [first] = [await semaphore.acquire(3), await semaphore.acquire(2)];
    await semaphore.resize(3);
    const waiting = watched(semaphoreOf(b).acquire(1));
    await settle();
    expect(waiting.outcome).toBe('pending');
    await first?.release();
    await world.clock.advance(10);
    expect(waiting.outcome).toBe('resolved');
  });

  test('one that came before the limit was made smaller, and waits behind waiters, does not watch them all', async () => {
    const nodes = Array.from({ length: 10 }, () => world.node());
    const hold = await semaphoreOf(nodes[0] as Node, 4).acquire(4);
    for (const node of nodes.slice(1)) {
      void semaphoreOf(node)
        .acquire(2)
        .catch(() => {});
      await settle();
    }
    await semaphoreOf(nodes[0] as Node).resize(3);
    // Everybody has looked anew since.
    await world.clock.advance(ttlMs * 2);
    const total = () => nodes.reduce((sum, { store }) => sum + store.requests.watch, 0);
    const before = total();
    await hold.release();
    await settle();
    // The second in line is the first of those that wait by now, and no one else's watch was opened.
    expect(total() - before).toBe(1);
  });

  test('one behind a waiter that was served before the limit was made smaller follows the limit', async () => {
    const nodes = [world.node(), world.node(), world.node({ ttlMs: 600_000 })] as const;
    const hold = await semaphoreOf(nodes[0], 3).acquire(3);
    const second = watched(semaphoreOf(nodes[1]).acquire(2));
    await settle();
    nodes[2].store.delay(100);
    const third = watched(semaphoreOf(nodes[2]).acquire(1));
    await world.clock.advance(1_000);
    await hold.release();
    await settle();
    expect(second.outcome).toBe('resolved');
    await semaphoreOf(nodes[0]).resize(1);
    await world.clock.advance(1_000);
    expect(third.outcome).toBe('pending');
    await semaphoreOf(nodes[0]).resize(3);
    await world.clock.advance(1_000);
    expect(third.outcome).toBe('resolved');
  });

  test.each(['deleted', 'garbled'])('where it was %s, who waits is told; it can be set again', async (how) => {
    const [a, b] = [world.node(), world.node()];
    const hold = await semaphoreOf(a, 1).acquire();
    const waiting = watched(semaphoreOf(b, 1).acquire());
    await settle();
    if (how === 'deleted') world.cluster.deleteKey(limitKey);
    else world.cluster.putKey(limitKey, '{"limit":0}');
    await world.clock.advance(10);
    expect(isCoordinationError(waiting.error, 'CORRUPT_DATA')).toBe(true);
    expect(line()).toEqual([hold.key]);
    if (how === 'garbled') world.cluster.deleteKey(limitKey);
    await hold.release();
    expect((await semaphoreOf(b, 1).acquire()).isHeld()).toBe(true);
  });

  test('without a number, here or there, nobody waits for ever', async () => {
    const semaphore = semaphoreOf(world.node());
    await expect(semaphore.acquire()).rejects.toMatchObject({ code: 'INVALID_OPTION', field: 'permits' });
    await expect(semaphore.limit()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await semaphore.resize(2);
    expect(await semaphore.limit()).toBe(2);
    expect((await semaphore.acquire(2)).permits).toBe(2);
  });

  test('with the answer lost, it is set once, and what is late undoes nothing', async () => {
    const [a, b] = [world.node(), world.node()];
    const semaphore = semaphoreOf(a, 2);
    a.store.dropAnswers({ verb: 'commit', count: 2 });
    await world.run(semaphore.resize(4));
    expect(await semaphoreOf(b).limit()).toBe(4);
    a.store.dropRequests({ count: 3 });
    await world.run(semaphore.resize(5));
    expect(await semaphoreOf(b).limit()).toBe(5);
  });

  test('a program whose number was right once follows later changes', async () => {
    const [a, b] = [world.node(), world.node()];
    const semaphore = semaphoreOf(a, 2);
    await semaphore.resize(4);
    const other = semaphoreOf(b, 4);
    await (await other.acquire()).release();
    await semaphore.resize(6);
    expect((await other.acquire(5)).isHeld()).toBe(true);
  });

  test('bad input is refused before anything is sent', async () => {
    const { client, store } = world.node();
    for (const permits of [0, -1, 1.5, Number.NaN, 2_000_000_000]) {
      expect(() => new Semaphore(client, path, { permits })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', field: 'permits' }),
      );
      await expect(new Semaphore(client, path).acquire(permits)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      await expect(new Semaphore(client, path).resize(permits)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    expect(store.requestCount).toBe(0);
  });
});
