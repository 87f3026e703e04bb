import type { Bench, BenchContext } from './lib/bench.js';
import { type ConsulClient, openConsul, requestsByKind } from './lib/consul-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { LineDrain, type LineMeter, sumOf, totalOf } from './lib/line-drain.js';

const name = 'consul-requests';
const bench: Bench = { name, about: 'Consul: what a handoff costs, by how many wait', needs: 'consul', run };
export default bench;

/** With a short line: more lines, each of which takes a second to be quiet. */
const minHandoffs = 30;
/** Whoever waits looks by itself once per TTL, and a blocking query is asked anew; with these, not within the bench. */
const options = { ttlMs: 60_000, timeouts: { watchMs: 55_000 } } as const;

/**
 * What a handoff is made of: the release, which is one transaction, and the deciding read of the one that waited. Its
 * blocking queries, one for its own ticket and one for that ahead, are open before: the release answers the one, and the
 * other goes on for the hold. Nobody else's is answered.
 */
const inherent = 2;
const fewClients = 4;

/** How the waiters are spread, and what a handoff may cost with so many of them. */
const spreads = [
  {
    about: `on ${fewClients} clients`,
    clientCount: fewClients,
    lines: [
      { waiters: 2, max: inherent },
      // 15 on each client, with 30 blocking queries: as many as there are connections for, about.
      { waiters: 60, max: inherent },
      // With 50 on each, a client sees the whole line by one blocking query: each release answers each client's.
      { waiters: 200, max: inherent + fewClients },
    ],
  },
  // Where queries are not shared, a herd could not hide.
  {
    about: 'each on a client of its own',
    clientCount: 25,
    lines: [
      { waiters: 2, max: inherent },
      { waiters: 24, max: inherent },
    ],
  },
] as const;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const figures = new Figures(name);
  for (const { about, clientCount, lines } of spreads) {
    const clients = Array.from({ length: clientCount }, () => openConsul(context, options));
    try {
      const line = new LineDrain(name, clients, meterOf(clients));
      for (const { waiters, max } of lines) {
        const drained = await line.drain(waiters, minHandoffs);
        const { requests, handoffs, drainMs } = drained;
        const which = `${waiters} waiting ${about}`;
        figures.gated(`per handoff, ${which}`, totalOf(requests) / handoffs, 'requests', { max }, { ...drained });
        figures.add(`a handoff, ${which}`, drainMs / handoffs, 'ms');
      }
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  }
  return figures.list;
}

function meterOf(clients: readonly ConsulClient[]): LineMeter {
  const requests = () => sumOf(clients.map(({ store }) => requestsByKind(store.stats)));
  return {
    requests,
    // How many queries that takes is up to the client. Everybody has a ticket, and then it is quiet.
    growth: () => [requests()['txn'] ?? 0],
    grownBy: (waiters) => waiters + 1,
    // A blocking query that has told nothing new may be asked again only after 200 ms.
    quietMs: 500,
  };
}
