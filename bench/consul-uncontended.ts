import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { BareWrites, openConsul, requestsByKind } from './lib/consul-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { totalOf } from './lib/line-drain.js';
import { type Cost, counted, Pairs } from './lib/pairs.js';
import { median, summarize } from './lib/statistics.js';

const name = 'consul-uncontended';
const perRound = 50;
/** So many of each before anything counts: until then, V8 has not compiled what it will. */
const warmUp = 1_500;
const minRounds = 20;

const bench: Bench = {
  name,
  about: 'Consul: acquire and release of a free mutex, one at a time',
  needs: 'consul',
  run,
};
export default bench;

type Costs = Readonly<Record<'pair' | 'put', Cost>>;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openConsul(context);
  const bare = new BareWrites(context);
  try {
    const pairs = new Pairs(client, name);
    const [put, txn] = [bare.put(`${freshPath(name)}-put`), bare.txn(`${freshPath(name)}-put`)];
    const least = await bare.joinAndLeave(`${freshPath(name)}-least`);
    await timeEach(warmUp, put);
    await timeEach(warmUp, txn);
    await timeEach(warmUp, least);
    await pairs.measure(warmUp);
    const requests = (): number => totalOf(requestsByKind(client.store.stats));
    const costs = { pair: { requests: 0, cpuUs: 0 }, put: { requests: 0, cpuUs: 0 } };
    const sides = [
      { name: 'pair', round: () => counted(costs.pair, requests, () => pairs.measure(perRound)) },
      { name: 'put', round: () => counted(costs.put, requests, () => timeEach(perRound, put)) },
      { name: 'txn', round: () => timeEach(perRound, txn) },
      { name: 'least', round: () => timeEach(perRound, least) },
    ];
    return figuresOf(await interleave(sides, { forMs: context.seconds * 1_000, minRounds }), costs);
  } finally {
    bare.close();
    await client.close();
  }
}

function figuresOf(samples: Map<string, number[][]>, costs: Costs): readonly Figure[] {
  const of = (side: string) => summarize(samplesOf(samples, side));
  const [pair, put, txn, least] = [of('pair'), of('put'), of('txn'), of('least')];
  const puts = samples.get('put') ?? [];
  const byRound = (samples.get('pair') ?? []).map((round, n) => median(round) / median(puts[n] ?? []));
  const cpu = { pair: costs.pair.cpuUs / pair.samples, put: costs.put.cpuUs / put.samples };
  return new Figures(name)
    .gated('round trips of acquire + release', costs.pair.requests / pair.samples, '', { min: 2, max: 2 })
    .gated(
      'acquire + release in bare KV PUTs, p50',
      pair.p50 / put.p50,
      '',
      { max: 2.5 },
      { medianByRound: median(byRound) },
    )
    .add('the least that joins and leaves a line, in bare KV PUTs, p50', least.p50 / put.p50, '', { ...least })
    .add('acquire + release in what is least, p50', pair.p50 / least.p50, '')
    .add('acquire + release in bare transactions of one set, p50', pair.p50 / txn.p50, '', { ...txn })
    .add('acquire + release, p50', pair.p50, 'ms', { ...pair })
    .add('acquire + release, p99', pair.p99, 'ms')
    .add('bare KV PUT, p50', put.p50, 'ms', { ...put })
    .add('CPU of this process for acquire + release', cpu.pair, 'µs')
    .add('CPU of this process for a bare KV PUT', cpu.put, 'µs').list;
}
