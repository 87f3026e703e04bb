import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { put } from 'coterie';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { barePut, type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, samplesOf, timeLanes } from './lib/interleave.js';
import { median } from './lib/statistics.js';

const name = 'dev-server';
const bench: Bench = { name, about: 'coterie dev beside etcd, and how soon it is up', needs: 'etcd', run };
export default bench;

/** From `.build/bench`, where this runs. */
const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const starts = 9;
const lanes = 32;
const watches = 200;
const putsPerRound = 100;

async function run({ endpoints, seconds }: BenchContext): Promise<readonly Figure[]> {
  const startUp = await startTimes();
  const { child, endpoint } = await start();
  const ours = openClient({ endpoints: [endpoint] });
  const theirs = openClient({ endpoints });
  try {
    const sides = [...(await sidesOf('ours', ours)), ...(await sidesOf('etcd', theirs))];
    const samples = await interleave(sides, { forMs: seconds * 1_000 });
    const rate = (side: string): number => median(samplesOf(samples, side).flat());
    const ratio = (what: string): number => rate(`ours ${what}`) / rate(`etcd ${what}`);
    return new Figures(name)
      .gated('up after', startUp.up, 'ms', { max: 200 }, { nodeWithGrpc: startUp.loading })
      .add('Node with gRPC alone', startUp.loading, 'ms')
      .add("puts, 32 at once, in etcd's", ratio('puts'), 'times', rates(rate, 'puts'))
      .add('puts', rate('ours puts'), 'per second')
      .add("events to 200 watches of one key, in etcd's", ratio('events'), 'times', rates(rate, 'events'))
      .add('events', rate('ours events'), 'per second').list;
  } finally {
    await ours.close();
    await theirs.close();
    child.kill('SIGKILL');
  }
}

function rates(rate: (side: string) => number, what: string): Readonly<Record<string, number>> {
  return { ours: rate(`ours ${what}`), etcd: rate(`etcd ${what}`) };
}

async function start(): Promise<{ readonly child: ChildProcess; readonly endpoint: string }> {
  const child = spawn(process.execPath, [command, 'dev', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const endpoint = /http:\S+/.exec(line.toString())?.[0];
  if (endpoint === undefined) throw new Error(`coterie dev did not start: ${line}`);
  return { child, endpoint };
}

/** The shortest of some starts, which is the one that was disturbed least: until its line is there. */
async function startTimes(): Promise<{ readonly up: number; readonly loading: number }> {
  const grpc = createRequire(import.meta.url).resolve('@grpc/grpc-js');
  const load = async (): Promise<void> => {
    await once(spawn(process.execPath, ['-e', `require(${JSON.stringify(grpc)})`], { stdio: 'ignore' }), 'exit');
  };
  const begin = async (): Promise<void> => {
    (await start()).child.kill('SIGKILL');
  };
  const timed = async (what: () => Promise<void>): Promise<number> => {
    const began = performance.now();
    await what();
    return performance.now() - began;
  };
  let [up, loading] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let n = 0; n < starts; n++) {
    up = Math.min(up, await timed(begin));
    loading = Math.min(loading, await timed(load));
  }
  return { up, loading };
}

/** What is measured of one server. */
async function sidesOf(server: string, client: EtcdClient) {
  const path = freshPath(name);
  const bare = await barePut(client, `${path}/put`);
  const key = `${path}/watched`;
  let seen = 0;
  let told = (): void => {};
  for (let n = 0; n < watches; n++) {
    const watch = client.store.watch({ key });
    await watch.next();
    void (async () => {
      for await (const _ of watch) {
        seen++;
        told();
      }
    })().catch(() => {});
  }
  const puts = async (): Promise<number[]> => {
    const { count, tookMs } = await timeLanes(lanes, 300, bare);
    return [(count * 1_000) / tookMs];
  };
  /** One put after the other, each once all have heard of the last: nothing can be told of in one. */
  const events = async (): Promise<number[]> => {
    const began = performance.now();
    for (let n = 0; n < putsPerRound; n++) {
      const all = new Promise<void>((resolve) => {
        const target = seen + watches;
        told = () => seen === target && resolve();
      });
      await client.store.commit([], [put(key, String(n))]);
      await all;
    }
    return [(putsPerRound * watches * 1_000) / (performance.now() - began)];
  };
  return [
    { name: `${server} puts`, round: puts },
    { name: `${server} events`, round: events },
  ];
}
