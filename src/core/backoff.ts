import type { Clock, Random } from './clock.js';
import { type Stop, sleep } from './signals.js';

export interface BackoffOptions {
  /** Longest first wait, in milliseconds. Default 20. */
  readonly baseMs?: number;
  /** Longest wait of all, in milliseconds. Default 1,000. */
  readonly capMs?: number;
}

/**
 * Growing, jittered waits between attempts, on the injected clock. Each wait is uniform between half of its bound and
 * the bound, which doubles from `baseMs` to `capMs`: many clients that failed together come back apart.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #baseMs: number;
  readonly #capMs: number;
  #attempts = 0;

  constructor(clock: Clock, random: Random, options: BackoffOptions = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#baseMs = options.baseMs ?? 20;
    this.#capMs = options.capMs ?? 1_000;
  }

  /** Waits for longer than the last time. Rejects with the reason of the signal, at once when it aborts. */
  wait(signal?: Stop): Promise<void> {
    return sleep(this.#clock, this.nextMs(), signal);
  }

  /** The length of the next wait, for those who wait by other means. */
  nextMs(): number {
    const boundMs = Math.min(this.#capMs, this.#baseMs * 2 ** Math.min(this.#attempts++, 30));
    return boundMs * (0.5 + this.#random() / 2);
  }

  /** Back to the first wait, after something succeeded. */
  reset(): void {
    this.#attempts = 0;
  }
}
