import { Sequence } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a sequence promises on every store. */
export const sequenceSuite: Suite = (test) => {
  test('sequence: no number comes twice, and each client sees them grow', async (world) => {
    const sequences = world.clients(4).map((client) => new Sequence(client, world.path, { block: 3 }));
    const take = async (sequence: Sequence) => {
      const ids: bigint[] = [];
      for (let i = 0; i < 10; i++) ids.push(await sequence.next());
      return ids;
    };
    const taken = await Promise.all(sequences.map(take));
    for (const ids of taken) expect(ids).toEqual([...ids].sort((a, b) => Number(a - b)));
    expect(new Set(taken.flat()).size).toBe(40);
  });

  test('sequence: a client that comes after a crash uses nothing of what was reserved', async (world) => {
    const before = world.client();
    expect(await new Sequence(before, world.path, { block: 10 }).next()).toBe(1n);
    await world.crash(before);
    expect(await new Sequence(world.client(), world.path, { block: 10 }).next()).toBe(11n);
  });
};
