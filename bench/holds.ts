import { type Hold, Mutex } from 'coterie';
import { type Bench, type BenchContext, freshPath, pause } from './lib/bench.js';
import { type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';

const name = 'holds';
const bench: Bench = { name, about: '10,000 mutexes held by one process', needs: 'etcd', run };
export default bench;

const count = 10_000;
const atOnce = 200;
const ttlMs = 10_000;

interface Memory {
  readonly heap: number;
  readonly external: number;
  readonly rss: number;
}

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context, { ttlMs });
  try {
    await warmUp(client);
    const before = await memory();
    const { renewals, watchCreates } = client.store.stats;
    const began = performance.now();
    const holds = await takeAll(client);
    const tookMs = performance.now() - began;
    await watched(client, watchCreates + count);
    const watchedMs = performance.now() - began;
    const after = await memory();
    const leases = new Set(holds.map(({ guard }) => (guard.kind === 'held' ? guard.lease : undefined)));
    await pause(Math.max(0, (ttlMs * 2) / 3 + 200 - (performance.now() - began)));
    const minutes = (performance.now() - began) / 60_000;
    const perMinute = (client.store.stats.renewals - renewals) / minutes;
    const held = holds.filter((hold) => hold.isHeld()).length;
    return new Figures(name)
      .gated('heap per held mutex', (after.heap - before.heap) / count, 'bytes', { max: 3_072 }, { before, after })
      .gated('streams', client.store.stats.openStreams, '', { max: 2 })
      .gated('sessions', leases.size, '', { max: 1 })
      .gated('held at the end', held, '', { min: count })
      .add('memory of the process (RSS) per held mutex', (after.rss - before.rss) / count, 'bytes')
      .add('time to take all', tookMs, 'ms')
      .add('time until all are watched as well', watchedMs, 'ms')
      .add('renewals', perMinute, 'per minute', { ttlMs }).list;
  } finally {
    await client.close();
  }
}

/** Whatever is loaded, compiled or opened once is there before the heap is looked at. */
async function warmUp(client: EtcdClient): Promise<void> {
  const holds = await take(client, `${freshPath(name)}-warm`, 500);
  await watched(client, holds.length);
  await Promise.all(holds.map((hold) => hold.release()));
  await pause(200);
}

async function takeAll(client: EtcdClient): Promise<readonly Hold[]> {
  return take(client, freshPath(name), count);
}

async function take(client: EtcdClient, path: string, count: number): Promise<Hold[]> {
  const holds: Hold[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const mutex = new Mutex(client, `${path}/${next++}`);
      holds.push(await mutex.acquire());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return holds;
}

/** Waits until so many watches were asked for in all, and each has read its first snapshot. */
async function watched(client: EtcdClient, watches: number): Promise<void> {
  while (client.store.stats.watchCreates < watches) await pause(10);
  for (let last = -1, now = sent(client); now !== last; ) {
    await pause(300);
    last = now;
    now = sent(client);
  }
}

function sent({ store }: EtcdClient): number {
  const { unary, watchCreates } = store.stats;
  return watchCreates + (unary['Range'] ?? 0);
}

async function memory(): Promise<Memory> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('This bench needs node --expose-gc.');
  for (let n = 0; n < 4; n++) {
    gc();
    await pause(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}
