import type { EtcdStats } from 'coterie/etcd';
import type { Bench, BenchContext } from './lib/bench.js';
import { type EtcdClient, openClient, requestsByKind } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { LineDrain, type LineMeter, sumOf, totalOf } from './lib/line-drain.js';

const name = 'requests';
const bench: Bench = { name, about: 'what a handoff costs the store, by how many wait', needs: 'etcd', run };
export default bench;

const lineLengths = [2, 100, 1_000] as const;
const clientCount = 4;
/** With a short line: more lines. */
const minHandoffs = 100;
/** Whoever waits looks by itself once per TTL; with this one, not within the bench. */
const ttlMs = 60_000;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const clients = Array.from({ length: clientCount }, () => openClient(context, { ttlMs }));
  try {
    const line = new LineDrain(name, clients, meterOf(clients));
    const figures = new Figures(name);
    for (const waiters of lineLengths) {
      const drained = await line.drain(waiters, minHandoffs);
      const { handoffs, requests, lineUpMs, drainMs } = drained;
      figures.gated(
        `per handoff, ${waiters} waiting`,
        totalOf(requests) / handoffs,
        'requests',
        { max: 4 },
        { ...drained },
      );
      if (waiters !== lineLengths.at(-1)) continue;
      figures.add(`${waiters} line up`, lineUpMs, 'ms', { perWaiterMs: lineUpMs / waiters });
      figures.add(`${waiters} are served, one after the other`, drainMs, 'ms', { perHandoffMs: drainMs / handoffs });
    }
    return figures.list;
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

function meterOf(clients: readonly EtcdClient[]): LineMeter {
  const sum = (count: (stats: EtcdStats) => number): number =>
    clients.reduce((sum, { store }) => sum + count(store.stats), 0);
  return {
    requests: () => sumOf(clients.map(({ store }) => requestsByKind(store.stats))),
    // A watch is asked for once, and read once.
    growth: () => [sum(({ watchCreates }) => watchCreates), sum(({ unary }) => unary['Range'] ?? 0)],
    // Two for each that waits, on its own ticket and on the one ahead; and the holder, soon, watches its own.
    grownBy: (waiters) => 2 * waiters + 1,
    quietMs: 150,
  };
}
