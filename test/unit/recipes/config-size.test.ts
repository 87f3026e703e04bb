/** What a change costs does not go with how much there is. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { World } from './world.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  await world.end();
});

setFlagsFromString('--expose-gc');
// The name is there once the flag is.
const collect = runInNewContext('gc') as () => void;

const changes = 1_000;

/** Loads so many keys, then changes one after the other; in a tree of three levels, or all in one. */
async function measure(count: number, flat: boolean, read: (cache: ConfigCache<unknown>, key: string) => unknown) {
  const path = `/config/${count}`;
  const width = Math.round(count ** (1 / 3));
  const nameOf = (n: number): string => {
    return flat ? `k${n}` : `a${n % width}/b${Math.floor(n / width) % width}/c${Math.floor(n / width ** 2)}`;
  };
  for (let n = 0; n < count; n++) world.cluster.putKey(`${path}/${nameOf(n)}`, String(n));
  const cache = await world.run(ConfigCache.open(world.node().client, path));
  let changeMs = 0;
  for (let i = 0; i < changes; i++) {
    const name = nameOf((i * 7919) % count);
    const start = performance.now();
    world.cluster.putKey(`${path}/${name}`, `new-${i}`);
    await settle();
    expect(read(cache, name)).toBe(`new-${i}`);
    changeMs += performance.now() - start;
  }
  await cache.close();
  return { changeMs };
}

describe('a change of one key', () => {
  test('costs about the same among 100,000 keys as among 1,000, when the tree has levels', async () => {
    const read = (cache: ConfigCache<unknown>, key: string): unknown => cache.get(key.replaceAll('/', '.'));
    await measure(1_000, false, read);
    const small = await measure(1_000, false, read);
    const large = await measure(100_000, false, read);
    // A hundred times as many keys; the levels on the way to one are five times as wide.
    expect(large.changeMs / small.changeMs).toBeLessThan(10);
  }, 60_000);

  test('does so in one flat level too, where parts are read, and not the whole', async () => {
    const read = (cache: ConfigCache<unknown>, key: string): unknown => cache.get(key);
    await measure(1_000, true, read);
    const small = await measure(1_000, true, read);
    const large = await measure(100_000, true, read);
    expect(large.changeMs / small.changeMs).toBeLessThan(10);
  }, 60_000);

  test('may not pile up for one who is slow, nor for a cache that nobody reads', async () => {
    const path = '/config/app';
    world.cluster.putKey(`${path}/n`, 'x');
    const cache = await world.run(ConfigCache.open(world.node().client, path));
    const slow = cache[Symbol.asyncIterator]();
    await slow.next();
    const put = async (): Promise<number> => {
      for (let n = 0; n < 2_000; n++) {
        world.cluster.putKey(`${path}/n`, `${n}-`.padEnd(10_000, 'x'));
        await settle();
      }
      world.cluster.compact();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await put();
    const after = await put();
    // Twenty megabytes of values went by.
    expect(after - before).toBeLessThan(3_000_000);
    await cache.close();
  }, 60_000);
});
