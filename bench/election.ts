import { Election } from 'coterie';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { barePut, openClient, requestsByKind } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { totalOf } from './lib/line-drain.js';
import { summarize } from './lib/statistics.js';

const name = 'election';
const bench: Bench = { name, about: 'campaign and resign, nobody else stands', needs: 'etcd', run };
export default bench;

const perRound = 50;
const warmUp = 500;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const election = new Election(client, freshPath(name));
    const put = await barePut(client, `${freshPath(name)}-put`);
    const term = async (): Promise<void> => {
      const term = await election.campaign('bench');
      await term.resign();
    };
    await timeEach(warmUp, put);
    await timeEach(warmUp, term);
    const before = totalOf(requestsByKind(client.store.stats));
    const sides = [
      { name: 'term', round: () => timeEach(perRound, term) },
      { name: 'put', round: () => timeEach(perRound, put) },
    ];
    const samples = await interleave(sides, { forMs: context.seconds * 500 });
    const [terms, puts] = sides.map((side) => summarize(samplesOf(samples, side.name)));
    const requests = totalOf(requestsByKind(client.store.stats)) - before;
    return new Figures(name)
      .add('round trips of campaign + resign', requests / (terms?.samples ?? 0), '')
      .add('campaign + resign in bare Puts, p50', (terms?.p50 ?? 0) / (puts?.p50 ?? 0), '')
      .add('campaign + resign, p50', terms?.p50 ?? 0, 'ms', { ...terms }).list;
  } finally {
    await client.close();
  }
}
