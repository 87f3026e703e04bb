import { type Client, type Hold, Mutex } from 'coterie';
import { freshPath, pause } from './bench.js';

/** Numbers of requests, by kind. */
export type Requests = Readonly<Record<string, number>>;

export function totalOf(requests: Requests): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}

/** Sums, or differences, kind by kind. */
function plus(a: Requests, b: Requests, sign: 1 | -1 = 1): Requests {
  const kinds = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...kinds].map((kind) => [kind, (a[kind] ?? 0) + sign * (b[kind] ?? 0)]));
}

/** How it is seen from outside what the clients of a line do. */
export interface LineMeter {
  /** Requests that all of them have sent so far, by kind. */
  requests(): Requests;
  /** What grows while a line forms. */
  growth(): readonly number[];
  /** By how much each of that has grown at least when so many wait behind a holder. */
  grownBy(waiters: number): number;
  /** Nothing more is to come when nothing was sent for so long. */
  readonly quietMs: number;
}

export interface Drained {
  readonly handoffs: number;
  /** Of the handoffs alone. */
  readonly requests: Requests;
  /** Before that, while the lines formed: those of the holder too. */
  readonly lineUpRequests: Requests;
  readonly lineUpMs: number;
  readonly drainMs: number;
}

/** Sums requests of several clients, kind by kind. */
export function sumOf(all: readonly Requests[]): Requests {
  return all.reduce((sum, each) => plus(sum, each), {});
}

/** Something that one after the other holds. */
export interface Lock {
  acquire(): Promise<Hold>;
}

/** Lines of waiters that come and go, on some clients. */
export class LineDrain {
  readonly #clients: readonly Client[];
  readonly #meter: LineMeter;
  readonly #path: string;
  readonly #open: (client: Client, path: string) => Lock;
  #lines = 0;

  constructor(
    bench: string,
    clients: readonly Client[],
    meter: LineMeter,
    open = (client: Client, path: string): Lock => new Mutex(client, path),
  ) {
    this.#open = open;
    this.#path = freshPath(bench);
    this.#clients = clients;
    this.#meter = meter;
  }

  /** Lets lines of that length form and go, one after the other, until there were enough handoffs. */
  async drain(waiters: number, minHandoffs: number): Promise<Drained> {
    let sum: Drained = { handoffs: 0, requests: {}, lineUpRequests: {}, lineUpMs: 0, drainMs: 0 };
    while (sum.handoffs < minHandoffs) {
      const drained = await this.#drainOne(waiters);
      sum = {
        handoffs: sum.handoffs + drained.handoffs,
        requests: plus(sum.requests, drained.requests),
        lineUpRequests: plus(sum.lineUpRequests, drained.lineUpRequests),
        lineUpMs: sum.lineUpMs + drained.lineUpMs,
        drainMs: sum.drainMs + drained.drainMs,
      };
    }
    return sum;
  }

  /**
   * Lets a line form behind a holder, then lets it go: everybody who gets the lock gives it back at once, but for the
   * last, who has nobody to hand it to.
   */
  async #drainOne(waiters: number): Promise<Drained> {
    const path = `${this.#path}-${++this.#lines}`;
    const locks = this.#clients.map((client) => this.#open(client, path));
    const at = (n: number): Lock => locks[n % locks.length] as Lock; // There is one for each client.
    const [growth, start] = [this.#meter.growth(), this.#meter.requests()];
    const first = await at(0).acquire();
    const began = performance.now();
    let left = waiters;
    const waiting = Array.from({ length: waiters }, async (_, n): Promise<Hold | undefined> => {
      const hold = await at(n + 1).acquire();
      if (--left === 0) return hold;
      await hold.release();
      return undefined;
    });
    const lineUpMs = (await this.#linedUp(growth, waiters)) - began;
    const before = this.#meter.requests();
    const released = performance.now();
    await first.release();
    const holds = await Promise.all(waiting);
    const drainMs = performance.now() - released;
    await this.#quiet();
    const requests = plus(this.#meter.requests(), before, -1);
    await Promise.all(holds.map((hold) => hold?.release()));
    return { handoffs: waiters, requests, lineUpRequests: plus(before, start, -1), lineUpMs, drainMs };
  }

  /** Waits until the line is there, and nothing more is sent. Gives when the last request was seen. */
  async #linedUp(before: readonly number[], waiters: number): Promise<number> {
    const enough = this.#meter.grownBy(waiters);
    while (this.#meter.growth().some((now, n) => now - (before[n] ?? 0) < enough)) await pause(1);
    return await this.#quiet();
  }

  async #quiet(): Promise<number> {
    const { quietMs } = this.#meter;
    let lastAt = performance.now();
    let total = totalOf(this.#meter.requests());
    while (performance.now() - lastAt < quietMs) {
      await pause(5);
      const now = totalOf(this.#meter.requests());
      if (now === total) continue;
      total = now;
      lastAt = performance.now();
    }
    return lastAt;
  }
}
