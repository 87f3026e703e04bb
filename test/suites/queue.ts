import { Queue } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a queue promises on every store. */
export const queueSuite: Suite = (test) => {
  test('queue: what is put is taken in order, and acknowledged for good', async (world) => {
    const [producer, consumer] = [world.client(), world.client()];
    const queue = new Queue<number>(producer, world.path, { rememberMs: 0 });
    for (let n = 0; n < 5; n++) await queue.put(n);
    await queue.putMany([5, 6, 7, 8, 9].map((value) => ({ value })));
    const other = new Queue<number>(consumer, world.path, { rememberMs: 0 });
    const seen: number[] = [];
    for await (const job of other) {
      seen.push(job.value);
      await job.ack();
      if (seen.length === 10) break;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await world.until('no key left', async () => (await world.keys()).length === 0);
  });
};
