import { describe, expect, test, vi } from 'vitest';
import { CoordinationError } from '../../../src/errors.js';
import { AtomicCounter } from '../../../src/recipes/atomic-counter.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import { atomicCounterSuite } from '../../suites/atomic-counter.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, ttlMs, type World, watched } from './world.js';

onMemory(atomicCounterSuite);

const path = '/counters/n';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
}, path);

/** The number in the store. */
function stored(): string | undefined {
  const entry = world.cluster.entries().find(({ key }) => key === path);
  return entry && Buffer.from(entry.value).toString();
}

function counters(count: number): AtomicCounter[] {
  return Array.from({ length: count }, () => new AtomicCounter(world.node().client, path));
}

describe('counting', () => {
  test('a counter that was never written is 0, and reading it writes nothing', async () => {
    expect(await new AtomicCounter(world.node().client, path).get()).toBe(0n);
    expect(world.keys()).toEqual([]);
  });

  test('goes beyond 2^53, and below 0, to the last digit', async () => {
    const counter = new AtomicCounter(world.node().client, path);
    expect(await counter.add(2n ** 64n)).toBe(18_446_744_073_709_551_616n);
    expect(await counter.increment()).toBe(18_446_744_073_709_551_617n);
    expect(await counter.get()).toBe(18_446_744_073_709_551_617n);
    expect(await counter.add(-(2n ** 65n))).toBe(-18_446_744_073_709_551_615n);
    expect(stored()).toBe('-18446744073709551615');
  });

  test('each of many additions made at once through one object resolves to its own value, in three round trips', async () => {
    const { client, store } = world.node();
    await client.session();
    const before = store.requestCount;
    const counter = new AtomicCounter(client, path);
    const values = await Promise.all(Array.from({ length: 100 }, () => counter.increment()));
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => BigInt(i + 1)));
    expect(store.requestCount - before).toBeLessThanOrEqual(3);
  });

  test('an addition costs one round trip where nobody else writes, even the first', async () => {
    const { client, store } = world.node();
    await client.session();
    const counter = new AtomicCounter(client, path);
    for (let i = 0; i < 3; i++) {
      const before = store.requestCount;
      await counter.increment();
      expect(store.requestCount - before).toBe(1);
    }
  });

  test('100 contenders all finish, and each gets a value of its own', async () => {
    const adds = counters(100).map((counter) => counter.increment());
    const values = await world.run(Promise.all(adds));
    expect(new Set(values).size).toBe(100);
    expect(stored()).toBe('100');
  });

  test('100 contenders behind slow networks all finish', async () => {
    const nodes = Array.from({ length: 100 }, () => world.node());
    for (const { store } of nodes) store.delay(10);
    const adds = nodes.map(({ client }) => new AtomicCounter(client, path).add(2n));
    await world.run(Promise.all(adds));
    expect(stored()).toBe('200');
  });

  test('compareAndSet sets only what is as expected', async () => {
    const [a, b] = counters(2);
    expect(await a?.compareAndSet(0n, 5n)).toBe(true);
    expect(await b?.compareAndSet(0n, 6n)).toBe(false);
    expect(await b?.compareAndSet(5n, 6n)).toBe(true);
    expect(await a?.compareAndSet(5n, 7n)).toBe(false);
    expect(await a?.get()).toBe(6n);
  });

  test('of many that compare and set the same value at once, one succeeds', async () => {
    const won = await world.run(
      Promise.all(counters(20).map((counter, i) => counter.compareAndSet(0n, BigInt(i + 1)))),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  test('adding nothing writes nothing, and tells the value of now', async () => {
    const [a, b] = counters(2);
    await a?.add(3n);
    await b?.add(4n);
    const { modified } = world.cluster.entries().find(({ key }) => key === path) ?? {};
    expect(await a?.add(0n)).toBe(7n);
    expect(world.cluster.entries().find(({ key }) => key === path)?.modified).toBe(modified);
  });
});

describe('lost answers', () => {
  test('an addition whose answer is lost is made once, and resolves to its value', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.dropAnswers({ verb: 'commit', count: 3 });
    expect(await world.run(counter.add(10n))).toBe(11n);
    expect(stored()).toBe('11');
  });

  test('the very first addition too', async () => {
    const { client, store } = world.node();
    store.dropAnswers({ verb: 'commit' });
    expect(await world.run(new AtomicCounter(client, path).add(10n))).toBe(10n);
    expect(stored()).toBe('10');
  });

  test('a store that is full now does not make an addition undone whose answer was lost', async () => {
    const { client, store } = world.node();
    await client.session();
    store.dropAnswers({ verb: 'commit' });
    const commit = store.commit.bind(store);
    const full = new CoordinationError('NO_SPACE', 'The store is full.');
    vi.spyOn(store, 'commit').mockImplementationOnce(commit).mockRejectedValueOnce(full);
    const adding = new AtomicCounter(client, path).add(1n);
    expect(await codeOf(world.run(adding))).toBe('UNKNOWN_OUTCOME');
    expect(stored()).toBe('1');
  });

  test('it is told by its own note, however many others have written since', async () => {
    const { client, store } = world.node();
    const [other] = counters(1);
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.dropAnswers({ verb: 'commit' });
    const adding = watched(counter.add(10n));
    await settle();
    for (let i = 0; i < 300; i++) await other?.add(100n);
    await world.clock.advance(5_000);
    expect(adding).toMatchObject({ outcome: 'resolved', value: 11n });
    expect(stored()).toBe('30011');
  });

  test('what never arrived is made again, after all that others wrote', async () => {
    const { client, store } = world.node();
    const [other] = counters(1);
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.dropRequests({ verb: 'commit' });
    const adding = watched(counter.add(10n));
    await settle();
    await other?.add(100n);
    await world.clock.advance(5_000);
    expect(adding).toMatchObject({ outcome: 'resolved', value: 111n });
  });

  test('what arrives late, after its caller sent it again, counts once', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.holdRequests();
    const adding = watched(counter.add(10n));
    await world.clock.advance(2_500);
    expect(adding.outcome).toBe('pending');
    store.releaseRequests();
    await world.clock.advance(2_500);
    expect(adding).toMatchObject({ outcome: 'resolved', value: 11n });
    expect(stored()).toBe('11');
  });

  test('one that was aborted under way may still count, once, and does not disturb the next', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.holdRequests();
    const aborter = new AbortController();
    const first = watched(counter.add(10n, { signal: aborter.signal }));
    await settle();
    const second = watched(counter.add(100n));
    await settle();
    aborter.abort(new Error('enough'));
    await settle();
    expect(first).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
    store.releaseRequests();
    await world.clock.advance(10_000);
    expect(second).toMatchObject({ outcome: 'resolved', value: 111n });
    expect(await counter.get()).toBe(111n);
  });

  test('one that was aborted before it was sent does not count', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.holdRequests();
    const first = watched(counter.add(10n));
    await settle();
    const aborter = new AbortController();
    const second = watched(counter.add(100n, { signal: aborter.signal }));
    await settle();
    aborter.abort(new Error('enough'));
    await settle();
    expect(second.outcome).toBe('rejected');
    store.releaseRequests();
    await world.clock.advance(10_000);
    expect(first).toMatchObject({ outcome: 'resolved', value: 11n });
    expect(await counter.add(0n)).toBe(11n);
  });

  test('where the session was lost with the note, and others wrote meanwhile, the outcome is unknown', async () => {
    const { client, store } = world.node();
    const [other] = counters(1);
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.holdAnswers();
    const adding = watched(counter.add(10n));
    await settle();
    expect(stored()).toBe('11');
    store.partition();
    await world.clock.advance(ttlMs * 2);
    await other?.add(100n);
    store.heal();
    await world.clock.advance(10_000);
    expect(adding).toMatchObject({ outcome: 'rejected', error: { code: 'UNKNOWN_OUTCOME' } });
    expect(await counter.add(1_000n)).toBe(1_111n);
  });

  test('that the first note is not there proves nothing where its lease is gone', async () => {
    const { client, store } = world.node();
    const [other] = counters(1);
    await other?.add(1n);
    const counter = new AtomicCounter(client, path);
    await counter.get();
    store.dropAnswers({ verb: 'commit' });
    const adding = watched(counter.add(10n));
    await settle();
    expect(stored()).toBe('11');
    world.cluster.revokeLease((await client.session()).lease);
    await world.clock.advance(10_000);
    expect(adding).toMatchObject({ outcome: 'rejected', error: { code: 'UNKNOWN_OUTCOME' } });
    expect(stored()).toBe('11');
  });

  test('that there is nothing proves nothing where the lease is gone: it may have been made, and deleted', async () => {
    const { client, store } = world.node();
    await client.session();
    store.dropAnswers({ verb: 'commit' });
    const adding = watched(new AtomicCounter(client, path).add(10n));
    await settle();
    world.cluster.revokeLease((await client.session()).lease);
    world.cluster.deleteKey(path);
    await world.clock.advance(10_000);
    expect(adding).toMatchObject({ outcome: 'rejected', error: { code: 'UNKNOWN_OUTCOME' } });
    expect(stored()).toBeUndefined();
  });

  test('where the note is gone and the store does not let us look, the outcome is unknown, not refused', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.dropAnswers({ verb: 'commit' });
    const adding = watched(counter.add(10n));
    await settle();
    world.cluster.revokeLease((await client.session()).lease);
    const expired = new CoordinationError('UNAUTHENTICATED', 'The token has expired.');
    vi.spyOn(store, 'read').mockRejectedValue(expired);
    await world.clock.advance(10_000);
    expect(adding).toMatchObject({ outcome: 'rejected', error: { code: 'UNKNOWN_OUTCOME', cause: expired } });
    expect(stored()).toBe('11');
    vi.restoreAllMocks();
  });

  test('where the session was lost and nobody wrote meanwhile, an addition that was not made is made', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    await counter.add(1n);
    store.partition();
    const adding = watched(counter.add(10n));
    await world.clock.advance(ttlMs * 2);
    expect(stored()).toBe('1');
    store.heal();
    await world.clock.advance(20_000);
    expect(adding).toMatchObject({ outcome: 'resolved', value: 11n });
    expect(stored()).toBe('11');
  });
});

describe('what it leaves', () => {
  test('a second after the last addition there is only the number', async () => {
    const counter = new AtomicCounter(world.node().client, path);
    for (let i = 0; i < 5; i++) await counter.increment();
    expect(world.keys()).toHaveLength(2);
    await world.clock.advance(1_100);
    expect(world.keys()).toEqual([path]);
    expect(await counter.increment()).toBe(6n);
  });

  test('a wait that times out leaves nothing behind', async () => {
    const { client, store } = world.node();
    await client.session();
    store.partition();
    const counter = new AtomicCounter(client, path);
    const adding = watched(counter.add(1n, { timeoutMs: 500 }));
    await world.clock.advance(600);
    expect(adding).toMatchObject({ outcome: 'rejected', error: { code: 'TIMEOUT' } });
  });
});

describe('bad input', () => {
  test('is refused before anything is sent', async () => {
    const { client, store } = world.node();
    const counter = new AtomicCounter(client, path);
    // What a program in plain JavaScript can pass.
    const number = 5 as unknown as bigint;
    expect(await codeOf(counter.add(number))).toBe('INVALID_VALUE');
    expect(await codeOf(counter.compareAndSet(number, 1n))).toBe('INVALID_VALUE');
    expect(await codeOf(counter.compareAndSet(1n, number))).toBe('INVALID_VALUE');
    expect(await codeOf(counter.get({ timeoutMs: -1 }))).toBe('INVALID_TIMEOUT');
    expect(() => new AtomicCounter(client, '/a/')).toThrow(/final/);
    expect(() => new AtomicCounter(client, path, { block: 1 } as object)).toThrow(/no option/);
    expect(store.requestCount).toBe(0);
  });

  test('what is no number is told, and not written over', async () => {
    world.cluster.putKey(path, 'seven');
    const [counter] = counters(1);
    if (counter === undefined) throw new Error('no counter');
    expect(await codeOf(counter.get())).toBe('CORRUPT_DATA');
    expect(await codeOf(counter.add(1n))).toBe('CORRUPT_DATA');
    expect(stored()).toBe('seven');
    world.cluster.putKey(path, '7');
    expect(await counter.add(1n)).toBe(8n);
  });
});
