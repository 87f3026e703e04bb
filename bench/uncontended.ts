import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { barePut, callTimes, openClient, ordinaryPut, requestsByKind } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { totalOf } from './lib/line-drain.js';
import { type Cost, counted, Pairs } from './lib/pairs.js';
import { median, quantile, summarize } from './lib/statistics.js';

const name = 'uncontended';
const perRound = 50;
/** So many of each before anything counts: until then, V8 has not compiled what it will. */
const warmUp = 1_500;
const minRounds = 20;

const bench: Bench = { name, about: 'acquire and release of a free mutex, one at a time', needs: 'etcd', run };
export default bench;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const put = await barePut(client, `${freshPath(name)}-put`);
    const ordinary = await ordinaryPut(client, `${freshPath(name)}-put`);
    const pairs = new Pairs(client, name);
    await timeEach(warmUp, put);
    await timeEach(warmUp, ordinary);
    await pairs.measure(warmUp);
    const requests = (): number => totalOf(requestsByKind(client.store.stats));
    const costs = { pair: { requests: 0, cpuUs: 0 }, put: { requests: 0, cpuUs: 0 } };
    const sides = [
      { name: 'pair', round: () => counted(costs.pair, requests, () => pairs.measure(perRound)) },
      { name: 'put', round: () => counted(costs.put, requests, () => timeEach(perRound, put)) },
      { name: 'ordinary', round: () => timeEach(perRound, ordinary) },
      { name: 'calls', round: () => callTimes(() => pairs.measure(perRound)) },
    ];
    const samples = await interleave(sides, { forMs: context.seconds * 1_000, minRounds });
    return figuresOf(samples, costs);
  } finally {
    await client.close();
  }
}

function figuresOf(samples: Map<string, number[][]>, costs: { pair: Cost; put: Cost }): readonly Figure[] {
  const [pairs, puts] = [samplesOf(samples, 'pair'), samplesOf(samples, 'put')];
  const ordinary = summarize(samplesOf(samples, 'ordinary'));
  const [pair, put, call] = [summarize(pairs), summarize(puts), summarize(samplesOf(samples, 'calls'))];
  const cpu = { pair: costs.pair.cpuUs / pair.samples, put: costs.put.cpuUs / put.samples };
  const roundsOfPut = samples.get('put') ?? [];
  const byRound = (samples.get('pair') ?? []).map((round, n) => median(round) / median(roundsOfPut[n] ?? []));
  const detail = { medianByRound: median(byRound), p10: quantile(pairs, 0.1) / quantile(puts, 0.1) };
  return new Figures(name)
    .gated('round trips of acquire + release', costs.pair.requests / pair.samples, '', { min: 2, max: 2 })
    .gated(
      'acquire + release in Puts of a gRPC client, p50',
      pair.p50 / ordinary.p50,
      '',
      { max: 2.3 },
      { ...ordinary },
    )
    .add('acquire + release in barest Puts, p50', pair.p50 / put.p50, '', detail)
    .add('of which the two requests themselves, p50', (2 * call.p50) / put.p50, '', { ...call })
    .add('acquire + release, p50', pair.p50, 'ms', { ...pair })
    .add('acquire + release, p99', pair.p99, 'ms')
    .add('barest Put, p50', put.p50, 'ms', { ...put })
    .add('CPU of this process for acquire + release', cpu.pair, 'µs', { inBarePuts: cpu.pair / cpu.put })
    .add('CPU of this process for a barest Put', cpu.put, 'µs').list;
}
