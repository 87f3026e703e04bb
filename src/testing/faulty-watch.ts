import type { Cancel, Clock } from '../core/clock.js';
import type { Batch, CallOptions, Watch } from '../core/store.js';
import { WatchQueue } from '../core/stream.js';

/** What a {@link FaultyWatch} is made of. */
export interface FaultyWatchSetup {
  /** Opens the watch that it passes on; anew after each cut. */
  readonly open: () => Watch;
  readonly clock: Clock;
  readonly options: CallOptions | undefined;
  readonly delayMs: number;
  /** Whether it begins cut off. */
  readonly cut: boolean;
  readonly ended: (watch: FaultyWatch) => void;
}

/**
 * Passes a watch on, over a line that can be slow or cut. Order is kept, as on a real connection, and a cut loses what
 * was on its way: afterwards the watch starts again from a snapshot.
 */
export class FaultyWatch {
  readonly queue: WatchQueue;
  readonly #open: () => Watch;
  readonly #clock: Clock;
  #onTheWay: Batch[] = [];
  readonly #timers = new Set<Cancel>();
  #inner: Watch | undefined;
  #delayMs: number;
  #lastDueMs = 0;
  #cut: boolean;

  constructor(setup: FaultyWatchSetup) {
    this.#open = setup.open;
    this.#clock = setup.clock;
    this.#delayMs = setup.delayMs;
    this.#cut = setup.cut;
    const ended = (): void => {
      this.#disconnect();
      setup.ended(this);
    };
    this.queue = new WatchQueue({ resnapshot: () => this.#connect(), ended }, setup.clock, setup.options);
    this.#connect();
  }

  /** Events take this long from now on. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  cut(): void {
    this.#cut = true;
    this.#disconnect();
    this.queue.restart();
  }

  restore(): void {
    if (!this.#cut) return;
    this.#cut = false;
    this.#connect();
  }

  #connect(): void {
    this.#disconnect();
    if (this.#cut) return;
    try {
      this.#inner = this.#open();
    } catch (error) {
      this.queue.fail(error);
      return;
    }
    void this.#pump(this.#inner);
  }

  #disconnect(): void {
    const inner = this.#inner;
    this.#inner = undefined;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#onTheWay = [];
    void inner?.return();
  }

  async #pump(inner: Watch): Promise<void> {
    try {
      for await (const batch of inner) {
        if (this.#inner !== inner) return;
        this.#send(batch);
      }
    } catch (error) {
      if (this.#inner === inner) this.queue.fail(error);
    }
  }

  #send(batch: Batch): void {
    const now = this.#clock.now();
    // Never before what was sent earlier, even if the line has become faster since.
    this.#lastDueMs = Math.max(this.#lastDueMs, now + this.#delayMs);
    if (this.#lastDueMs <= now && this.#onTheWay.length === 0) {
      this.#receive(batch);
      return;
    }
    // Whichever timer fires first, what arrives is what was sent first: two that are due at once may fire in any order.
    const cancel = this.#clock.after(this.#lastDueMs - now, () => {
      const first = this.#onTheWay.shift();
      this.#timers.delete(cancel);
      if (first !== undefined) this.#receive(first);
    });
    this.#timers.add(cancel);
    this.#onTheWay.push(batch);
  }

  #receive(batch: Batch): void {
    if (batch.kind === 'changes') {
      this.queue.changes(batch);
      return;
    }
    this.queue.restart();
    this.queue.snapshot(batch.revision, batch.entries);
  }
}
