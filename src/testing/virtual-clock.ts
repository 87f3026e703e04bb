import type { Cancel, Clock } from '../core/clock.js';
import { MinHeap } from '../core/heap.js';
import { CoordinationError } from '../errors.js';

export interface VirtualClockOptions {
  /** What {@link VirtualClock.now} begins at, in milliseconds. Default 0. */
  readonly nowMs?: number;
  /** What {@link VirtualClock.wall} begins at, in milliseconds as of 1970. Default: the beginning of 2026. */
  readonly wallMs?: number;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  /** Undefined once it has fired or was cancelled. */
  fire: (() => void) | undefined;
}

/** @internal A turn of the event loop. Taken before any test can put a fake in its place. */
export const nextTurn = setImmediate;

/** Turns of the event loop that a promise is given to settle without a timer, before that counts as a deadlock. */
const patienceTurns = 20;

/** Lets everything run that can run without time passing: all microtasks, down to the last. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    nextTurn(resolve);
  });
}

/**
 * A clock that stands still until it is told to move. Timers fire in the order of their times, those of one time in the
 * order in which they were set, and after each one everything that it set off has run before the next. So a test of
 * hours takes milliseconds, and takes the same course each time.
 *
 * It is for code that waits on this clock alone. What waits for real I/O is not waited for.
 */
export class VirtualClock implements Clock {
  readonly #timers = new MinHeap<Timer>((a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order));
  #nowMs: number;
  #wallMs: number;
  #pending = 0;
  #armed = 0;
  /** Counts what moves things on, so that one who waits can tell a deadlock from the doings of another. */
  #progress = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.nowMs ?? 0;
    this.#wallMs = options.wallMs ?? 1_767_225_600_000;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#wallMs;
  }

  after(ms: number, fire: () => void): Cancel {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, ms), order: this.#armed++, fire };
    this.#timers.push(timer);
    this.#pending++;
    this.#progress++;
    return () => {
      if (timer.fire === undefined) return;
      timer.fire = undefined;
      this.#pending--;
      // Cancelled timers stay in the heap until their time; not too many of them.
      if (this.#timers.size > 64 + 2 * this.#pending) this.#timers.keep((kept) => kept.fire !== undefined);
    };
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#pending;
  }

  /** When the next timer fires, on {@link now}; undefined when none is armed. */
  get nextMs(): number | undefined {
    for (;;) {
      const first = this.#timers.peek();
      if (first === undefined || first.fire !== undefined) return first?.dueMs;
      this.#timers.pop();
    }
  }

  /** Lets this much time pass, with all that happens in it. Calls may overlap, as those of several sleepers. */
  advance(ms: number): Promise<void> {
    return this.advanceTo(this.#nowMs + ms);
  }

  /** Lets time pass up to this point of {@link now}. */
  async advanceTo(nowMs: number): Promise<void> {
    this.#progress++;
    await settle();
    while ((this.nextMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      this.#fireNext();
      await settle();
    }
    this.#move(nowMs);
    await settle();
  }

  /**
   * Lets time pass, from timer to timer, until the promise settles, and hands on its outcome. Rejects with `TIMEOUT`
   * when it is still pending after `maxMs` (default: an hour), or can never settle because no timer is left; `problem`
   * is then `deadlock`.
   */
  async runUntil<T>(promise: Promise<T>, { maxMs = 3_600_000 }: { readonly maxMs?: number } = {}): Promise<T> {
    const untilMs = this.#nowMs + maxMs;
    let settled = false;
    const note = (): void => {
      settled = true;
      this.#progress++;
    };
    promise.then(note, note);
    for (let idle = 0, seen = this.#progress; idle < patienceTurns; idle++) {
      await settle();
      if (settled) return promise;
      const nextMs = this.nextMs;
      if (nextMs !== undefined && nextMs > untilMs) throw stillPending(`after ${maxMs} ms`, 'timeout');
      this.#fireNext();
      if (this.#progress !== seen) idle = 0;
      seen = this.#progress;
    }
    throw stillPending('and no timer is armed that could settle it: a deadlock', 'deadlock');
  }

  /** The wall clock is set forward, or back; nothing else happens. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** The machine sleeps: the wall clock moves on, the monotonic clock does not, so that no timer comes nearer. */
  suspend(ms: number): void {
    this.stepWall(ms);
  }

  /**
   * The process is stopped, or its event loop is busy: both clocks move on at once, before anything can run. All timers
   * that came due in that time then fire late, one after the other, with {@link now} at the end of the stall.
   */
  stall(ms: number): Promise<void> {
    this.#move(this.#nowMs + ms);
    return this.advanceTo(this.#nowMs);
  }

  #move(nowMs: number): void {
    this.#progress++;
    if (nowMs <= this.#nowMs) return;
    this.#wallMs += nowMs - this.#nowMs;
    this.#nowMs = nowMs;
  }

  #fireNext(): void {
    const timer = this.#timers.pop();
    const fire = timer?.fire;
    if (timer === undefined || fire === undefined) return;
    this.#move(timer.dueMs);
    timer.fire = undefined;
    this.#pending--;
    this.#progress++;
    fire();
  }
}

function stillPending(how: string, problem: string): CoordinationError {
  return new CoordinationError('TIMEOUT', `The promise is still pending ${how}.`, { problem });
}
