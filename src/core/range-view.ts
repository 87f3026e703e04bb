import { AuditedWatch, type Known } from './audited-watch.js';
import type { ClientContext } from './context.js';
import { firstOf, type Scope } from './signals.js';
import type { Batch, Entry, Range, Watch } from './store.js';

/** Who is told of what a {@link RangeView} sees. */
export interface ViewListener {
  /** The view is now as this batch has made it. The first one is a snapshot. */
  changed(view: RangeView, batch: Batch): void;
  /** The store ended the watch for good. Nothing follows. */
  failed(error: unknown): void;
}

/** Brings the entries of a range, by key, to where a batch of its watch says that they are. */
export function applyBatch(entries: Map<string, Entry>, batch: Batch): void {
  if (batch.kind === 'snapshot') entries.clear();
  else for (const key of batch.deletes) entries.delete(key);
  for (const entry of batch.kind === 'snapshot' ? batch.entries : batch.puts) entries.set(entry.key, entry);
}

/**
 * The entries of a range, kept as they are in the store by one watch, which is audited: see {@link AuditedWatch}. Costs one
 * request and one read to start, and a read now and then.
 */
export class RangeView implements Known {
  readonly #entries = new Map<string, Entry>();
  readonly #watch: Watch;
  #listener: ViewListener | undefined;
  #revision = -1n;

  constructor(client: Pick<ClientContext, 'store' | 'clock' | 'random'>, range: Range, listener: ViewListener) {
    this.#listener = listener;
    this.#watch = new AuditedWatch(client, range, {}, this);
    this.#next();
  }

  /** By key, in no order that means anything. */
  get entries(): ReadonlyMap<string, Entry> {
    return this.#entries;
  }

  /** The revision of the store that this is the truth at; -1 before the first snapshot. */
  get revision(): bigint {
    return this.#revision;
  }

  modifiedOf(key: string): bigint | undefined {
    return this.#entries.get(key)?.modified;
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Ends the watch. Nobody is told anything any more. */
  stop(): void {
    this.#listener = undefined;
    void this.#watch.return();
  }

  /** Not `for await`: its generator would keep the last batch for as long as it waits. */
  #next(): void {
    this.#watch.next().then(
      (result) => this.#step(result),
      (error: unknown) => this.#fail(error),
    );
  }

  #step(result: IteratorResult<Batch>): void {
    const listener = this.#listener;
    if (listener === undefined || result.done === true) return;
    this.#revision = result.value.revision;
    applyBatch(this.#entries, result.value);
    try {
      listener.changed(this, result.value);
    } catch (error) {
      this.stop();
      listener.failed(error);
      return;
    }
    this.#next();
  }

  #fail(error: unknown): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.failed(error);
  }
}

/** Watches do lose events: how often one who waits looks anew, in milliseconds. */
const lookAnywayMs = 10_000;

/** A range as it is at one revision. */
export interface RangeState {
  readonly revision: bigint;
  readonly entries: ReadonlyMap<string, Entry>;
}

/**
 * Waits until a range is in a state of which `look` makes something, and resolves to that. `look` is called with each
 * state that the watch shows, the first of which is at least as new as anything that had ended before the call. Every ten
 * seconds the watch begins anew, with a fresh look, in case an event got lost. Rejects with the reason of the scope, with
 * what `look` throws, or with what ended the watch.
 */
export async function untilRange<T>(
  client: Pick<ClientContext, 'store' | 'clock' | 'random'>,
  range: Range,
  scope: Scope,
  look: (state: RangeState) => T | undefined,
): Promise<T> {
  scope.throwIfAborted();
  let found: { readonly value: T } | undefined;
  const see = (state: RangeState): boolean => {
    const value = look(state);
    if (value !== undefined) found ??= { value };
    return found !== undefined;
  };
  for (;;) {
    await firstOf(scope, [
      (wake, fail) => {
        const changed = (view: RangeView) => {
          if (see(view)) wake();
        };
        const view = new RangeView(client, range, { changed, failed: fail });
        return () => view.stop();
      },
      (wake) => client.clock.after(lookAnywayMs, wake),
    ]);
    if (found !== undefined) return found.value;
  }
}
