import type { Clock } from '../../core/clock.js';
import { sleep } from '../../core/signals.js';

/** Lets so many pass at once, and then so many a second. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#at = clock.now();
  }

  /** Takes so many, and waits until there were as many to take. Rejects with the reason of the signal. */
  async take(tokens: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    this.#tokens -= tokens;
    if (this.#tokens < 0) await sleep(this.#clock, (-this.#tokens * 1_000) / this.#perSecond, signal);
  }
}
