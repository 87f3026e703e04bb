import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { put } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { Queue } from '../../../src/recipes/queue.js';
import type { QueueOptions } from '../../../src/recipes/queue-parts.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { queueSuite } from '../../suites/queue.js';
import { onMemory } from './on-memory.js';
import { type Node, ttlMs, World, watched } from './world.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
});

const path = '/q';

/** Ids are remembered for so short a time that nothing of it is left at the end of a test. */
function queueOf({ client }: Node, options: QueueOptions<string> = {}): Queue<string> {
  return new Queue<string>(client, path, { rememberMs: 1_000, ...options });
}

async function drain(queue: Queue<string>): Promise<string[]> {
  const values: string[] = [];
  for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
    values.push(job.value);
    await job.ack();
  }
  return values;
}

onMemory(queueSuite);

describe('a queue', () => {
  test('delivers items in the order of their commits, and is empty in the end, with no key left', async () => {
    const queue = queueOf(world.node(), { rememberMs: 0 });
    for (let n = 0; n < 200; n++) await queue.put(`item ${n}`);
    expect(await drain(queue)).toEqual(Array.from({ length: 200 }, (_, n) => `item ${n}`));
    expect(world.keys()).toEqual([]);
  });

  test('put costs one commit, a take two round trips and the next ones one, an ack one', async () => {
    const { client, store } = world.node();
    const queue = queueOf({ client, store }, { rememberMs: 0 });
    await client.session();
    const cost = async <T>(run: () => Promise<T>): Promise<[number, T]> => {
      const before = store.requestCount;
      const result = await run();
      return [store.requestCount - before, result];
    };
    expect((await cost(() => queue.put('a')))[0]).toBe(1);
    expect((await cost(() => queue.put('b')))[0]).toBe(1);
    const [first, a] = await cost(() => queue.take());
    const [second, b] = await cost(() => queue.take());
    expect([first, second]).toEqual([2, 1]);
    expect((await cost(() => a.ack()))[0]).toBe(1);
    expect((await cost(() => b.nack()))[0]).toBe(1);
    await (await queue.take()).ack();
  });

  test("an item taken is nobody else's until it is given back", async () => {
    const [one, other] = [queueOf(world.node()), queueOf(world.node())];
    await one.put('a');
    const job = await one.take();
    expect(await other.tryTake()).toBeUndefined();
    expect(await one.inFlight()).toBe(1);
    expect(await one.depth()).toBe(1);
    expect(await job.nack()).toBe(true);
    expect(job.signal.reason).toMatchObject({ code: 'RELEASED' });
    const again = await other.tryTake();
    expect(again).toMatchObject({ id: job.id, value: 'a', attempts: 2 });
    expect(again?.token).toBeGreaterThan(job.token);
    await again?.ack();
  });

  test('what a dead consumer had comes back when its lease has run out, and not before', async () => {
    const [dead, alive] = [world.node(), world.node()];
    await queueOf(dead).put('a');
    const job = await queueOf(dead).take();
    dead.store.partition();
    const waiting = watched(queueOf(alive).take());
    await world.clock.advance(ttlMs - 200);
    expect(waiting.outcome).toBe('pending');
    expect(job.isHeld()).toBe(true);
    await world.clock.advance(400);
    expect(waiting.outcome).toBe('resolved');
    expect(job.isHeld()).toBe(false);
    expect(job.signal.reason).toMatchObject({ code: 'SESSION_LOST' });
    await expect(job.ack()).rejects.toMatchObject({ code: 'SESSION_LOST' });
    dead.store.heal();
    expect(waiting.value?.attempts).toBe(2);
    await waiting.value?.ack();
  });
});
