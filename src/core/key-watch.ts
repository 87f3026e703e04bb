import type { Batch, LeaseId, Store, Watch } from './store.js';

/** A ticket in a waiting line, as the store shows it. */
export interface Ticket {
  readonly key: string;
  /** Its place in line, and the fencing token of whoever holds by it. */
  readonly created: bigint;
  readonly value: Uint8Array;
  readonly lease?: LeaseId;
  /** The revision of the last write to it, where that is known. */
  readonly modified?: bigint;
}

/** What is enough of a ticket to follow it. */
type Followed = Pick<Ticket, 'key' | 'created' | 'lease' | 'modified'>;

/**
 * What a {@link KeyWatch} tells. `gone`: the ticket is not there any more, or is not the same: deleted, created anew, or
 * taken off its lease. `touched`: it is there, with another value than at `modified`, or than when the watch began. `error`: the store ended the watch for good. After
 * `gone` and `error` there is nothing more.
 */
export type KeyNews =
  | { readonly kind: 'gone' }
  | { readonly kind: 'touched' }
  | { readonly kind: 'error'; readonly error: unknown };

/** Follows one ticket. Costs what a watch costs: one request and one read to start. */
export class KeyWatch {
  readonly #watch: Watch;
  readonly #ticket: Followed;
  #tell: ((news: KeyNews) => void) | undefined;
  #modified: bigint | undefined;
  /** The last news of all, for whoever takes over after it came. */
  #last: KeyNews | undefined;

  constructor(store: Store, ticket: Followed, tell: (news: KeyNews) => void) {
    this.#ticket = ticket;
    this.#modified = ticket.modified;
    this.#tell = tell;
    this.#watch = store.watch({ key: ticket.key });
    this.#next();
  }

  /** Somebody else is told from now on; of an end that came before, at once. */
  handOver(tell: (news: KeyNews) => void): void {
    if (this.#last !== undefined) tell(this.#last);
    else if (this.#tell !== undefined) this.#tell = tell;
  }

  /** Ends the watch. Nobody is told anything any more. */
  stop(): void {
    this.#tell = undefined;
    void this.#watch.return();
  }

  /** Not `for await`: its generator would keep the last batch, and with it the ticket's value, for as long as it waits. */
  #next(): void {
    this.#watch.next().then(
      (result) => this.#step(result),
      (error: unknown) => this.#end({ kind: 'error', error }),
    );
  }

  #step(result: IteratorResult<Batch>): void {
    if (result.done !== true) this.#look(result.value);
    if (this.#tell === undefined) void this.#watch.return();
    else this.#next();
  }

  #look(batch: Batch): void {
    if (batch.kind === 'changes' && batch.puts.length + batch.deletes.length === 0) return;
    const entry = (batch.kind === 'snapshot' ? batch.entries : batch.puts)[0];
    const { created, lease } = this.#ticket;
    if (entry === undefined || entry.created !== created || entry.lease !== lease) {
      this.#end({ kind: 'gone' });
    } else {
      this.#touch(entry.modified);
    }
  }

  #touch(modified: bigint): void {
    const before = this.#modified;
    this.#modified = modified;
    if (before !== undefined && before !== modified) this.#tell?.({ kind: 'touched' });
  }

  #end(news: KeyNews): void {
    const tell = this.#tell;
    if (tell !== undefined) this.#last = news;
    this.#tell = undefined;
    tell?.(news);
  }
}
