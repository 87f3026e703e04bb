import { ConfigCache, put } from 'coterie';
import { memoryCluster } from 'coterie/memory';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf } from './lib/interleave.js';
import { median, summarize } from './lib/statistics.js';

const name = 'config-cache';
const perRound = 50;
const readsPerRound = 5_000_000;
const keys = 100_000;

const bench: Bench = { name, about: 'a cached configuration: read, told of a change, loaded', needs: 'etcd', run };
export default bench;

interface Config {
  readonly db: { readonly pool: number };
}

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const reads = await readTimes(context);
  const told = await toldTimes(context);
  const loads = [await loadTime(), await loadTime(), await loadTime()];
  const [cache, watch] = [summarize(told.cache), summarize(told.watch)];
  return new Figures(name)
    .gated('current.db.pool in reads of a plain object', reads.cache / reads.plain, '', { max: 20 }, reads)
    .add('current.db.pool', reads.cache, 'ns')
    .add('plain.db.pool', reads.plain, 'ns')
    .gated('put to onChange in puts to a bare watch, p50', cache.p50 / watch.p50, '', { max: 1.3 }, { cache, watch })
    .add('put to onChange, p50', cache.p50, 'ms', { ...cache })
    .add('100,000 keys loaded, on the embedded store', median(loads), 'ms', { loads }).list;
}

/** Nanoseconds for a read, of the cache and of an object of the same shape. */
async function readTimes({ seconds }: BenchContext): Promise<{ cache: number; plain: number }> {
  const cluster = memoryCluster();
  const client = cluster.client();
  await client.store.commit([], [put('/config/app/db/pool', '5')]);
  const cache = await ConfigCache.open<Config>(client, '/config/app');
  const plain: { current: Config } = { current: { db: { pool: 5 } } };
  let sum = 0;
  const timed = (read: () => number) => async () => {
    const began = performance.now();
    for (let n = 0; n < readsPerRound; n++) sum += read();
    return [((performance.now() - began) * 1e6) / readsPerRound];
  };
  const sides = [
    { name: 'cache', round: timed(() => cache.current.db.pool) },
    { name: 'plain', round: timed(() => plain.current.db.pool) },
  ];
  const samples = await interleave(sides, { forMs: seconds * 300, minRounds: 6 });
  if (sum === 0) throw new Error('Nothing was read.');
  await cache.close();
  await client.close();
  return { cache: median(samplesOf(samples, 'cache')), plain: median(samplesOf(samples, 'plain')) };
}

/** From the beginning of a put by another client to the listener of a cache, and to the batch of a bare watch. */
async function toldTimes(context: BenchContext): Promise<{ cache: number[]; watch: number[] }> {
  const [reader, writer] = [openClient(context), openClient(context)];
  const [cachePath, watchPath] = [`${freshPath(name)}/cache`, `${freshPath(name)}/watch`];
  const hear = listener();
  await using cache = await ConfigCache.open(reader, cachePath);
  cache.onChange(hear.heard);
  const watch = reader.store.watch({ prefix: `${watchPath}/` });
  await watch.next();
  const pump = (async () => {
    for await (const _ of watch) hear.heard();
  })();
  const sides = [
    { name: 'cache', round: () => rounds(writer, cachePath, hear.next) },
    { name: 'watch', round: () => rounds(writer, watchPath, hear.next) },
  ];
  const samples = await interleave(sides, { forMs: context.seconds * 700, minRounds: 10 });
  await watch.return();
  await pump;
  await Promise.all([cache.close(), writer.close()]);
  await reader.close();
  // The first rounds are to warm up.
  const late = (side: string): number[] => (samples.get(side) ?? []).slice(2).flat();
  return { cache: late('cache'), watch: late('watch') };
}

function listener(): { heard: () => void; next: () => Promise<void> } {
  let wake = (): void => {};
  return {
    heard: () => wake(),
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}

async function rounds(writer: EtcdClient, path: string, next: () => Promise<void>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let n = 0; n < perRound; n++) {
    const heard = next();
    const began = performance.now();
    const written = writer.store.commit([], [put(`${path}/n`, `${began}`)]);
    await heard;
    tookMs.push(performance.now() - began);
    await written;
  }
  return tookMs;
}

/** Milliseconds until a cache of very many keys is open, and read once. */
async function loadTime(): Promise<number> {
  const cluster = memoryCluster();
  const client = cluster.client();
  const { store } = client;
  for (let n = 0; n < keys; n += 100) {
    const ops = Array.from({ length: 100 }, (_, i) => put(`/load/a${i}/b${(n / 100) % 50}/c${n}`, String(n + i)));
    await store.commit([], ops);
  }
  const began = performance.now();
  const cache = await ConfigCache.open(client, '/load');
  if (typeof cache.current !== 'object') throw new Error('Nothing was loaded.');
  const tookMs = performance.now() - began;
  await cache.close();
  await client.close();
  return tookMs;
}
