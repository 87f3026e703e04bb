import { describe, expect, test } from 'vitest';
import { CountDownLatch } from '../../../src/recipes/count-down-latch.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import { countDownLatchSuite } from '../../suites/count-down-latch.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type World, watched } from './world.js';

onMemory(countDownLatchSuite);

const path = '/latches/ready';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
}, path);

function latch(count: number): CountDownLatch {
  return new CountDownLatch(world.node().client, path, count);
}

describe('counting down', () => {
  test('resolves to how many are left, by ones and by more, and never goes below 0', async () => {
    const one = latch(10);
    expect(await one.count()).toBe(10);
    expect(await one.countDown()).toBe(9);
    expect(await one.countDown({ by: 4 })).toBe(5);
    expect(await one.countDown({ by: 7 })).toBe(0);
    expect(await one.countDown()).toBe(0);
    expect(await one.count()).toBe(0);
  });

  test('counts once where the answers are lost', async () => {
    const { client, store } = world.node();
    const one = new CountDownLatch(client, path, 3);
    store.dropAnswers({ verb: 'commit', count: 2 });
    expect(await world.run(one.countDown())).toBe(2);
    store.dropAnswers({ verb: 'commit' });
    expect(await world.run(one.countDown())).toBe(1);
    expect(await latch(3).count()).toBe(1);
  });

  test('an answer that is lost while others count, reset and count again does not count in their round', async () => {
    const { client, store } = world.node();
    const one = new CountDownLatch(client, path, 2);
    const other = latch(2);
    await one.countDown();
    store.dropAnswers({ verb: 'commit' });
    const counting = watched(one.countDown());
    await settle();
    expect(await other.reset()).toBe(true);
    await world.clock.advance(5_000);
    expect(counting).toMatchObject({ outcome: 'resolved', value: 0 });
    expect(await other.count()).toBe(2);
  });

  test('many at once count as many', async () => {
    const latches = Array.from({ length: 30 }, () => latch(40));
    const left = await world.run(Promise.all(latches.map((one) => one.countDown())));
    expect([...left].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => 10 + i));
  });

  test('with another count than the others is refused, in every verb', async () => {
    await latch(3).countDown();
    const other = latch(4);
    expect(await codeOf(other.countDown())).toBe('LIMIT_MISMATCH');
    expect(await codeOf(other.count())).toBe('LIMIT_MISMATCH');
    expect(await codeOf(other.wait())).toBe('LIMIT_MISMATCH');
    expect(await codeOf(other.reset())).toBe('LIMIT_MISMATCH');
    expect(await latch(3).count()).toBe(2);
  });
});

describe('waiting', () => {
  test('never passes before the last count', async () => {
    const waits = Array.from({ length: 5 }, () => watched(latch(3).wait()));
    for (let left = 2; left >= 0; left--) {
      await world.clock.advance(15_000);
      expect(waits.map(({ outcome }) => outcome)).toEqual(waits.map(() => 'pending'));
      expect(await latch(3).countDown()).toBe(left);
    }
    await settle();
    expect(waits.map(({ outcome }) => outcome)).toEqual(waits.map(() => 'resolved'));
  });

  test('passes where the latch was opened and reset while it could not look', async () => {
    const { client, store } = world.node();
    const waiting = watched(new CountDownLatch(client, path, 1).wait());
    await settle();
    store.partition();
    await latch(1).countDown();
    await latch(1).reset();
    store.heal();
    await settle();
    expect(waiting.outcome).toBe('resolved');
    const late = watched(new CountDownLatch(client, path, 1).wait());
    await world.clock.advance(20_000);
    expect(late.outcome).toBe('pending');
    await latch(1).countDown();
    await settle();
    expect(late.outcome).toBe('resolved');
  });

  test('that times out or is aborted leaves nothing, and writes nothing', async () => {
    const { client, store } = world.node();
    const one = new CountDownLatch(client, path, 1);
    const aborter = new AbortController();
    const waits = [watched(one.wait({ timeoutMs: 100 })), watched(one.wait({ signal: aborter.signal }))];
    await world.clock.advance(200);
    aborter.abort(new Error('enough'));
    await settle();
    expect(waits).toMatchObject([{ error: { code: 'TIMEOUT' } }, { error: new Error('enough') }]);
    expect(world.keys()).toEqual([]);
    expect(store.requests).toMatchObject({ commit: 0, grant: 0 });
    expect(world.clock.pending).toBe(0);
  });
});

describe('resetting', () => {
  test('closes only an open latch', async () => {
    const one = latch(2);
    expect(await one.reset()).toBe(false);
    await one.countDown();
    expect(await one.reset()).toBe(false);
    await one.countDown();
    expect(await one.reset()).toBe(true);
    expect(await one.reset()).toBe(false);
    expect(await one.count()).toBe(2);
  });
});

test('bad input is refused before anything is sent', async () => {
  const { client, store } = world.node();
  for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3' as unknown as number]) {
    expect(() => new CountDownLatch(client, path, count)).toThrow(/count must be/);
    expect(await codeOf(new CountDownLatch(client, path, 1).countDown({ by: count }))).toBe('INVALID_OPTION');
  }
  expect(await codeOf(new CountDownLatch(client, path, 1).wait({ timeoutMs: 0 }))).toBe('INVALID_TIMEOUT');
  expect(() => new CountDownLatch(client, `${path}/`, 1)).toThrow(/final/);
  expect(store.requestCount).toBe(0);
});

test.each(['', 'x', '{"count":2}', '{"count":2,"left":-1,"round":0}'])(
  'a key that holds %j is not taken for a latch',
  async (value) => {
    world.cluster.putKey(path, value);
    expect(await codeOf(latch(2).count())).toBe('CORRUPT_DATA');
    expect(await codeOf(latch(2).countDown())).toBe('CORRUPT_DATA');
    expect(await codeOf(latch(2).wait())).toBe('CORRUPT_DATA');
  },
);
