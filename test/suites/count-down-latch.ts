import { CountDownLatch } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a latch promises on every store. */
export const countDownLatchSuite: Suite = (test) => {
  test('latch: opens for everybody at the last count, and stays open', async (world) => {
    const latches = world.clients(4).map((client) => new CountDownLatch(client, world.path, 4));
    let passed = 0;
    const waits = latches.map((latch) => latch.wait().then(() => passed++));
    await Promise.all(latches.slice(1).map((latch) => latch.countDown()));
    expect(await latches[0]?.count()).toBe(1);
    expect(passed).toBe(0);
    expect(await latches[0]?.countDown()).toBe(0);
    await Promise.all(waits);
    await latches[1]?.wait();
    expect(await latches[1]?.countDown({ by: 3 })).toBe(0);
  });

  test('latch: can be used again, and whoever waited for the last round passes', async (world) => {
    const [a, b] = world.clients(2).map((client) => new CountDownLatch(client, world.path, 1));
    const waiting = a?.wait();
    await b?.countDown();
    await waiting;
    expect(await b?.reset()).toBe(true);
    expect(await a?.count()).toBe(1);
    expect(await a?.reset()).toBe(false);
    const again = b?.wait();
    await a?.countDown();
    await again;
  });
};
