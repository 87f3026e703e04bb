import { Mutex } from 'coterie';
import { Etcd3 } from 'etcd3';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { barePut, type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeLanes } from './lib/interleave.js';
import { median } from './lib/statistics.js';

const name = 'locks-at-once';
const bench: Bench = { name, about: '100 mutexes in one process at once, beside npm etcd3', needs: 'etcd', run };
export default bench;

const lanes = 100;
const rounds = 5;
const warmUpMs = 500;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  const theirs = new Etcd3({ hosts: [...context.endpoints] });
  try {
    const work: readonly Work[] = [ours(client), etcd3(theirs), await bare(client)];
    for (const { run } of work) await timeLanes(lanes, warmUpMs, run);
    // Each of the three measures for as long as the whole of another bench: rates vary more than times.
    const roundMs = (context.seconds * 1_000) / rounds;
    const sides = work.map(({ name, run }) => ({ name, round: () => rate(roundMs, run) }));
    const samples = await interleave(sides, { forMs: 0, minRounds: rounds });
    return figuresOf(samples);
  } finally {
    theirs.close();
    await client.close();
  }
}

interface Work {
  readonly name: string;
  run(lane: number): Promise<unknown>;
}

async function rate(forMs: number, run: Work['run']): Promise<readonly number[]> {
  const { count, tookMs } = await timeLanes(lanes, forMs, run);
  return [(count * 1_000) / tookMs];
}

function ours(client: EtcdClient): Work {
  const path = freshPath(name);
  const mutexes = Array.from({ length: lanes }, (_, lane) => new Mutex(client, `${path}/${lane}`));
  const run = async (lane: number): Promise<void> => {
    const hold = await mutexes[lane]?.acquire();
    await hold?.release();
  };
  return { name: 'ours', run };
}

/** As its documentation shows it. The TTL is ours, so that the leases are of one length. */
function etcd3(client: Etcd3): Work {
  const path = freshPath(`${name}-etcd3`);
  const run = async (lane: number): Promise<void> => {
    const lock = await client.lock(`${path}/${lane}`).ttl(10).acquire();
    await lock.release();
  };
  return { name: 'etcd3', run };
}

async function bare(client: EtcdClient): Promise<Work> {
  const puts: (() => Promise<void>)[] = [];
  for (let lane = 0; lane < lanes; lane++) puts.push(await barePut(client, `${freshPath(name)}-put/${lane}`));
  return { name: 'put', run: async (lane) => puts[lane]?.() };
}

function figuresOf(samples: Map<string, number[][]>): readonly Figure[] {
  const [ours = [], theirs = [], puts = []] = ['ours', 'etcd3', 'put'].map((side) => samplesOf(samples, side));
  const times = median(ours) / median(theirs);
  return new Figures(name)
    .gated('as many as npm etcd3', times, 'times', { min: 4 })
    .add('acquire + release', median(ours), 'per second', { rounds: ours })
    .add('acquire + release, npm etcd3', median(theirs), 'per second', { rounds: theirs })
    .add('bare Puts', median(puts), 'per second', { rounds: puts })
    .add('of what bare Puts alone would allow', (median(ours) * 2) / median(puts), '').list;
}
