import type { Cancel } from './clock.js';
import type { ClientContext } from './context.js';
import { diagnostics } from './diagnostics.js';
import { nameOf } from './ranges.js';
import type { Batch, CallOptions, Entry, Range, Watch } from './store.js';

/** What the user of a watch holds to be there, as the batches have told it. */
export interface Known {
  /** The revision of the last write to a key; undefined where the key is not there. */
  modifiedOf(key: string): bigint | undefined;
  keys(): IterableIterator<string>;
}

/** An audit follows the last look at everything after half of this to all of it, in milliseconds. */
const auditMs = 60_000;

/** For each of so many keys beyond the first so many, it comes that much later: a big range costs no more a minute. */
const keysPerAudit = 10_000;

/** How long the event of what a read shows may be on its way before it counts as lost, in milliseconds. */
const graceMs = 5_000;

/** Keeps {@link Known} for one who keeps nothing that would do. */
class Kept implements Known {
  readonly #modified = new Map<string, bigint>();

  modifiedOf(key: string): bigint | undefined {
    return this.#modified.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#modified.keys();
  }

  take(batch: Batch): void {
    if (batch.kind === 'snapshot') this.#modified.clear();
    else for (const key of batch.deletes) this.#modified.delete(key);
    for (const { key, modified } of batch.kind === 'snapshot' ? batch.entries : batch.puts) {
      this.#modified.set(key, modified);
    }
  }
}

/**
 * A watch that finds out what it was never told: servers do lose events, without an error (etcd #17529, #18089, #19179). At
 * least once a minute, while its user has taken everything, it reads the range and compares; where a key is not as the user
 * knows it, and no event of it comes for five seconds, the watch begins anew, with a snapshot. So what is lost is made good
 * within 75 seconds.
 *
 * Costs a read of the range every 45 seconds on average, above 10,000 keys a read of 10,000 keys' worth in that time; and a
 * new watch where something was lost.
 */
export class AuditedWatch implements Watch {
  readonly #client: Pick<ClientContext, 'store' | 'clock' | 'random'>;
  readonly #range: Range;
  readonly #signal: AbortSignal | undefined;
  readonly #kept = new Kept();
  readonly #known: Known;
  readonly #over = new AbortController();
  #watch: Watch;
  #timer: Cancel = () => {};
  /** Somebody waits for a batch, and so has taken all before it. */
  #wanted = false;
  /** What has changed since the audit began that is under way. */
  #touched: Set<string> | undefined;
  #begunAnew = false;

  /** `known`: what the user knows already. It is looked at only while the user waits for the next batch. */
  constructor(
    client: Pick<ClientContext, 'store' | 'clock' | 'random'>,
    range: Range,
    options: CallOptions = {},
    known?: Known,
  ) {
    this.#client = client;
    this.#range = range;
    this.#signal = options.signal;
    this.#known = known ?? this.#kept;
    this.#watch = client.store.watch(range, options);
  }

  async next(): Promise<IteratorResult<Batch>> {
    this.#wanted = true;
    try {
      for (;;) {
        const watch = this.#watch;
        const result = await watch.next();
        // The one that took its place has a snapshot.
        if (watch !== this.#watch) continue;
        if (result.done === true) this.#end();
        else this.#take(result.value);
        return result;
      }
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#wanted = false;
    }
  }

  return(): Promise<IteratorResult<Batch>> {
    this.#end();
    return this.#watch.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(batch: Batch): void {
    if (this.#known === this.#kept) this.#kept.take(batch);
    if (batch.kind === 'snapshot') this.#see(batch.revision, batch.entries);
    else if (this.#touched !== undefined) {
      for (const { key } of batch.puts) this.#touched.add(key);
      for (const key of batch.deletes) this.#touched.add(key);
    }
  }

  /** All there is was shown: nothing can be missing. */
  #see(revision: bigint, entries: readonly Entry[]): void {
    if (this.#begunAnew && diagnostics.resync.hasSubscribers) {
      diagnostics.resync.publish({ range: nameOf(this.#range), revision, entries: entries.length });
    }
    this.#begunAnew = false;
    this.#arm(entries.length);
  }

  #arm(size: number): void {
    this.#touched = undefined;
    this.#timer();
    if (this.#over.signal.aborted) return;
    const { clock, random } = this.#client;
    const waitMs = auditMs * (0.5 + random() / 2) * Math.max(1, size / keysPerAudit);
    this.#timer = clock.after(waitMs, () => void this.#audit());
  }

  async #audit(): Promise<void> {
    const touched = new Set<string>();
    this.#touched = touched;
    const signal = this.#over.signal;
    const entries = await this.#client.store.read(this.#range, { signal }).then(
      (found) => found.entries,
      () => undefined,
    );
    if (this.#touched !== touched || signal.aborted) return;
    // Where there was no answer, and for one who lags behind, the next audit will tell.
    const suspects = entries === undefined || !this.#wanted ? [] : this.#differing(entries);
    const doubtful = (): boolean => suspects.some((key) => !touched.has(key));
    const settle = (): void => {
      if (this.#wanted && doubtful()) this.#beginAnew();
      else this.#arm(entries?.length ?? 0);
    };
    if (doubtful()) this.#timer = this.#client.clock.after(graceMs, settle);
    else settle();
  }

  /** The keys that are not as they are known. */
  #differing(entries: readonly Entry[]): readonly string[] {
    const missing = new Set(this.#known.keys());
    const other: string[] = [];
    for (const { key, modified } of entries) {
      missing.delete(key);
      if (this.#known.modifiedOf(key) !== modified) other.push(key);
    }
    return [...missing, ...other];
  }

  #beginAnew(): void {
    const last = this.#watch;
    this.#touched = undefined;
    try {
      this.#watch = this.#client.store.watch(this.#range, { signal: this.#signal });
    } catch {
      // The store is closed, or the signal aborted: the watch that there is says so itself.
      return;
    }
    this.#begunAnew = true;
    void last.return();
  }

  #end(): void {
    this.#timer();
    this.#touched = undefined;
    this.#over.abort();
  }
}
