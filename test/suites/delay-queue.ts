import { DelayQueue } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a delay queue promises on every store. */
export const delayQueueSuite: Suite = (test) => {
  test('delay queue: items come when they are due, in the order of their times', async (world) => {
    const queue = new DelayQueue<string>(world.client(), world.path, { rememberMs: 0 });
    // Together, as their times count from when they are put.
    await queue.putMany([
      { value: 'third', delayMs: 700 },
      { value: 'first', delayMs: 300 },
      { value: 'second', delayMs: 500 },
    ]);
    expect(await queue.tryTake()).toBeUndefined();
    const seen: string[] = [];
    for await (const job of queue) {
      seen.push(job.value);
      await job.ack();
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(['first', 'second', 'third']);
    // One who got an item leaves the line in the background.
    await world.until('no key left', async () => (await world.keys()).length === 0);
  });

  test('delay queue: one that waits for a later item gets a sooner one that is put meanwhile', async (world) => {
    const [one, other] = [world.client(), world.client()];
    const queue = new DelayQueue<string>(one, world.path, { rememberMs: 0 });
    await queue.put('late', { delayMs: 3_600_000 });
    const waiting = queue.take();
    await world.until('one in line', async () => (await world.keys(`${world.path}/line`)).length === 1);
    await new DelayQueue<string>(other, world.path, { rememberMs: 0 }).put('soon', { delayMs: 100 });
    const job = await waiting;
    expect(job.value).toBe('soon');
    await job.nack({ delayMs: 50 });
    await (await queue.take()).ack();
    expect(await queue.depth()).toBe(1);
  });
};
