/**
 * Time and randomness, which reach the library through these two doors only, so that a simulator can own both. This file
 * and signals.ts are the only ones that may name the platform's timers, clocks and random numbers.
 */

/** Undoes a timer. Calling it again, or after the timer has fired, does nothing. */
export type Cancel = () => void;

/** A source of time. All values are milliseconds. */
export interface Clock {
  /** Monotonic: never goes back, unaffected by a change of the wall clock. Deadlines are counted on it. */
  now(): number;
  /** The wall clock, as of 1970. For people, and to notice that the machine was suspended; never for deadlines. */
  wall(): number;
  /** Calls `fire` once, no earlier than `ms` from now. */
  after(ms: number, fire: () => void): Cancel;
}

/** A source of numbers, uniform in [0, 1). */
export type Random = () => number;

/** Node runs a timer of more than 2^31 - 1 ms after 1 ms; a longer one is therefore run in pieces. */
const longestTimerMs = 2 ** 31 - 1;

function after(ms: number, fire: () => void): Cancel {
  const dueMs = performance.now() + ms;
  let timer: ReturnType<typeof setTimeout>;
  // Node counts timers in whole milliseconds and fires them up to one too early; hence the second look.
  const look = (): void => (performance.now() < dueMs ? arm() : fire());
  const arm = (): void => {
    const leftMs = Math.max(0, Math.ceil(dueMs - performance.now()));
    timer = setTimeout(look, Math.min(leftMs, longestTimerMs));
  };
  arm();
  return () => clearTimeout(timer);
}

/** The machine's own clocks. Its timers keep the process alive until they fire or are cancelled. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after,
};

/** The machine's own random numbers. For jitter and spreading, not for secrets. */
export const systemRandom: Random = () => Math.random();
