import { Client } from 'coterie';
import type { EtcdStats } from 'coterie/etcd';
import { memoryCluster } from 'coterie/memory';
import { FaultyStore } from 'coterie/testing';
import type { BenchContext } from './bench.js';
import { openClient, requestsByKind } from './etcd-client.js';
import { type Figure, Figures } from './figures.js';
import { LineDrain, type LineMeter, type Lock, type Requests, sumOf, totalOf } from './line-drain.js';

/** A lock, and what a handoff of it may cost. */
export interface HandoffCase {
  readonly open: (client: Client, path: string) => Lock;
  /** Watches, and reads of them, that are there at least when so many wait. */
  readonly watches: (waiters: number) => number;
  readonly max: { readonly etcd: number; readonly embedded: number };
}

const lineLengths = [2, 1_000] as const;
const clientCount = 4;
/** With a short line: more lines. */
const minHandoffs = 60;
/** Whoever waits looks by itself once per TTL; with this one, not within the bench. */
const ttlMs = 60_000;
/** With two waiting, every second handoff is the last, which nobody behind it follows: by that the short line is cheaper. */
const mostGrowth = 2;

/** What a handoff costs the stores in requests, with few and with many waiting: it must not depend on how many. */
export async function handoffRequests(
  name: string,
  context: BenchContext,
  { open, watches, max }: HandoffCase,
): Promise<readonly Figure[]> {
  const figures = new Figures(name);
  for (const side of [etcdSide(context, watches), embeddedSide(watches)]) {
    try {
      const line = new LineDrain(`${name}-${side.name}`, side.clients, side.meter, open);
      const costs: number[] = [];
      for (const waiters of lineLengths) {
        const drained = await line.drain(waiters, minHandoffs);
        const cost = totalOf(drained.requests) / drained.handoffs;
        const figure = `${side.name}: per handoff, ${waiters} waiting`;
        figures.gated(figure, cost, 'requests', { max: max[side.name] }, { ...drained });
        costs.push(cost);
      }
      const [few = Number.NaN, many = Number.NaN] = costs;
      figures.gated(`${side.name}: with ${lineLengths[1]} waiting, in those with 2`, many / few, '', {
        max: mostGrowth,
      });
    } finally {
      await Promise.all(side.clients.map((client) => client.close()));
    }
  }
  return figures.list;
}

interface Side {
  readonly name: 'etcd' | 'embedded';
  readonly clients: readonly Client[];
  readonly meter: LineMeter;
}

function etcdSide(context: BenchContext, watches: HandoffCase['watches']): Side {
  const clients = Array.from({ length: clientCount }, () => openClient(context, { ttlMs }));
  const sum = (count: (stats: EtcdStats) => number): number =>
    clients.reduce((total, { store }) => total + count(store.stats), 0);
  const meter = {
    requests: () => sumOf(clients.map(({ store }) => requestsByKind(store.stats))),
    // A watch is asked for once, and read once.
    growth: () => [sum(({ watchCreates }) => watchCreates), sum(({ unary }) => unary['Range'] ?? 0)],
    grownBy: watches,
    quietMs: 150,
  };
  return { name: 'etcd', clients, meter };
}

function embeddedSide(watches: HandoffCase['watches']): Side {
  const cluster = memoryCluster();
  const stores = Array.from({ length: clientCount }, () => new FaultyStore(cluster.store()));
  const clients = stores.map((store) => new Client(store, { ttlMs }));
  const usage = ({ requests: { read, commit, watch } }: FaultyStore): Requests => ({ read, commit, watch });
  const requests = (): Requests => sumOf(stores.map(usage));
  const meter = { requests, growth: () => [requests()['watch'] ?? 0], grownBy: watches, quietMs: 150 };
  return { name: 'embedded', clients, meter };
}
