import { Mutex } from 'coterie';
import { type Bench, type BenchContext, freshPath, pause } from './lib/bench.js';
import { type ConsulClient, openConsul } from './lib/consul-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { summarize } from './lib/statistics.js';
import { Peer } from './lib/two-processes.js';

const name = 'consul-sigkill';
const about = 'Consul: from the death of a process that holds a mutex to the next in line';
const bench: Bench = { name, about, needs: 'consul', run };
export default bench;

/** The shortest that servers allow by default. A session ends up to twice that after it was last renewed. */
const ttlMs = 10_000;
const limitMs = 2 * ttlMs + 1_500;
/** How long those that are killed have held, each its own mutex: the first has a session that is just made, the worst case. */
const heldMs = [0, 1_000, 2_000, 3_000] as const;
/** Longer than the whole bench. */
const forever = 600_000;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openConsul(context, { ttlMs });
  try {
    const tookMs = await Promise.all(heldMs.map((ms) => succeed(client, context, ms)));
    const { samples, p50 } = summarize(tookMs);
    return new Figures(name)
      .gated('SIGKILL to acquired, longest', Math.max(...tookMs), 'ms', { max: limitMs }, { tookMs, heldMs, ttlMs })
      .add(`SIGKILL to acquired, p50 of ${samples}`, p50, 'ms')
      .add('SIGKILL to acquired, shortest', Math.min(...tookMs), 'ms').list;
  } finally {
    await client.close();
  }
}

/** Kills a process that has held a mutex for so long; gives how long it took until the one that waits here had it. */
async function succeed(client: ConsulClient, context: BenchContext, heldMs: number): Promise<number> {
  const peer = await Peer.start('consul', context);
  try {
    const path = `${freshPath(name)}-${heldMs}`;
    // It never comes to its end.
    const playing = peer.play({ path, lanes: 1, turns: 1, holdMs: forever }).catch(() => {});
    await tickets(client, path, 1);
    const waiting = new Mutex(client, path).acquire();
    await tickets(client, path, 2);
    await pause(heldMs);
    const killedAt = performance.now();
    peer.kill();
    await playing;
    const hold = await waiting;
    const tookMs = performance.now() - killedAt;
    await hold.release();
    return tookMs;
  } finally {
    await peer.stop();
  }
}

/** Waits until there are so many in line, the holder included. */
async function tickets(client: ConsulClient, path: string, count: number): Promise<void> {
  while ((await client.store.read({ prefix: `${path}/` })).entries.length < count) await pause(5);
}
