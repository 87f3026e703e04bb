import { describe, expect, test } from 'vitest';
import { Sequence } from '../../../src/recipes/sequence.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import { sequenceSuite } from '../../suites/sequence.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type World, watched } from './world.js';

onMemory(sequenceSuite);

const path = '/ids/order';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
}, path);

describe('ids', () => {
  test('begin at 1, and grow', async () => {
    const sequence = new Sequence(world.node().client, path, { block: 3 });
    const ids: bigint[] = [];
    for (let i = 0; i < 10; i++) ids.push(await sequence.next());
    expect(ids).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n]);
  });

  test('cost one round trip a block, and none within it; no session is opened', async () => {
    const { client, store } = world.node();
    const sequence = new Sequence(client, path, { block: 50 });
    for (let i = 0; i < 100; i++) await sequence.next();
    expect(store.requests).toMatchObject({ commit: 2, read: 0, grant: 0 });
  });

  test('that are asked for at once share blocks', async () => {
    const { client, store } = world.node();
    const sequence = new Sequence(client, path, { block: 50 });
    const ids = await Promise.all(Array.from({ length: 100 }, () => sequence.next()));
    expect(new Set(ids).size).toBe(100);
    expect(store.requests.commit).toBe(2);
  });

  test('of many clients at once never meet', async () => {
    const sequences = Array.from({ length: 40 }, () => new Sequence(world.node().client, path, { block: 2 }));
    const take = async (sequence: Sequence) => [await sequence.next(), await sequence.next(), await sequence.next()];
    const ids = (await world.run(Promise.all(sequences.map(take)))).flat();
    expect(new Set(ids).size).toBe(120);
  });

  test('go beyond 2^53', async () => {
    world.cluster.putKey(path, `${2n ** 53n}`);
    const sequence = new Sequence(world.node().client, path);
    expect([await sequence.next(), await sequence.next()]).toEqual([2n ** 53n, 2n ** 53n + 1n]);
  });
});

describe('lost answers', () => {
  test('leave a block out, and never give one out twice', async () => {
    const { client, store } = world.node();
    const [mine, theirs] = [
      new Sequence(client, path, { block: 10 }),
      new Sequence(world.node().client, path, { block: 10 }),
    ];
    store.dropAnswers({ verb: 'commit' });
    const next = watched(mine.next());
    await settle();
    expect(await theirs.next()).toBe(11n);
    await world.clock.advance(5_000);
    expect(next).toMatchObject({ outcome: 'resolved', value: 21n });
  });

  test('a reservation that comes late, after it was made again, takes no id from anybody', async () => {
    const { client, store } = world.node();
    const mine = new Sequence(client, path, { block: 10 });
    store.holdRequests();
    const next = watched(mine.next());
    await world.clock.advance(12_000);
    store.releaseRequests();
    await world.clock.advance(12_000);
    expect(next.outcome).toBe('resolved');
    const ids = [next.value];
    for (let i = 0; i < 30; i++) ids.push(await mine.next());
    const theirs = new Sequence(world.node().client, path, { block: 10 });
    for (let i = 0; i < 30; i++) ids.push(await theirs.next());
    expect(new Set(ids).size).toBe(61);
  });

  test('who gives up takes no id away from the others that wait', async () => {
    const { client, store } = world.node();
    const sequence = new Sequence(client, path, { block: 10 });
    store.holdRequests();
    const hasty = watched(sequence.next({ timeoutMs: 100 }));
    const patient = watched(sequence.next());
    await world.clock.advance(200);
    expect(hasty).toMatchObject({ outcome: 'rejected', error: { code: 'TIMEOUT' } });
    store.releaseRequests();
    await world.clock.advance(5_000);
    expect(patient.outcome).toBe('resolved');
    expect(await sequence.next()).toBeGreaterThan(patient.value ?? 0n);
  });

  test('where all have given up, nothing goes on', async () => {
    const { client, store } = world.node();
    store.partition();
    const sequence = new Sequence(client, path);
    const next = watched(sequence.next({ timeoutMs: 100 }));
    await world.clock.advance(200);
    expect(next.outcome).toBe('rejected');
    const before = store.requestCount;
    await world.clock.advance(30_000);
    expect(store.requestCount).toBe(before);
  });
});

test('bad input is refused before anything is sent', async () => {
  const { client, store } = world.node();
  for (const block of [0, -1, 1.5, Number.NaN, '3' as unknown as number]) {
    expect(() => new Sequence(client, path, { block })).toThrow(/block must be/);
  }
  expect(() => new Sequence(client, 'a//b')).toThrow(/empty segment/);
  expect(await codeOf(new Sequence(client, path).next({ timeoutMs: 0 }))).toBe('INVALID_TIMEOUT');
  expect(store.requestCount).toBe(0);
});

test.each(['', 'x', '-1', '0', '1.5'])('a key that holds %j is not counted on', async (value) => {
  world.cluster.putKey(path, value);
  expect(await codeOf(new Sequence(world.node().client, path).next())).toBe('CORRUPT_DATA');
  expect(Buffer.from(world.cluster.entries()[0]?.value ?? []).toString()).toBe(value);
});
