import type { Batch, Entry, LeaseId, Store, Watch } from './store.js';

/** A ticket in a waiting line, as the store shows it. */
export interface Ticket {
  readonly key: string;
  /** Its place in line, and the fencing token of whoever holds by it. */
  readonly created: bigint;
  readonly value: Uint8Array;
  readonly lease?: LeaseId;
}

/** What a {@link KeyWatch} tells. `error`: the store ended the watch for good. */
export interface KeyListener {
  /** The ticket is gone, or is not the same any more: deleted, created anew, or taken off its lease. */
  gone(): void;
  /** The ticket is there, with another value. */
  touched?(): void;
  error(error: unknown): void;
}

/** Follows one ticket. Costs what a watch costs: one request and one read to start. */
export class KeyWatch {
  readonly #watch: Watch;
  readonly #ticket: Pick<Ticket, 'key' | 'created' | 'lease'>;
  #listener: KeyListener | undefined;
  #modified: bigint | undefined;

  constructor(store: Store, ticket: Pick<Ticket, 'key' | 'created' | 'lease'>, listener: KeyListener) {
    this.#ticket = ticket;
    this.#listener = listener;
    this.#watch = store.watch({ key: ticket.key });
    void this.#follow();
  }

  /** Somebody else is told from now on. */
  handOver(listener: KeyListener): void {
    if (this.#listener !== undefined) this.#listener = listener;
  }

  /** Ends the watch. Nobody is told anything any more. */
  stop(): void {
    this.#listener = undefined;
    void this.#watch.return();
  }

  async #follow(): Promise<void> {
    try {
      for await (const batch of this.#watch) {
        this.#look(batch);
        if (this.#listener === undefined) return;
      }
    } catch (error) {
      this.#listener?.error(error);
    }
  }

  #look(batch: Batch): void {
    if (batch.kind === 'changes' && batch.puts.length + batch.deletes.length === 0) return;
    const entry = (batch.kind === 'snapshot' ? batch.entries : batch.puts)[0];
    const { created, lease } = this.#ticket;
    if (entry === undefined || entry.created !== created || entry.lease !== lease) {
      const listener = this.#listener;
      this.#listener = undefined;
      listener?.gone();
    } else {
      this.#touch(entry);
    }
  }

  #touch(entry: Entry): void {
    const before = this.#modified;
    this.#modified = entry.modified;
    if (before !== undefined && before !== entry.modified) this.#listener?.touched?.();
  }
}
