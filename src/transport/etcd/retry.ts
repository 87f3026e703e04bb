import { ExponentialBackoff, type GeneratorFn, type IBackoff } from 'cockatiel';
import type { Clock, Random } from '../../core/clock.js';
import { sleep } from '../../core/signals.js';

/**
 * The waits between attempts. cockatiel says how long each one is; the wait itself is on our clock, because cockatiel
 * notices an abort only when its own wait ends, and then makes one more call.
 */
export class Retry {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #baseMs: number;
  readonly #capMs: number;
  #backoff: IBackoff<unknown> | undefined;

  constructor(clock: Clock, random: Random, times: { readonly baseMs: number; readonly capMs: number }) {
    this.#clock = clock;
    this.#random = random;
    this.#baseMs = times.baseMs;
    this.#capMs = times.capMs;
  }

  /** How long to wait this time, in milliseconds: longer than the last time, with jitter. */
  nextMs(): number {
    this.#backoff = this.#backoff === undefined ? this.#first() : this.#backoff.next(undefined);
    return this.#backoff.duration;
  }

  /** Waits, no longer than `limitMs`. Rejects with the reason of the signal, at once when it aborts. */
  wait(limitMs: number, signal: AbortSignal): Promise<void> {
    return sleep(this.#clock, Math.min(this.nextMs(), limitMs), signal);
  }

  /** Back to short waits, after something worked. */
  reset(): void {
    this.#backoff = undefined;
  }

  #first(): IBackoff<unknown> {
    const generator: GeneratorFn<number> = (state, { initialDelay, maxDelay }) => {
      const attempt = state ?? 0;
      const boundMs = Math.min(maxDelay, initialDelay * 2 ** attempt);
      return [boundMs * (0.5 + this.#random() / 2), Math.min(attempt + 1, 30)];
    };
    return new ExponentialBackoff({ generator, initialDelay: this.#baseMs, maxDelay: this.#capMs }).next();
  }
}
