import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Bench, type BenchContext, freshPath, pause } from './lib/bench.js';
import { barePut, type EtcdClient, openClient } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { handoffsOf, type Order, play, type Turn } from './lib/handoff-turns.js';
import { interleave, samplesOf, timeEach } from './lib/interleave.js';
import { summarize } from './lib/statistics.js';

const name = 'handoff';
const bench: Bench = { name, about: 'a mutex that goes from one process to another', needsEtcd: true, run };
export default bench;

/** Long enough for the one that waits to have its watches, several times over. */
const holdMs = 4;
const turnsPerRound = 20;
const putsPerRound = 100;
const warmUp = 500;

/** The second process. */
class Peer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start({ endpoints }: BenchContext): Promise<Peer> {
    const child = fork(fileURLToPath(new URL('./handoff-peer.js', import.meta.url)), [endpoints.join(',')]);
    await once(child, 'message');
    return new Peer(child);
  }

  async play(order: Order): Promise<readonly Turn[]> {
    const ended = new AbortController();
    const { signal } = ended;
    const answer = once(this.#child, 'message', { signal });
    const exit = once(this.#child, 'exit', { signal }).then(died);
    this.#child.send(order);
    try {
      const [turns] = await Promise.race([answer, exit]);
      return turns as readonly Turn[]; // What the peer sends.
    } finally {
      ended.abort();
      await Promise.allSettled([answer, exit]);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

function died(): never {
  throw new Error('The second process of the bench died.');
}

interface Sides {
  readonly client: EtcdClient;
  readonly peer: Peer;
}

/** Both processes take their turns; gives how long each handoff from one to the other took. */
async function round({ client, peer }: Sides, order: Order): Promise<readonly number[]> {
  const [theirs, ours] = await Promise.all([peer.play(order), play(client, order)]);
  return handoffsOf(ours, theirs, order.holdMs / 2);
}

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  const peer = await Peer.start(context);
  try {
    const path = freshPath(name);
    const put = await barePut(client, `${path}-put`);
    const order: Order = { path, lanes: 1, turns: turnsPerRound, holdMs };
    const handoffs = (): Promise<readonly number[]> => round({ client, peer }, order);
    await timeEach(warmUp, put);
    for (let n = 0; n < 5; n++) await handoffs();
    const sides = [
      { name: 'handoff', round: handoffs },
      { name: 'put', round: () => timeEach(putsPerRound, put) },
      { name: 'pausedPut', round: () => afterPauses(put) },
    ];
    const samples = await interleave(sides, { forMs: context.seconds * 800, minRounds: 10 });
    const perSecond = await pingPong({ client, peer }, context);
    return figuresOf(samples, perSecond);
  } finally {
    await Promise.all([peer.stop(), client.close()]);
  }
}

/** Puts of a process that has been idle for as long as the two are while one of them holds. */
async function afterPauses(put: () => Promise<void>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let n = 0; n < turnsPerRound; n++) {
    await pause(holdMs);
    samples.push(...(await timeEach(1, put)));
  }
  return samples;
}

/** Handoffs a second when each process has two in line and nobody holds longer than it has to. */
async function pingPong({ client, peer }: Sides, { seconds }: BenchContext): Promise<number> {
  const turns = Math.ceil(seconds * 50);
  const order: Order = { path: `${freshPath(name)}-fast`, lanes: 2, turns, holdMs: 0 };
  const [theirs, ours] = await Promise.all([peer.play(order), play(client, order)]);
  const times = [...ours, ...theirs].map(({ heldAtMs }) => heldAtMs);
  return ((times.length - 1) * 1_000) / (Math.max(...times) - Math.min(...times));
}

function figuresOf(samples: Map<string, number[][]>, perSecond: number): readonly Figure[] {
  const handoff = summarize(samplesOf(samples, 'handoff'));
  const put = summarize(samplesOf(samples, 'put'));
  const pausedPut = summarize(samplesOf(samples, 'pausedPut'));
  return new Figures(name)
    .gated('release to acquired, in bare Puts, p50', handoff.p50 / put.p50, '', { max: 5 })
    .add('release to acquired, in bare Puts after a like pause, p50', handoff.p50 / pausedPut.p50, '', { ...pausedPut })
    .add('release to acquired, p50', handoff.p50, 'ms', { ...handoff })
    .add('release to acquired, p99', handoff.p99, 'ms')
    .add('bare Put, p50', put.p50, 'ms', { ...put })
    .add('handoffs, two in line in each process', perSecond, 'per second').list;
}
