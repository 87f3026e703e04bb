import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Client } from 'coterie';
import { type BenchContext, freshPath, pause, type StoreKind } from './bench.js';
import { type Figure, Figures } from './figures.js';
import { handoffsOf, type Order, play, type Turn } from './handoff-turns.js';
import { interleave, samplesOf, timeEach } from './interleave.js';
import { summarize } from './statistics.js';

/** Another process with a client of its own, that takes the turns that it is asked to. */
export class Peer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(kind: StoreKind, { endpoints }: BenchContext): Promise<Peer> {
    const child = fork(fileURLToPath(new URL('../handoff-peer.js', import.meta.url)), [kind, endpoints.join(',')]);
    await once(child, 'message');
    return new Peer(child);
  }

  /** Rejects where the process dies over it. */
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

  /** Ends it as a crash does. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

function died(): never {
  throw new Error('The second process of the bench died.');
}

/** What is measured, and beside what. */
export interface Handoffs {
  /** Of the bench. */
  readonly name: string;
  readonly kind: StoreKind;
  /** Of this process. */
  readonly client: Client;
  /** The least that a write can cost in this process. */
  put(): Promise<void>;
  /** What that is called. */
  readonly unit: string;
  /** So many of them a handoff may take. */
  readonly max: number;
}

/** How long the one that gets the mutex holds it: long enough for the one that waits to have its watches, several times. */
const holdMs = 4;
const turnsPerRound = 20;
const putsPerRound = 100;
const warmUp = 500;

/** A mutex that goes back and forth between this process and another. */
export async function measureHandoffs(handoffs: Handoffs, context: BenchContext): Promise<readonly Figure[]> {
  const { name, kind, client, put } = handoffs;
  const peer = await Peer.start(kind, context);
  try {
    const order: Order = { path: freshPath(name), lanes: 1, turns: turnsPerRound, holdMs };
    const handoff = async (): Promise<readonly number[]> => {
      const [theirs, ours] = await both(client, peer, order);
      return handoffsOf(ours, theirs, holdMs / 2);
    };
    await timeEach(warmUp, put);
    for (let n = 0; n < 5; n++) await handoff();
    const sides = [
      { name: 'handoff', round: handoff },
      { name: 'put', round: () => timeEach(putsPerRound, put) },
      { name: 'pausedPut', round: () => afterPauses(put) },
    ];
    const samples = await interleave(sides, { forMs: context.seconds * 800, minRounds: 10 });
    const perSecond = await pingPong(handoffs, peer, context);
    return figuresOf(handoffs, samples, perSecond);
  } finally {
    await peer.stop();
  }
}

function both(client: Client, peer: Peer, order: Order): Promise<[readonly Turn[], readonly Turn[]]> {
  return Promise.all([peer.play(order), play(client, order)]);
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
async function pingPong({ name, client }: Handoffs, peer: Peer, { seconds }: BenchContext): Promise<number> {
  const turns = Math.ceil(seconds * 50);
  const order: Order = { path: `${freshPath(name)}-fast`, lanes: 2, turns, holdMs: 0 };
  const times = (await both(client, peer, order)).flat().map(({ heldAtMs }) => heldAtMs);
  return ((times.length - 1) * 1_000) / (Math.max(...times) - Math.min(...times));
}

function figuresOf({ name, unit, max }: Handoffs, samples: Map<string, number[][]>, perSecond: number) {
  const handoff = summarize(samplesOf(samples, 'handoff'));
  const put = summarize(samplesOf(samples, 'put'));
  const pausedPut = summarize(samplesOf(samples, 'pausedPut'));
  return new Figures(name)
    .gated(`release to acquired, in ${unit}s, p50`, handoff.p50 / put.p50, '', { max })
    .add(`release to acquired, in ${unit}s after a like pause, p50`, handoff.p50 / pausedPut.p50, '', { ...pausedPut })
    .add('release to acquired, p50', handoff.p50, 'ms', { ...handoff })
    .add('release to acquired, p99', handoff.p99, 'ms')
    .add(`${unit}, p50`, put.p50, 'ms', { ...put })
    .add('handoffs, two in line in each process', perSecond, 'per second').list;
}
