import { aborted, type Client, Partitioner } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

const shards = 80;

function work(client: Client, path: string, id: string) {
  const partitioner = new Partitioner(client, path, { shards, id });
  const controller = new AbortController();
  const done = partitioner
    .run(async (_, signal) => void (await aborted(signal)), { signal: controller.signal })
    .catch((error: unknown) => error);
  const stop = async (): Promise<unknown> => {
    controller.abort('stop');
    return await done;
  };
  return { partitioner, stop };
}

/** What dividing work promises on every store. */
export const partitionerSuite: Suite = (test) => {
  test('partitioner: two members share all shards between them, and one has them all when the other stops', async (world) => {
    const [one, two] = [work(world.client(), world.path, 'one'), work(world.client(), world.path, 'two')];
    const sizes = () => [one, two].map(({ partitioner }) => partitioner.owned.size);
    await world.until('all are owned', () => {
      const [a = 0, b = 0] = sizes();
      return a + b === shards && a > 20 && b > 20;
    });
    const owners = await one.partitioner.owners();
    expect(owners.map(({ shard }) => shard)).toEqual([...Array(shards).keys()]);
    for (const { shard, id, token } of owners) {
      const { owned } = (id === 'one' ? one : two).partitioner;
      expect(owned.get(shard)?.token).toBe(token);
      expect(owned.get(shard)?.isHeld()).toBe(true);
    }
    expect(await one.stop()).toBe('stop');
    await world.until('the other has all', () => two.partitioner.owned.size === shards);
    expect(await two.stop()).toBe('stop');
    expect(await world.keys()).toEqual([]);
  });

  test('partitioner: what a crashed member had is taken over when its lease has run out', async (world) => {
    const crashing = world.client({ ttlMs: world.shortTtlMs });
    const first = work(crashing, world.path, 'one');
    await world.until('one works', () => first.partitioner.owned.size === shards);
    const second = work(world.client(), world.path, 'two');
    await world.until('both work', () => second.partitioner.owned.size > 20);
    await world.crash(crashing);
    await world.until('the other has all', () => second.partitioner.owned.size === shards);
    await second.stop();
  });
};
