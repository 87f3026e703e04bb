import type { Cancel, Clock, Random } from '../core/clock.js';
import type { LeaseId } from '../core/store.js';
import type { Int64, ResponseHeader } from '../transport/etcd/codec/etcd.js';
import type { HistoryLimits, Revision } from '../transport/memory/history.js';
import { expire, type Machine, machineAt, type Step } from './machine.js';
import { Refusal, unavailable } from './refusal.js';
import { int64 } from './wire.js';

/** Who keeps what is changed. Throws where it cannot. */
export interface Keeper {
  keep(steps: readonly Step[]): void;
}

/** What tells one store from another. */
export interface Origin {
  readonly clusterId: Int64;
  readonly memberId: Int64;
}

/** What every answer begins with. */
export interface Header extends Origin {
  readonly revision: Int64;
  readonly raftTerm: Int64;
}

export interface DevStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly history?: HistoryLimits | undefined;
  /** What was kept of an earlier life. */
  readonly restored?: { readonly machine: Machine; readonly origin: Origin } | undefined;
}

/** A term that is not the first, as that of a cluster of one which has just been made. */
const raftTerm = int64(2);
const twoTo32 = 4_294_967_296;

/** An id that is not 0 and, as those that etcd makes for leases, not negative. */
function randomId(random: Random): Int64 {
  const low = Math.floor(random() * twoTo32) | 1;
  return { low: low | 0, high: Math.floor(random() * (twoTo32 / 2)), unsigned: false };
}

/**
 * The machine with what it needs to live: a clock that ends its leases, someone who keeps what changes, and those who
 * watch. A change is kept before it is answered and before anyone hears of it.
 */
export class DevStore {
  readonly machine: Machine;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #followers = new Set<(revision: Revision) => void>();
  /** What tells this store from another. */
  readonly origin: Origin;
  #keeper: Keeper | undefined;
  #timer: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  #failure: Refusal | undefined;
  /** Is told, once, of what made it impossible to go on. */
  onFailure: (error: unknown) => void = () => {};

  constructor({ clock, random, history, restored }: DevStoreOptions) {
    this.#clock = clock;
    this.#random = random;
    this.machine = restored?.machine ?? machineAt(1, history);
    this.origin = restored?.origin ?? { clusterId: randomId(random), memberId: randomId(random) };
    this.#arm();
  }

  /** From now on what changes is kept. To be said before anything is asked. */
  keptBy(keeper: Keeper): void {
    this.#keeper = keeper;
  }

  now(): number {
    return this.#clock.now();
  }

  freshLease = (): LeaseId => {
    for (;;) {
      const { low, high } = randomId(this.#random);
      const id = ((BigInt(high) << 32n) | BigInt(low >>> 0)).toString(16);
      if (this.machine.state.leases.get(id) === undefined) return id;
    }
  };

  /** The header of an answer, at the revision that it gives or else at the present one. */
  header(given?: ResponseHeader.$Properties | null): Header {
    const revision = given?.revision ?? int64(this.machine.state.revision);
    return { ...this.origin, revision, raftTerm };
  }

  /**
   * Carries out one request, after the leases have ended whose time has come. What it refuses has changed nothing. Throws
   * a {@link Refusal}.
   */
  run<A>(request: (machine: Machine, steps: Step[], now: number) => A): A {
    if (this.#failure !== undefined) throw this.#failure;
    const steps: Step[] = [];
    const now = this.#clock.now();
    try {
      expire(this.machine, now, steps);
      return request(this.machine, steps, now);
    } finally {
      this.#settle(steps);
    }
  }

  /** From now on tells of every revision, in order. Returns how to end it. */
  follow(hear: (revision: Revision) => void): () => void {
    this.#followers.add(hear);
    return () => this.#followers.delete(hear);
  }

  close(): void {
    this.#failure ??= unavailable('the server was stopped');
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#followers.clear();
  }

  /** Keeps the steps, and tells of them. */
  #settle(steps: readonly Step[]): void {
    if (steps.length > 0) {
      try {
        this.#keeper?.keep(steps);
      } catch (error) {
        this.#failure = unavailable('what changes cannot be kept in the file any more');
        this.#timer?.cancel();
        this.onFailure(error);
        throw this.#failure;
      }
      for (const { revision } of steps) {
        if (revision !== undefined) for (const hear of this.#followers) hear(revision);
      }
    }
    this.#arm();
  }

  /** Sees to it that the timer stands at the next end of a lease. One that stands too early moves on when it fires. */
  #arm(): void {
    const atMs = this.#failure === undefined ? this.machine.state.leases.next()?.deadlineMs : undefined;
    if (this.#timer !== undefined && atMs !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (atMs === undefined) return;
    const cancel = this.#clock.after(Math.max(0, atMs - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#expire();
    });
    this.#timer = { atMs, cancel };
  }

  #expire(): void {
    try {
      this.run(() => {});
    } catch (error) {
      // What could not be kept was told of already.
      if (!(error instanceof Refusal)) throw error;
    }
  }
}
