import { AtomicCounter } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a counter promises on every store. */
export const atomicCounterSuite: Suite = (test) => {
  test('counter: contenders on several clients lose nothing and count nothing twice', async (world) => {
    const counters = world.clients(4).map((client) => new AtomicCounter(client, world.path));
    const rounds = Array.from({ length: 5 }, () => counters);
    const values = await Promise.all(rounds.flatMap((round) => round.map((counter) => counter.increment())));
    expect(values.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await counters[0]?.get()).toBe(20n);
  });

  test('counter: keeps every digit of large and negative numbers', async (world) => {
    const counter = new AtomicCounter(world.client(), world.path);
    expect(await counter.add(2n ** 70n)).toBe(2n ** 70n);
    expect(await counter.compareAndSet(2n ** 70n, -(2n ** 70n))).toBe(true);
    expect(await counter.get()).toBe(-(2n ** 70n));
  });

  test('counter: leaves only its number when nobody counts', async (world) => {
    const counter = new AtomicCounter(world.client(), world.path);
    await counter.increment();
    await world.until('the note is gone', async () => (await world.keys()).length === 0);
    expect(await counter.increment()).toBe(2n);
  });
};
