import { CoordinationError } from '../errors.js';
import type { Cancel, Clock } from './clock.js';
import { diagnostics } from './diagnostics.js';
import { onAbort, timeoutError } from './signals.js';
import type { Batch, CallOptions, Entry, Watch } from './store.js';

/** What a transport supplies to a {@link WatchQueue}. */
export interface WatchSource {
  /** The key or prefix that is watched. Without it, nobody is told when a snapshot has to stand in for changes. */
  readonly range?: string;
  /**
   * Fetches the state of the range anew and hands it to {@link WatchQueue.snapshot}. Called when changes had to be
   * dropped: the consumer has caught up after falling behind, or the buffer overflowed while a snapshot was under way.
   */
  resnapshot(): void;
  /** The watch has ended, for whatever reason: free what belongs to it. Called exactly once. */
  ended(): void;
}

/** Changes that wait for their consumer may weigh this much before they are dropped in favour of a new snapshot. */
const defaultLimitBytes = 16 * 1024 * 1024;
const bytesPerChange = 96;

type Changes = Batch & { readonly kind: 'changes' };

/**
 * The consumer's half of a watch, the same for all transports. It holds changes back until the snapshot is there, drops
 * those that the snapshot already contains, keeps the memory bounded, and sees to it that a watch ends only as the
 * contract allows.
 *
 * The transport calls {@link changes} for whatever the server reports, in order, from the moment the server watches;
 * {@link snapshot} with each full state; {@link restart} when continuity was lost and a new snapshot is on its way; and
 * {@link fail} for good.
 */
export class WatchQueue implements Watch {
  readonly #source: WatchSource;
  readonly #limitBytes: number;
  #cancelTimer: Cancel | undefined;
  #unlink: () => void = () => {};
  #pending: Batch[] = [];
  #weight = 0;
  /** `open`: changes flow. `waiting`: they are kept until the snapshot arrives. `behind`: they are dropped. */
  #phase: 'waiting' | 'open' | 'behind' = 'waiting';
  #held: Changes[] = [];
  #revision = -1n;
  /** The newest revision of which changes were dropped. A snapshot older than that lacks them. */
  #dropped = -1n;
  #end: { readonly error: unknown } | 'returned' | undefined;
  #waiter: { resolve(result: IteratorResult<Batch>): void; reject(error: unknown): void } | undefined;

  constructor(source: WatchSource, clock: Clock, options: CallOptions = {}, limitBytes: number = defaultLimitBytes) {
    this.#source = source;
    this.#limitBytes = limitBytes;
    const { signal, timeoutMs } = options;
    if (timeoutMs !== undefined) {
      const error = timeoutError(timeoutMs, 'the first batch of a watch');
      this.#cancelTimer = clock.after(timeoutMs, () => this.fail(error));
    }
    this.#unlink = onAbort(signal, (reason) => this.fail(reason));
  }

  /** The revision up to which batches were accepted; -1 before the first snapshot. */
  get revision(): bigint {
    return this.#revision;
  }

  /** The server reports changes. What is not above the last accepted revision is a repetition, and dropped. */
  changes(batch: Changes): void {
    if (this.#end !== undefined) return;
    if (this.#phase === 'behind') {
      this.#dropped = batch.revision;
      return;
    }
    if (this.#phase === 'open') {
      if (batch.revision <= this.#revision) return;
      this.#revision = batch.revision;
    }
    this.#weight += weigh(batch);
    if (this.#weight > this.#limitBytes) this.#overflow(batch.revision);
    else if (this.#phase === 'waiting') this.#held.push(batch);
    else this.#deliver(batch);
  }

  /**
   * The full state of the range, read after the server had begun to watch. One that was under way while changes above
   * its revision were dropped is passed over: the one that was asked for then is still to come.
   */
  snapshot(revision: bigint, entries: readonly Entry[]): void {
    if (this.#end !== undefined || this.#phase !== 'waiting' || revision < this.#dropped) return;
    const held = this.#held;
    this.#cancelTimer?.();
    this.#held = [];
    this.#phase = 'open';
    if (this.#revision >= 0n) this.#reportResync(revision, entries.length);
    this.#revision = revision;
    // Older batches in the queue are history that the snapshot contains.
    this.#pending = [];
    this.#weight = 0;
    this.#deliver({ kind: 'snapshot', revision, entries });
    for (const batch of held) this.changes(batch);
  }

  /**
   * Continuity is lost: hold changes back until the next {@link snapshot}, which replaces what is still undelivered. It
   * is for the transport to see that this is not one from before.
   */
  restart(): void {
    if (this.#end !== undefined) return;
    // A store that was restored from a backup comes back with lower revisions.
    this.#dropped = -1n;
    for (const batch of this.#held) this.#weight -= weigh(batch);
    this.#held = [];
    this.#phase = 'waiting';
  }

  /** Ends the watch with this error, at once. Only the first end counts. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#finish({ error });
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }

  next(): Promise<IteratorResult<Batch>> {
    if (this.#waiter !== undefined) {
      const sentence = 'A watch takes one next() at a time: await the last one first.';
      return Promise.reject(new CoordinationError('INVALID_OPTION', sentence, { problem: 'concurrent-next' }));
    }
    if (this.#end === 'returned') return Promise.resolve({ done: true, value: undefined });
    if (this.#end !== undefined) return Promise.reject(this.#end.error);
    const batch = this.#pending.shift();
    if (batch !== undefined) {
      this.#weight -= weigh(batch);
      return Promise.resolve({ done: false, value: batch });
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      if (this.#phase === 'behind') this.#resnapshot();
    });
  }

  return(): Promise<IteratorResult<Batch>> {
    if (this.#end === undefined) this.#finish('returned');
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #reportResync(revision: bigint, entries: number): void {
    const { range } = this.#source;
    if (range !== undefined && diagnostics.resync.hasSubscribers)
      diagnostics.resync.publish({ range, revision, entries });
  }

  #deliver(batch: Batch): void {
    const waiter = this.#waiter;
    if (waiter === undefined) {
      this.#pending.push(batch);
      return;
    }
    this.#waiter = undefined;
    this.#weight = 0;
    waiter.resolve({ done: false, value: batch });
  }

  #overflow(revision: bigint): void {
    this.#dropped = revision;
    const early = this.#phase === 'waiting';
    this.#pending = [];
    this.#held = [];
    this.#weight = 0;
    // A consumer that is not asking for anything gets its snapshot when it asks again, not before.
    this.#phase = 'behind';
    if (early || this.#waiter !== undefined) this.#resnapshot();
  }

  #resnapshot(): void {
    this.#phase = 'waiting';
    this.#source.resnapshot();
  }

  #finish(end: { readonly error: unknown } | 'returned'): void {
    this.#end = end;
    this.#pending = [];
    this.#held = [];
    this.#cancelTimer?.();
    this.#unlink();
    this.#source.ended();
  }
}

function weigh(batch: Batch): number {
  if (batch.kind === 'snapshot') return 0;
  let bytes = bytesPerChange * (batch.puts.length + batch.deletes.length);
  for (const { key, value } of batch.puts) bytes += key.length + value.byteLength;
  for (const key of batch.deletes) bytes += key.length;
  return bytes;
}
