import { Mutex } from 'coterie';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { timeLanes } from './lib/interleave.js';
import { summarize } from './lib/statistics.js';

const name = 'contended';
const bench: Bench = { name, about: 'ten tasks of one process that want one mutex all the time', needs: 'etcd', run };
export default bench;

const lanes = 10;
const warmUpMs = 500;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const mutex = new Mutex(client, freshPath(name));
    let waitedMs: number[] = [];
    const turn = async (): Promise<void> => {
      const began = performance.now();
      const hold = await mutex.acquire();
      waitedMs.push(performance.now() - began);
      await hold.release();
    };
    await timeLanes(lanes, warmUpMs, turn);
    waitedMs = [];
    const { count, tookMs } = await timeLanes(lanes, (context.seconds * 1_000) / 2, turn);
    const waited = summarize(waitedMs);
    return new Figures(name)
      .add('handoffs', (count * 1_000) / tookMs, 'per second')
      .add('acquire with nine in line, p50', waited.p50, 'ms', { ...waited })
      .add('acquire with nine in line, p99', waited.p99, 'ms').list;
  } finally {
    await client.close();
  }
}
