import { Mutex } from 'coterie';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { quantile } from './lib/statistics.js';

const name = 'worn-line';
const about = 'acquire and release of a mutex that was taken many times since the last compaction';
const bench: Bench = { name, about, needs: 'etcd', run };
export default bench;

const times = 3_000;
const perRound = 25;

/**
 * etcd keeps deleted keys in its index until a compaction, and a read of a range steps over each of them. That is why
 * ticket keys come back.
 */
async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const paths = { fresh: `${freshPath(name)}-fresh`, worn: freshPath(name) };
    await timeEach(times, pairOn(client, paths.worn));
    const sides = Object.entries(paths).map(([name, path]) => {
      return { name, round: () => timeEach(perRound, pairOn(client, path)) };
    });
    const samples = await interleave(sides, { forMs: context.seconds * 400, minRounds: 10 });
    const [fresh = Number.NaN, old = Number.NaN] = sides.map((side) => quantile(samplesOf(samples, side.name), 0.5));
    return new Figures(name)
      .add('acquire + release, never taken before, p50', fresh, 'ms')
      .add(`acquire + release, taken ${times.toLocaleString('en')} times before, p50`, old, 'ms')
      .add('more for each 1,000 times', ((old - fresh) * 1_000_000) / times, 'µs').list;
  } finally {
    await client.close();
  }
}

function pairOn(client: EtcdClient, path: string): () => Promise<void> {
  const mutex = new Mutex(client, path);
  return async () => {
    const hold = await mutex.acquire();
    await hold.release();
  };
}
