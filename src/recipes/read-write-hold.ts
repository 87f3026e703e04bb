import { Backoff } from '../core/backoff.js';
import { checkCall } from '../core/checks.js';
import { decodeJsonObject, encodeText } from '../core/codec.js';
import { Hold, type HoldCommitOptions, type HoldParts } from '../core/hold.js';
import { within } from '../core/signals.js';
import { type CallOptions, type Commit, type Entry, type Op, put, type Query, read, unchanged } from '../core/store.js';
import { isCoordinationError, isRetryable, printable } from '../errors.js';

/** How a read-write lock is held: beside other readers, or alone. */
export type LockMode = 'read' | 'write';

/** What a ticket says of itself. */
export interface TicketMode {
  /** A ticket that does not say that it reads counts as a writer's. */
  readonly mode: LockMode;
  /** It holds already, and was a reader's before: others that hold may be on both sides of it. */
  readonly upgraded: boolean;
  /** Whether it is one of ours, in one piece. */
  readonly known: boolean;
}

export function modeOf(value: Uint8Array): TicketMode {
  const { mode, upgraded } = decodeJsonObject(value) ?? {};
  const known = mode === 'read' || mode === 'write';
  return { mode: mode === 'read' ? 'read' : 'write', upgraded: upgraded === true, known };
}

/** The hold of a reader or of a writer. */
export class ReadWriteHold extends Hold {
  readonly #line: Query;
  readonly #about: Readonly<Record<string, unknown>>;
  #mode: LockMode;
  /** What the ticket says, and since when, as far as this side knows. */
  #written: LockMode;
  #modified: bigint;
  /** The last of those that rewrite the ticket, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: HoldParts) {
    super(parts);
    const { key, created, value, modified = created } = parts.ticket;
    this.#line = { prefix: key.slice(0, key.lastIndexOf('/') + 1), order: 'oldest', limit: 2 };
    this.#about = decodeJsonObject(value) ?? {};
    this.#mode = modeOf(value).mode;
    this.#written = this.#mode;
    this.#modified = modified;
  }

  /** How it is held. */
  get mode(): LockMode {
    return this.#mode;
  }

  /**
   * As {@link Hold.commit}. What is sent as a writer is refused, with a result that is not `ok`, where it arrives after a
   * {@link ReadWriteHold.downgrade}, however late: there may be other readers then.
   */
  override async commit(ops: readonly Op[], options: HoldCommitOptions = {}): Promise<Commit> {
    if (this.#mode !== 'write') return super.commit(ops, options);
    // The downgrade rewrites the ticket.
    return super.commit(ops, { ...options, guards: [unchanged(this.key, this.#modified), ...(options.guards ?? [])] });
  }

  /**
   * Makes a reader of a writer, with no other writer in between: readers that wait right behind come in. Nothing happens
   * where it is a reader already. From the call on, this must not write any more. One round trip; `signal` and
   * `timeoutMs` end the waiting, not the trying. Rejects with the reason of the loss where it is lost.
   */
  async downgrade(options: CallOptions = {}): Promise<void> {
    checkCall(options, 'downgrade');
    const what = `downgrading "${printable(this.key)}"`;
    await within(
      this.client.clock,
      options,
      what,
      this.#inTurn(async () => {
        this.#mode = 'read';
        if (this.#written !== 'read') await this.#rewrite('read');
      }),
    );
  }

  /**
   * Makes a writer of a reader if nobody else holds the lock, past those that wait; else resolves to false, and it stays
   * a reader. Does not wait for the others, so that two that try block neither each other nor themselves: whoever is
   * refused has to release, and to line up to write. One round trip when it becomes a writer, two when it does not.
   *
   * The token stays the same, and is still greater than that of every earlier writer. Where `signal` or `timeoutMs` end
   * the wait, it stays a reader. Rejects with the reason of the loss where it is lost.
   */
  async tryUpgrade(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'tryUpgrade');
    const upgrading = this.#inTurn(() => this.#upgrade());
    try {
      return await within(this.client.clock, options, `upgrading "${printable(this.key)}"`, upgrading);
    } catch (error) {
      // Nobody would know of a success that comes later.
      void upgrading.then((done) => (done ? this.downgrade() : undefined)).catch(() => {});
      throw error;
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => {});
    return done;
  }

  /**
   * The ticket says `write` first, so that whoever joins from then on is blocked; those who hold by then are in the read
   * of the same commit. A crash in between leaves a ticket that keeps new readers out until its lease ends, no more.
   */
  async #upgrade(): Promise<boolean> {
    if (this.#mode === 'write') return true;
    const line = await this.#rewrite('write');
    if (this.#isAlone(line)) {
      this.#mode = 'write';
      return true;
    }
    await this.#rewrite('read');
    return false;
  }

  /**
   * Whether nobody else holds, in a line as it was when this ticket said `write` already. Whatever is ahead of one that
   * holds does so too. Right behind it, all do but a writer that was never anything else, and whoever came later.
   */
  #isAlone([first, second]: readonly Entry[]): boolean {
    if (first?.key !== this.key) return false;
    if (second === undefined || second.created > this.#modified) return true;
    const { mode, upgraded, known } = modeOf(second.value);
    return known && mode === 'write' && !upgraded;
  }

  /**
   * Makes the ticket say this. Resolves to the two oldest tickets, then or later. An attempt whose answer is lost is made
   * again: since each is bound to the ticket as it was before, only one of them can be applied, and none too late.
   */
  async #rewrite(mode: LockMode): Promise<readonly Entry[]> {
    const backoff = new Backoff(this.client.clock, this.client.random);
    const value = JSON.stringify({ ...this.#about, mode, ...(mode === 'write' && { upgraded: true }) });
    for (;;) {
      try {
        const line = await this.#tryRewrite(encodeText(value));
        if (line === undefined) continue;
        this.#written = mode;
        return line;
      } catch (error) {
        if (!isRetryable(error) && !isCoordinationError(error, 'UNKNOWN_OUTCOME')) throw error;
        await backoff.wait(this.signal);
      }
    }
  }

  async #tryRewrite(value: Uint8Array): Promise<readonly Entry[] | undefined> {
    const own = { key: this.key };
    const { ok, revision, reads } = await this.commit([put(this.key, value, this.session.lease), read(this.#line)], {
      guards: [unchanged(this.key, this.#modified)],
      otherwise: [own, this.#line],
      timeoutMs: this.session.patienceMs,
    });
    if (ok) {
      this.#modified = revision;
      return reads[0] ?? [];
    }
    // Written by an earlier attempt, or by somebody else's hand: then this is what it has to be bound to.
    const [[ticket] = [], line = []] = reads;
    if (ticket === undefined) return undefined;
    this.#modified = ticket.modified;
    return Buffer.compare(ticket.value, value) === 0 ? line : undefined;
  }
}
