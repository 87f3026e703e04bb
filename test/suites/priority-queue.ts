import { type Client, PriorityQueue } from 'coterie';
import { expect } from 'vitest';
import { passOn } from './queue.js';
import type { Suite } from './suite.js';

/** What a priority queue promises on every store. */
export const priorityQueueSuite: Suite = (test) => {
  test('priority queue: the lowest number comes first, by value and not by text, and equals in order (TestPrQueueOneReaderOneWriter)', async (world) => {
    const queue = new PriorityQueue<string>(world.client(), world.path, { rememberMs: 0 });
    const priorities = [10, 9, 100, 0, Number.MAX_SAFE_INTEGER, 9, 1_000];
    for (const [n, priority] of priorities.entries()) await queue.put(`${priority} #${n}`, { priority });
    const seen: string[] = [];
    while (seen.length < priorities.length) {
      const job = await queue.take();
      expect(job.value).toMatch(new RegExp(`^${job.priority} `));
      seen.push(job.value);
      await job.ack();
    }
    const last = `${Number.MAX_SAFE_INTEGER} #4`;
    expect(seen).toEqual(['0 #3', '9 #1', '9 #5', '10 #0', '100 #2', '1000 #6', last]);
    expect(await world.keys()).toEqual([]);
  });

  test('priority queue: several consumers get all that several producers put, each item once (TestPrQueueManyReaderManyWriter)', async (world) => {
    const open = (client: Client) => {
      const queue = new PriorityQueue<number>(client, world.path, { rememberMs: 0 });
      return {
        put: (value: number) => queue.put(value, { priority: value % 3 }),
        take: () => queue.take(),
      };
    };
    await passOn(world, open, 3, 3);
  });

  test('priority queue: one that waits gets what is put, and an item given back is again before its inferiors', async (world) => {
    const [producer, consumer] = world.clients(2);
    const queue = new PriorityQueue<string>(consumer ?? world.client(), world.path, { rememberMs: 0 });
    const waiting = queue.take();
    const other = new PriorityQueue<string>(producer ?? world.client(), world.path, { rememberMs: 0 });
    await other.put('b', { priority: 2 });
    const b = await waiting;
    await other.put('c', { priority: 3 });
    await other.put('a', { priority: 1 });
    await b.nack();
    const seen: string[] = [];
    for (const job of await queue.takeMany(3)) {
      seen.push(job.value);
      await job.ack();
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });
};
