import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import type { Query } from '../core/store.js';
import { isCoordinationError } from '../errors.js';

/** Who is told by {@link Freshness}. */
export interface FreshnessListener {
  stale(error: unknown): void;
  /** The store answers again: what it holds is to be looked at anew. */
  answers(): void;
}

/**
 * Knows since when it is not known any more that a cache is what the store holds. A watch that is silent may be cut off,
 * so after half of `staleAfterMs` without a word, one small linearizable read asks whether the store is there; it has the
 * other half to answer.
 */
export class Freshness {
  readonly #client: Pick<ClientContext, 'store' | 'clock'>;
  readonly #query: Query;
  readonly #halfMs: number;
  readonly #listener: FreshnessListener;
  readonly #stopped = new AbortController();
  #cancel: Cancel | undefined;
  #knownMs: number | undefined;
  /** Counts what was heard. */
  #words = 0;
  #since: { readonly wallMs: number } | undefined;

  constructor(
    client: Pick<ClientContext, 'store' | 'clock'>,
    query: Query,
    staleAfterMs: number,
    listener: FreshnessListener,
  ) {
    this.#client = client;
    this.#query = query;
    this.#halfMs = staleAfterMs / 2;
    this.#listener = listener;
  }

  /** When the cache was last known to be what the store held, on the wall clock; undefined while it is. */
  get staleSince(): number | undefined {
    return this.#since?.wallMs;
  }

  /** The watch has spoken: the cache is what the store holds, unless it was lost before; then only if it is the `whole`. */
  heard(whole: boolean): void {
    this.#words++;
    if (this.#since !== undefined && !whole) {
      // What comes late after an outage may be old.
      this.#listener.answers();
      return;
    }
    this.#since = undefined;
    this.#known(this.#client.clock.wall());
  }

  /** It is not any more, as of when it last was; or as of `wallMs`, for what an earlier life left. */
  lost(wallMs: number = this.#knownMs ?? this.#client.clock.wall()): void {
    this.#since ??= { wallMs };
    this.#arm();
  }

  stop(): void {
    this.#stopped.abort();
    this.#cancel?.();
  }

  #known(wallMs: number): void {
    this.#knownMs = wallMs;
    this.#arm();
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#stopped.signal.aborted) return;
    this.#cancel = this.#client.clock.after(this.#halfMs, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    const { store, clock } = this.#client;
    const sentMs = clock.wall();
    const words = this.#words;
    try {
      await store.read(this.#query, { timeoutMs: this.#halfMs, signal: this.#stopped.signal });
      if (this.#stopped.signal.aborted) return;
      if (this.#since === undefined) this.#known(words === this.#words ? sentMs : clock.wall());
      else this.#listener.answers();
    } catch (error) {
      if (this.#stopped.signal.aborted || this.#words !== words) return;
      if (isCoordinationError(error, 'CLOSED')) {
        // A watch that waits before it tries again would find that out much later.
        this.#listener.answers();
        return;
      }
      this.lost();
      this.#listener.stale(error);
    }
    if (this.#since !== undefined) this.#arm();
  }
}
