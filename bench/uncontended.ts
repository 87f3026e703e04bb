import { Mutex } from 'coterie';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { barePut, callTimes, type EtcdClient, openClient, ordinaryPut, requestsOf } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { median, quantile, summarize } from './lib/statistics.js';

const name = 'uncontended';
const perRound = 50;
/** So many of each before anything counts: until then, V8 has not compiled what it will. */
const warmUp = 1_500;
const minRounds = 20;

const bench: Bench = { name, about: 'acquire and release of a free mutex, one at a time', needsEtcd: true, run };
export default bench;

/** What the pairs of acquire and release have cost so far, besides time. */
interface Cost {
  requests: number;
  cpuUs: number;
}

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const put = await barePut(client, `${freshPath(name)}-put`);
    const ordinary = await ordinaryPut(client, `${freshPath(name)}-put`);
    const pairs = new Pairs(client);
    await timeEach(warmUp, put);
    await timeEach(warmUp, ordinary);
    await pairs.measure(warmUp);
    const costs = { pair: { requests: 0, cpuUs: 0 }, put: { requests: 0, cpuUs: 0 } };
    const sides = [
      { name: 'pair', round: () => counted(client, costs.pair, () => pairs.measure(perRound)) },
      { name: 'put', round: () => counted(client, costs.put, () => timeEach(perRound, put)) },
      { name: 'ordinary', round: () => timeEach(perRound, ordinary) },
      { name: 'calls', round: () => callTimes(() => pairs.measure(perRound)) },
    ];
    const samples = await interleave(sides, { forMs: context.seconds * 1_000, minRounds });
    return figuresOf(samples, costs);
  } finally {
    await client.close();
  }
}

/** Pairs on a new mutex for each series: what earlier ones leave behind is the subject of another bench. */
class Pairs {
  readonly #client: EtcdClient;
  #series = 0;

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  measure(count: number): Promise<number[]> {
    const mutex = new Mutex(this.#client, `${freshPath(name)}-${++this.#series}`);
    return timeEach(count, async () => {
      const hold = await mutex.acquire();
      if (!(await hold.release())) throw new Error('A mutex was lost.');
    });
  }
}

async function counted(client: EtcdClient, cost: Cost, run: () => Promise<number[]>): Promise<number[]> {
  const before = { requests: requestsOf(client.store.stats), cpu: process.cpuUsage() };
  const samples = await run();
  const { user, system } = process.cpuUsage(before.cpu);
  cost.requests += requestsOf(client.store.stats) - before.requests;
  cost.cpuUs += user + system;
  return samples;
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
