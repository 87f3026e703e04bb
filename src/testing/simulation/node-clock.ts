import type { Cancel, Clock } from '../../core/clock.js';
import type { Timeline } from './scheduler.js';

/** How wrong the clock of a machine is. */
export interface ClockError {
  /** How fast it runs; 1 is right. */
  readonly rate: number;
  /** By how many milliseconds the wall clock is ahead. */
  readonly offsetMs: number;
}

/** Clocks tell time in steps, here in steps that floating point can add up without rounding. */
const stepsPerMs = 1024;

/**
 * Time as one process has it. It can stand still while the rest of the world goes on, its clock can run a little fast or
 * slow, and its machine can sleep, which the monotonic clock does not see (nodejs/node #47724).
 */
export class NodeClock implements Clock {
  readonly #world: Timeline;
  readonly #owner: number;
  readonly #rate: number;
  #late: (() => void)[] = [];
  #inbox: (() => void)[] = [];
  #sleptMs = 0;
  #asleepSinceMs: number | undefined;
  #toldMs = 0;
  #wallMs: number;
  #armed = 0;
  #waking = 0;
  #frozen = false;

  constructor(world: Timeline, owner: number, { rate, offsetMs }: ClockError) {
    this.#world = world;
    this.#owner = owner;
    this.#rate = rate;
    this.#wallMs = offsetMs;
  }

  /** Whether it stands still. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Whether it goes on, but has not yet come to all that waited for it. */
  get waking(): boolean {
    return this.#waking > 0 || this.#inbox.length > 0;
  }

  /** Whether its machine has ever slept. */
  get slept(): boolean {
    return this.#sleptMs > 0 || this.#asleepSinceMs !== undefined;
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#armed;
  }

  now(): number {
    const nowMs = Math.floor((this.#world.now() - this.#sleptMs) * this.#rate * stepsPerMs) / stepsPerMs;
    // Never back, not even by a rounding error.
    this.#toldMs = Math.max(this.#toldMs, nowMs);
    return this.#toldMs;
  }

  wall(): number {
    // No time server mends it: it is as wrong as the monotonic clock.
    return this.#wallMs + this.#world.wall() + this.#world.now() * (this.#rate - 1);
  }

  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  after(ms: number, fire: () => void): Cancel {
    const dueMs = this.now() + Math.max(0, ms);
    let over = false;
    let cancel: Cancel;
    const end = (): void => {
      if (!over) this.#armed--;
      over = true;
      cancel();
    };
    const look = (): void => {
      if (over) return;
      if (this.#frozen) this.#late.push(look);
      else if (this.now() < dueMs) arm();
      else {
        end();
        fire();
      }
    };
    const arm = (): void => {
      const leftMs = Math.max(1 / stepsPerMs, (dueMs - this.now()) / this.#rate);
      cancel = this.#world.after(leftMs, look, this.#owner);
    };
    this.#armed++;
    arm();
    return end;
  }

  /** Something arrives from outside, after all that came before. A process that stands still gets it when it goes on. */
  receive(deliver: () => void): void {
    if (!this.#frozen && this.#inbox.length === 0) {
      deliver();
      return;
    }
    this.#inbox.push(deliver);
    if (!this.#frozen) this.#world.after(0, this.#takeIn, this.#owner);
  }

  /** Stands still from now on; its machine too where it is `asleep`. */
  freeze(asleep = false): void {
    if (asleep && !this.#frozen) this.#asleepSinceMs = this.#world.now();
    this.#frozen = true;
  }

  /** Goes on: first the timers that are late, then what came in meanwhile, as an event loop does that was held up. */
  thaw(): void {
    if (!this.#frozen) return;
    const nowMs = this.#world.now();
    this.#sleptMs += nowMs - (this.#asleepSinceMs ?? nowMs);
    this.#asleepSinceMs = undefined;
    this.#frozen = false;
    const late = this.#late.splice(0);
    this.#waking += late.length;
    for (const look of late) {
      const wake = (): void => {
        this.#waking--;
        look();
      };
      this.#world.after(0, wake, this.#owner);
    }
    for (let i = this.#inbox.length; i > 0; i--) this.#world.after(0, this.#takeIn, this.#owner);
  }

  /** The first of what came in. What is left when it stands still again comes when it goes on again. */
  readonly #takeIn = (): void => {
    if (!this.#frozen) this.#inbox.shift()?.();
  };
}
