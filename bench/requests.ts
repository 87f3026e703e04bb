import { Mutex } from 'coterie';
import { type Bench, type BenchContext, freshPath, pause } from './lib/bench.js';
import { type EtcdClient, openClient, requestsOf } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';

const name = 'requests';
const bench: Bench = { name, about: 'what a handoff costs the store, by how many wait', needsEtcd: true, run };
export default bench;

const lineLengths = [2, 100, 1_000] as const;
const clientCount = 4;
/** Handoffs to count with a short line: more lines, one after the other. */
const minHandoffs = 100;
/** Whoever waits looks by itself once per TTL; with this one, not within the bench. */
const ttlMs = 60_000;

interface Drained {
  readonly handoffs: number;
  readonly requests: number;
  readonly lineUpMs: number;
  readonly drainMs: number;
}

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const clients = Array.from({ length: clientCount }, () => openClient(context, { ttlMs }));
  try {
    const figures = new Figures(name);
    for (const waiters of lineLengths) {
      const drained = await drainLines(clients, waiters);
      const { handoffs, requests, lineUpMs, drainMs } = drained;
      figures.gated(`per handoff, ${waiters} waiting`, requests / handoffs, 'requests', { max: 4 }, { ...drained });
      if (waiters !== lineLengths.at(-1)) continue;
      figures.add(`${waiters} line up`, lineUpMs, 'ms', { perWaiterMs: lineUpMs / waiters });
      figures.add(`${waiters} are served, one after the other`, drainMs, 'ms', { perHandoffMs: drainMs / handoffs });
    }
    return figures.list;
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function drainLines(clients: readonly EtcdClient[], waiters: number): Promise<Drained> {
  let sum: Drained = { handoffs: 0, requests: 0, lineUpMs: 0, drainMs: 0 };
  for (let n = 0; sum.handoffs < minHandoffs; n++) {
    const drained = await drainLine(clients, `${freshPath(name)}-${waiters}-${n}`, waiters);
    sum = {
      handoffs: sum.handoffs + drained.handoffs,
      requests: sum.requests + drained.requests,
      lineUpMs: sum.lineUpMs + drained.lineUpMs,
      drainMs: sum.drainMs + drained.drainMs,
    };
  }
  return sum;
}

/**
 * Lets a line form behind a holder, then lets it go: everybody who gets the mutex gives it back at once, but for the last,
 * who has nobody to hand it to.
 */
async function drainLine(clients: readonly EtcdClient[], path: string, waiters: number): Promise<Drained> {
  const mutexes = clients.map((client) => new Mutex(client, path));
  const at = (n: number): Mutex => mutexes[n % mutexes.length] as Mutex; // There is one for each client.
  const watching = watchingOf(clients);
  const first = await at(0).acquire();
  const began = performance.now();
  let left = waiters;
  const waiting = Array.from({ length: waiters }, async (_, n) => {
    const hold = await at(n + 1).acquire();
    if (--left === 0) return hold;
    await hold.release();
    return undefined;
  });
  // Two for each that waits, on its own ticket and on the one ahead; and the holder, soon, watches its own.
  const linedUpMs = (await settled(clients, watching, 2 * waiters + 1)) - began;
  const before = totalOf(clients);
  const released = performance.now();
  await first.release();
  const holds = await Promise.all(waiting);
  const drainMs = performance.now() - released;
  await quiet(clients);
  const requests = totalOf(clients) - before;
  await Promise.all(holds.map((hold) => hold?.release()));
  return { handoffs: waiters, requests, lineUpMs: linedUpMs, drainMs };
}

function totalOf(clients: readonly EtcdClient[]): number {
  return clients.reduce((sum, { store }) => sum + requestsOf(store.stats), 0);
}

/** What watches have cost so far: each is asked for once, and read once. */
interface Watching {
  readonly creates: number;
  readonly reads: number;
}

function watchingOf(clients: readonly EtcdClient[]): Watching {
  const stats = clients.map(({ store }) => store.stats);
  return {
    creates: stats.reduce((sum, { watchCreates }) => sum + watchCreates, 0),
    reads: stats.reduce((sum, { unary }) => sum + (unary['Range'] ?? 0), 0),
  };
}

const quietMs = 150;

/** Waits until so many more watches are up, and nothing more is sent. Gives when the last request was seen. */
async function settled(clients: readonly EtcdClient[], before: Watching, watches: number): Promise<number> {
  for (let now = before; Math.min(now.creates - before.creates, now.reads - before.reads) < watches; ) {
    await pause(1);
    now = watchingOf(clients);
  }
  return quiet(clients);
}

async function quiet(clients: readonly EtcdClient[]): Promise<number> {
  let lastAt = performance.now();
  let total = totalOf(clients);
  while (performance.now() - lastAt < quietMs) {
    await pause(5);
    if (totalOf(clients) === total) continue;
    total = totalOf(clients);
    lastAt = performance.now();
  }
  return lastAt;
}
