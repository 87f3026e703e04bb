import type { Cancel, Clock } from '../../../src/core/clock.js';
import type { CallOptions, Range, Store, Watch } from '../../../src/core/store.js';
import { Gate } from '../../../src/testing/gate.js';
import type { VirtualClock } from '../../../src/testing/virtual-clock.js';

/** Random choices that are the same for the same seed. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e37_79b1) >>> 0;
  }

  /** Uniform in [0, 1). Mulberry32. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number, both ends included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)] as T;
  }
}

/** Clocks tell time in steps, here in steps that floating point can add up without rounding. */
const stepsPerMs = 1024;

/**
 * A process of its own: it can stand still while the rest of the world goes on, its clock can run a little fast or slow,
 * and its machine can sleep, which the monotonic clock does not see.
 */
export class Process implements Clock {
  readonly #base: VirtualClock;
  readonly #rate: number;
  readonly #gate = new Gate();
  #late: (() => void)[] = [];
  #sleptMs = 0;
  #asleepSinceMs: number | undefined;
  #toldMs = 0;
  #wallMs = 0;
  #armed = 0;
  /** Whether it stands still. */
  frozen = false;

  constructor(base: VirtualClock, rate: number) {
    this.#base = base;
    this.#rate = rate;
  }

  /** How many of its timers are armed. */
  get armed(): number {
    return this.#armed;
  }

  now(): number {
    const nowMs = Math.floor((this.#base.now() - this.#sleptMs) * this.#rate * stepsPerMs) / stepsPerMs;
    // Never back, not even by a rounding error.
    this.#toldMs = Math.max(this.#toldMs, nowMs);
    return this.#toldMs;
  }

  wall(): number {
    // No time server mends it: it is as wrong as the monotonic clock.
    const base = this.#base.now();
    return this.#base.wall() - base + base * this.#rate + this.#wallMs;
  }

  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  after(ms: number, fire: () => void): Cancel {
    const due = this.now() + Math.max(0, ms);
    let over = false;
    let cancelBase: Cancel;
    const end = (): void => {
      if (!over) this.#armed--;
      over = true;
      cancelBase();
    };
    const look = (): void => {
      if (over) return;
      if (this.frozen) this.#late.push(look);
      else if (this.now() < due) arm();
      else {
        end();
        fire();
      }
    };
    const arm = (): void => {
      cancelBase = this.#base.after(Math.max(1 / stepsPerMs, (due - this.now()) / this.#rate), look);
    };
    this.#armed++;
    arm();
    return end;
  }

  /** Stands still from now on; its machine too where it is `asleep`. */
  freeze(asleep: boolean): void {
    if (asleep && !this.frozen) this.#asleepSinceMs = this.#base.now();
    this.frozen = true;
    this.#gate.close();
  }

  /** Goes on: first the timers that are late, one by one, then what came in meanwhile. */
  thaw(): void {
    const now = this.#base.now();
    this.#sleptMs += now - (this.#asleepSinceMs ?? now);
    this.#asleepSinceMs = undefined;
    this.frozen = false;
    const late = this.#late;
    this.#late = [];
    for (const look of late) this.#base.after(0, look);
    this.#base.after(0, () => {
      if (!this.frozen) this.#gate.open();
    });
  }

  /** The store as this process sees it: while it stands still, nothing reaches it. */
  around(store: Store): Store {
    const arrived = async <T>(answer: Promise<T>): Promise<T> => {
      try {
        return await answer;
      } finally {
        await this.#gate.pass();
      }
    };
    return {
      traits: store.traits,
      read: (query, options) => arrived(store.read(query, options)),
      commit: (guards, ops, options) => arrived(store.commit(guards, ops, options)),
      grant: (ttlMs, options) => arrived(store.grant(ttlMs, options)),
      renew: (lease, options) => arrived(store.renew(lease, options)),
      revoke: (lease, options) => arrived(store.revoke(lease, options)),
      watch: (range: Range, options?: CallOptions): Watch => {
        const watch = store.watch(range, options);
        return {
          next: () => arrived(watch.next()),
          return: () => watch.return(),
          [Symbol.asyncIterator]() {
            return this;
          },
        };
      },
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    };
  }
}
