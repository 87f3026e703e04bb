import { AuditedWatch, type Known } from '../core/audited-watch.js';
import { Backoff } from '../core/backoff.js';
import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import { type Batch, type Range, read, type Watch } from '../core/store.js';
import { isCoordinationError } from '../errors.js';

/** What a {@link Feed} has seen: for each range a batch, or none where nothing has changed in it. */
export interface Fed {
  readonly revision: bigint;
  readonly batches: readonly (Batch | undefined)[];
  /** Whether this is all there is, so that nothing can be missing. */
  readonly whole: boolean;
}

/** A range to follow, and what is known of it by what was fed. */
export interface Followed extends Known {
  readonly range: Range;
}

/** Who is told of what a {@link Feed} sees. */
export interface FeedListener {
  fed(fed: Fed): void;
  /** The store ended the watch. It is tried again, after a pause. */
  failed(error: unknown): void;
  /** The store is closed. Nothing follows. */
  closed(error: unknown): void;
}

const longestPauseMs = 15_000;

/**
 * Follows ranges for as long as it is not stopped. One range by its watch, so that a change costs what it is. Of several,
 * the watches only tell that something has changed: what the ranges hold is then read in one commit, since a commit that
 * wrote to two of them would else be seen by halves.
 */
export class Feed {
  readonly #client: Pick<ClientContext, 'store' | 'clock' | 'random'>;
  readonly #followed: readonly Followed[];
  readonly #listener: FeedListener;
  readonly #backoff: Backoff;
  #watches: Watch[] = [];
  /** Counts how often the watches were opened: what an earlier one still says is not listened to. */
  #turn = 0;
  #cancelPause: Cancel | undefined;
  #stopped = false;
  #reading = false;
  /** The newest revision that a watch has told of, and the one up to which all was read. */
  #told = -1n;
  #seen = -1n;

  constructor(
    client: Pick<ClientContext, 'store' | 'clock' | 'random'>,
    followed: readonly Followed[],
    listener: FeedListener,
  ) {
    this.#client = client;
    this.#followed = followed;
    this.#listener = listener;
    this.#backoff = new Backoff(client.clock, client.random, { baseMs: 50, capMs: longestPauseMs });
  }

  /** Opens the watches, anew if they are open: all that the store holds is then seen again. */
  start(): void {
    if (this.#stopped) return;
    this.#drop();
    const turn = this.#turn;
    this.#told = this.#seen = -1n;
    try {
      for (const one of this.#followed) {
        const watch = new AuditedWatch(this.#client, one.range, {}, one);
        this.#watches.push(watch);
        this.#next(watch, turn);
      }
    } catch (error) {
      this.#fail(error, turn);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  #drop(): void {
    this.#turn++;
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    for (const watch of this.#watches) void watch.return();
    this.#watches = [];
  }

  #next(watch: Watch, turn: number): void {
    watch.next().then(
      (result) => {
        if (turn !== this.#turn || result.done === true) return;
        this.#step(result.value, turn);
        if (turn === this.#turn) this.#next(watch, turn);
      },
      (error: unknown) => this.#fail(error, turn),
    );
  }

  #step(batch: Batch, turn: number): void {
    if (this.#followed.length === 1) {
      this.#hear({ revision: batch.revision, batches: [batch], whole: batch.kind === 'snapshot' });
      return;
    }
    if (batch.kind === 'snapshot' && batch.revision < this.#seen) this.#told = this.#seen = -1n;
    if (batch.revision > this.#told) this.#told = batch.revision;
    if (this.#told > this.#seen && !this.#reading) void this.#read(turn);
  }

  #hear(fed: Fed): void {
    this.#backoff.reset();
    this.#listener.fed(fed);
  }

  /** Reads all ranges, and again for as long as a watch has told of something newer. */
  async #read(turn: number): Promise<void> {
    const queries = this.#followed.map(({ range }) => read(range));
    this.#reading = true;
    try {
      while (turn === this.#turn && this.#told > this.#seen) {
        const told = this.#told;
        const commit = await this.#client.store.commit([], queries);
        if (turn !== this.#turn) break;
        // Consul does not tell at which revision it read; it is no earlier than what had been told before.
        this.#seen = commit.revision > told ? commit.revision : told;
        const revision = this.#seen;
        const batches = commit.reads.map((entries): Batch => ({ kind: 'snapshot', revision, entries }));
        this.#hear({ revision, batches, whole: true });
      }
    } catch (error) {
      this.#fail(error, turn);
    } finally {
      this.#reading = false;
      // The watches were opened anew meanwhile, and what they told was left to this one.
      if (!this.#stopped && turn !== this.#turn && this.#told > this.#seen) void this.#read(this.#turn);
    }
  }

  #fail(error: unknown, turn: number): void {
    if (turn !== this.#turn) return;
    this.#drop();
    if (isCoordinationError(error, 'CLOSED')) {
      this.#stopped = true;
      this.#listener.closed(error);
      return;
    }
    this.#cancelPause = this.#client.clock.after(this.#backoff.nextMs(), () => this.start());
    this.#listener.failed(error);
  }
}
