import { absent, Mutex, put, read, remove } from 'coterie';
import { memory, memoryCluster } from 'coterie/memory';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf } from './lib/interleave.js';
import { median } from './lib/statistics.js';

const name = 'embedded';
const bench: Bench = { name, about: 'the embedded store, one at a time', needs: undefined, run };
export default bench;

const commitsPerRound = 50_000;
const pairsPerRound = 10_000;
const lines = 100;
const keys = 100_000;

async function run({ seconds }: BenchContext): Promise<readonly Figure[]> {
  const sides = [
    { name: 'commits', round: async () => [await commits()] },
    { name: 'pairs', round: async () => [await pairs()] },
  ];
  const samples = await interleave(sides, { forMs: seconds * 1_000, minRounds: 3 });
  const [commitRates, pairRates] = sides.map((side) => samplesOf(samples, side.name).slice(1)); // The first is to warm up.
  return new Figures(name)
    .gated('commits', median(commitRates ?? []), 'per second', { min: 50_000 }, { rounds: commitRates })
    .add('acquire + release', median(pairRates ?? []), 'per second', { rounds: pairRates })
    .add('100,000 keys loaded', await load(), 'ms').list;
}

/**
 * Joins of a waiting line: guard absent, put under a lease, read the newest. Each also deletes an old ticket, so that
 * lines stay short.
 */
async function commits(): Promise<number> {
  const store = memoryCluster().store();
  const { id } = await store.grant(60_000);
  const rate = await perSecond(commitsPerRound, (n) => {
    const prefix = `/bench/line-${n % lines}/`;
    const ticket = `${prefix}${id}-${n}`;
    const newest = read({ prefix, order: 'newest', limit: 1 });
    return store.commit([absent(ticket)], [put(ticket, '', id), newest, remove(`${prefix}${id}-${n - lines}`)]);
  });
  await store.close();
  return rate;
}

async function pairs(): Promise<number> {
  const client = memory();
  const mutex = new Mutex(client, freshPath(name));
  await mutex.run(() => {});
  const rate = await perSecond(pairsPerRound, async () => {
    const hold = await mutex.acquire();
    await hold.release();
  });
  await client.close();
  return rate;
}

async function load(): Promise<number> {
  const store = memoryCluster().store();
  const began = performance.now();
  for (let n = 0; n < keys; n += 100) {
    // Spread over the key space, so that keys do not come in order.
    const ops = Array.from({ length: 100 }, (_, i) => put(`/load/${((n + i) * 7919) % 100_003}`, 'value'));
    await store.commit([], ops);
  }
  const tookMs = performance.now() - began;
  await store.close();
  return tookMs;
}

async function perSecond(count: number, run: (n: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  for (let n = 0; n < count; n++) await run(n);
  return (count * 1_000) / (performance.now() - began);
}
