import { Mutex, put, remove } from 'coterie';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { quantile } from './lib/statistics.js';

const name = 'worn-line';
const about = 'acquire and release where many tickets were released since the last compaction';
const bench: Bench = { name, about, needsEtcd: true, run };
export default bench;

const worn = 20_000;
const perCommit = 100;
const perRound = 25;

/** etcd keeps deleted keys in its index until a compaction, and a read of a range steps over each of them. */
async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const paths = { fresh: `${freshPath(name)}-fresh`, worn: freshPath(name) };
    await wearOut(client, paths.worn);
    const sides = Object.entries(paths).map(([name, path]) => {
      const mutex = new Mutex(client, path);
      const pair = async (): Promise<void> => {
        const hold = await mutex.acquire();
        await hold.release();
      };
      return { name, round: () => timeEach(perRound, pair) };
    });
    const samples = await interleave(sides, { forMs: context.seconds * 400, minRounds: 10 });
    const [fresh = Number.NaN, old = Number.NaN] = sides.map((side) => quantile(samplesOf(samples, side.name), 0.5));
    return new Figures(name)
      .add('acquire + release, no released tickets, p50', fresh, 'ms')
      .add(`acquire + release, ${worn.toLocaleString('en')} released tickets, p50`, old, 'ms')
      .add('for each 1,000 released tickets', ((old - fresh) * 1_000_000) / worn, 'µs').list;
  } finally {
    await client.close();
  }
}

/** Puts and deletes as many tickets as so many releases would leave behind. */
async function wearOut(client: EtcdClient, path: string): Promise<void> {
  for (let n = 0; n < worn; n += perCommit) {
    const tickets = Array.from({ length: perCommit }, (_, i) => put(`${path}/694d9a0b6a0b1234-${n + i}`, 'released'));
    await client.store.commit([], tickets);
  }
  await client.store.commit([], [remove({ prefix: `${path}/` })]);
}
