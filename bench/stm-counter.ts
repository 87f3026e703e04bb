import { stm } from 'coterie';
import { Etcd3 } from 'etcd3';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { interleave, timeLanes } from './lib/interleave.js';
import { median } from './lib/statistics.js';

const name = 'stm-counter';
const bench: Bench = { name, about: 'one number that 1, 10 and 100 count up by transactions', needs: 'etcd', run };
export default bench;

/** How many contend, and how many times as fast as npm etcd3 that has to be. Alone, both make two round trips. */
const contenders = [
  { count: 1, min: 0.7 },
  { count: 10, min: 1.5 },
  { count: 100, min: 3 },
];
const warmUpMs = 300;
const minRounds = 4;

/** Counts a key up by one, for the contender of this number. */
type Add = (contender: number, key: string) => Promise<unknown>;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const clients = Array.from({ length: 10 }, () => openClient(context));
  const [client] = clients as [EtcdClient];
  const theirs = new Etcd3({ hosts: [...context.endpoints] });
  const figures = new Figures(name);
  try {
    for (const { count, min } of contenders) {
      const forMs = (context.seconds * 1_000) / contenders.length;
      const roundMs = forMs / minRounds / 3;
      const side = (sideName: string, add: Add) => ({
        name: sideName,
        round: () => measure(client, add, count, roundMs),
      });
      const spread: Add = (at, key) => addOne(clients[at % clients.length] as EtcdClient, key);
      const sides = [
        side('ours', (_, key) => addOne(client, key)),
        side('spread', spread),
        side('etcd3', (_, key) => addTheirs(theirs, key)),
      ];
      await timeLanes(count, warmUpMs, (at) => spread(at, freshPath(name)));
      const samples = await interleave(sides, { forMs, minRounds });
      report(figures, count, min, samples);
    }
    return figures.list;
  } finally {
    theirs.close();
    await Promise.all(clients.map((one) => one.close()));
  }
}

function addOne(client: EtcdClient, key: string): Promise<unknown> {
  return stm(client, async (tx) => tx.put(key, ((await tx.get<number>(key)) ?? 0) + 1));
}

/** As often as it takes: by default it gives up at the third conflict. */
function addTheirs(client: Etcd3, key: string): Promise<unknown> {
  const options = { retries: Number.MAX_SAFE_INTEGER };
  return client.stm(options).transact(async (tx) => {
    await tx.put(key).value(Number((await tx.get(key)) ?? 0) + 1);
  });
}

/** How many a second, with a look at whether each has counted. */
async function measure(client: EtcdClient, add: Add, contenders: number, forMs: number): Promise<readonly number[]> {
  const key = `${freshPath(name)}-${performance.now()}`;
  const { count, tookMs } = await timeLanes(contenders, forMs, (at) => add(at, key));
  const { entries } = await client.store.read({ key });
  const counted = Number(new TextDecoder().decode(entries[0]?.value));
  if (counted !== count) throw new Error(`${count} transactions have counted to ${counted}.`);
  return [(count * 1_000) / tookMs];
}

function report(figures: Figures, count: number, min: number, samples: Map<string, number[][]>): void {
  const [ours, spread, theirs] = ['ours', 'spread', 'etcd3'].map((side) => (samples.get(side) ?? []).flat());
  const times = median(ours ?? []) / median(theirs ?? []);
  figures
    .gated(`with ${count}, as many as npm etcd3`, times, 'times', { min })
    .add(`with ${count} of one client`, median(ours ?? []), 'per second', { rounds: ours })
    .add(`with ${count} of 10 clients`, median(spread ?? []), 'per second', { rounds: spread })
    .add(`with ${count}, npm etcd3`, median(theirs ?? []), 'per second', { rounds: theirs });
}
