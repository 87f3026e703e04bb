import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { Backoff } from './backoff.js';
import { checkOptions } from './checks.js';
import type { Cancel } from './clock.js';
import type { ClientContext } from './context.js';
import { diagnostics } from './diagnostics.js';
import { type KeyNews, KeyWatch, type Ticket } from './key-watch.js';
import type { Session } from './session.js';
import { within } from './signals.js';
import {
  type CallOptions,
  type Commit,
  type CommitOptions,
  type Guard,
  held,
  type Op,
  remove,
  unchanged,
} from './store.js';

/** What a {@link Hold} is made from. */
export interface HoldParts {
  readonly client: ClientContext;
  readonly session: Session;
  readonly ticket: Ticket;
  /** The put of the ticket may still be under way a second time: see to it after the release. */
  readonly late: boolean;
  /** What tells of the ticket from now on, as a watch on it that the wait for it has left behind. */
  readonly watch: Pick<KeyWatch, 'handOver' | 'stop'> | undefined;
  /**
   * Others hold by the very same key, before and after: no ticket in a line, but a name. It must not be written again while
   * it is held. Default false.
   */
  readonly named?: boolean | undefined;
}

export interface HoldCommitOptions extends CommitOptions {
  /** Further conditions, beside still being the holder. */
  readonly guards?: readonly Guard[] | undefined;
}

type HoldState =
  | { readonly kind: 'held' }
  | { readonly kind: 'lost'; readonly reason: CoordinationError }
  | { readonly kind: 'released'; readonly done: Promise<boolean> };

const isHeld: HoldState = { kind: 'held' };

/**
 * A hold this old has its ticket watched for interference from outside. A shorter one is not worth the requests: what
 * it writes through {@link Hold.commit} is checked by the store anyway.
 */
const watchAfterMs = 100;

/**
 * Something held: a lock, a term of office, a permit. It is lost when its session is, or when its ticket is deleted or
 * overwritten by somebody else, and tells so at once, in the first case before the store can give it to another.
 *
 * A lease protects against dead holders, not against slow ones: between looking at {@link Hold.isHeld} and the effect
 * of what is done next, any time can pass. What must not be done twice at once has to be fenced: by writing it with
 * {@link Hold.commit}, or by handing {@link Hold.token} to a resource that refuses a lower token than it has seen.
 */
export class Hold implements AsyncDisposable {
  /** The ticket's key in the store. */
  readonly key: string;
  /** The fencing token: strictly greater than that of every earlier holder of the same thing. */
  readonly token: bigint;

  /** @internal */
  protected readonly client: ClientContext;
  /** @internal */
  protected readonly session: Session;
  readonly #late: boolean;
  readonly #since: number;
  readonly #named: boolean;
  readonly #sessionEnded = (reason: CoordinationError): void => this.#lose(reason);
  #state: HoldState = isHeld;
  #controller: AbortController | undefined;
  #watch: HoldParts['watch'];
  #cancelWatch: Cancel | undefined;

  constructor({ client, session, ticket, late, watch, named = false }: HoldParts) {
    this.client = client;
    this.session = session;
    this.key = ticket.key;
    this.token = ticket.created;
    this.#late = late;
    this.#since = client.clock.now();
    this.#named = named;
    this.#watch = watch;
    session.onEnd(this.#sessionEnded);
    if (watch !== undefined) watch.handOver((news) => this.#hear(news));
    else if (this.#state.kind === 'held') {
      this.#cancelWatch = client.clock.after(watchAfterMs, () => this.#startWatch());
    }
  }

  /** A guard for one's own commits: holds exactly as long as this is held. */
  get guard(): Guard {
    // Where names are used again, only the revision tells one hold from the next on every store.
    if (this.#named) return unchanged(this.key, this.token);
    return held(this.key, this.token, this.session.lease);
  }

  /**
   * Aborts when this is no longer held: on loss with the coded reason (`SESSION_LOST`, `SESSION_CLOSED`,
   * `TICKET_LOST`), on release with `RELEASED`. Hand it to whatever must stop then.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#state.kind !== 'held') this.#controller.abort(this.#endReason());
    }
    return this.#controller.signal;
  }

  /** Whether this is certainly held now, judged by the clock at every call. No round trip. */
  isHeld(): boolean {
    return this.#state.kind === 'held' && this.session.isLive() && this.#state.kind === 'held';
  }

  /**
   * Gives back what is held. Resolves to whether it was still held until then; never touches anybody else's ticket, and
   * does not wait where it is known to be lost. Idempotent: every call has the result of the first. Tries for as long
   * as the session lives; `signal` and `timeoutMs` end the waiting, not the trying. One round trip.
   *
   * Rejects with `PERMISSION_DENIED` and the like when the store refuses; the ticket then goes with the session.
   */
  async release(options: CallOptions = {}): Promise<boolean> {
    checkOptions(options, 'release');
    if (this.#state.kind === 'held') this.session.isLive();
    if (this.#state.kind === 'held') this.#end({ kind: 'released', done: this.#remove() });
    if (this.#state.kind === 'lost') return false;
    // Of the three states only 'released' is left, which the compiler cannot see across the calls above.
    const { done } = this.#state as HoldState & { kind: 'released' };
    return await within(this.client.clock, options, `releasing "${printable(this.key)}"`, done);
  }

  /** As {@link Hold.release}: `await using hold = ...` gives it back at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /**
   * Applies `ops` only while this is still held: the store itself checks it, in the same commit. Otherwise as
   * {@link Store.commit}: a result that is not `ok` means that one of `guards` did not hold. Rejects with the reason of
   * the loss where this is no longer held, and with `UNKNOWN_OUTCOME` where no answer came within `timeoutMs` (by default
   * the transport's 5 seconds, as after the death of a leader; a second is enough for a cluster nearby). One round trip.
   */
  async commit(ops: readonly Op[], options: HoldCommitOptions = {}): Promise<Commit> {
    const { guards = [], otherwise = [], ...call } = options;
    if (!this.isHeld()) throw this.#endReason();
    const own = { key: this.key };
    const result = await this.client.store.commit([this.guard, ...guards], ops, {
      ...call,
      otherwise: [own, ...otherwise],
    });
    if (result.ok) return result;
    const [ticket] = result.reads[0] ?? [];
    // One that was overwritten has its place in line still, but not its lease.
    const still = ticket?.created === this.token && ticket.lease === this.session.lease;
    if (still && (!this.#named || ticket.modified === this.token)) return { ...result, reads: result.reads.slice(1) };
    this.#ticketLost('it was deleted or overwritten');
    throw this.#endReason();
  }

  /** @internal Why {@link Hold.release} resolved to false. */
  get lossReason(): CoordinationError {
    if (this.#state.kind === 'lost') return this.#state.reason;
    // It was found out only by releasing it.
    if (this.session.signal.aborted) return this.session.signal.reason as CoordinationError;
    return this.#ticketLostError('it was gone when it was to be released');
  }

  #endReason(): CoordinationError {
    const state = this.#state;
    if (state.kind === 'lost') return state.reason;
    if (state.kind === 'released') {
      return new CoordinationError('RELEASED', `"${printable(this.key)}" was released.`, { key: this.key });
    }
    const sentence = `It cannot be told now whether "${printable(this.key)}" is still held.`;
    return new CoordinationError('UNAVAILABLE', sentence, { key: this.key });
  }

  #ticketLost(why: string, cause?: unknown): void {
    this.#lose(this.#ticketLostError(why, cause));
  }

  #ticketLostError(why: string, cause?: unknown): CoordinationError {
    const sentence = `The ticket "${printable(this.key)}" was lost: ${why}.`;
    return new CoordinationError('TICKET_LOST', sentence, { key: this.key, lease: this.session.lease, cause });
  }

  #lose(reason: CoordinationError): void {
    if (this.#state.kind !== 'held') return;
    this.#end({ kind: 'lost', reason });
    if (reason.code === 'TICKET_LOST') {
      // A ticket that was overwritten rather than deleted would stand in the way of others until the session ends.
      if (!this.#named) void this.session.cleanUp(this.key, this.#late);
      // It may have gone with its lease: then whatever else is held by it should know now, not at the next renewal.
      void this.session.verify().catch(() => {});
    }
    const { key, token } = this;
    this.session.events.emitSafe('lost', { key, token, reason });
    if (diagnostics.lost.hasSubscribers) {
      diagnostics.lost.publish({ key, token, code: reason.code, heldMs: this.client.clock.now() - this.#since });
    }
  }

  #end(state: HoldState): void {
    this.#state = state;
    this.#cancelWatch?.();
    this.#watch?.stop();
    this.#watch = undefined;
    this.session.offEnd(this.#sessionEnded);
    this.#controller?.abort(this.#endReason());
  }

  async #remove(): Promise<boolean> {
    let removed: 'now' | 'before' | 'no' = 'no';
    const heldMs = this.client.clock.now() - this.#since;
    try {
      removed = await this.#removeWhileLive();
      return removed !== 'no';
    } finally {
      if (diagnostics.release.hasSubscribers) {
        const { key, token } = this;
        diagnostics.release.publish({ key, token, stillHeld: removed !== 'no', heldMs });
      }
      // What was not seen to go may have been overwritten, and would stand in the way of the others.
      if (!this.#named && (removed !== 'now' || this.#late)) void this.session.cleanUp(this.key, this.#late);
    }
  }

  /**
   * Deletes the ticket. An unknown outcome is tried again, which is safe: the key is then never used again. `before`: it
   * is gone, presumably by an attempt whose outcome was unknown.
   */
  async #removeWhileLive(): Promise<'now' | 'before' | 'no'> {
    const { store, clock, random } = this.client;
    const backoff = new Backoff(clock, random);
    let unknown = false;
    while (this.session.isLive() || this.session.state.kind === 'uncertain') {
      try {
        const { ok } = await store.commit([this.guard], [remove(this.key)], { timeoutMs: this.session.patienceMs });
        if (ok && !unknown && !this.#late && !this.#named) this.session.returnTicket(this.key);
        if (ok) return 'now';
        return unknown ? 'before' : 'no';
      } catch (error) {
        if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) unknown = true;
        else if (!isRetryable(error)) throw error;
        await backoff.wait(this.session.signal).catch(() => {});
      }
    }
    return 'no';
  }

  #hear(news: KeyNews): void {
    // A new value is no loss: a leader proclaims one.
    if (news.kind === 'gone') this.#ticketLost('it was deleted or overwritten');
    if (news.kind === 'error') this.#ticketLost('it can no longer be watched', news.error);
  }

  #startWatch(): void {
    this.#cancelWatch = undefined;
    const ticket = { key: this.key, created: this.token, lease: this.session.lease };
    try {
      this.#watch = new KeyWatch(this.client.store, ticket, (news) => this.#hear(news));
    } catch (error) {
      // A store that was closed under its client refuses at once. Nobody stands above a timer to catch that.
      this.#hear({ kind: 'error', error });
    }
  }
}

/** Runs a task under a hold and releases it, so that neither the task's error nor a loss goes unnoticed. */
export async function runHolding<T>(hold: Hold, task: () => Promise<T> | T): Promise<T> {
  let result: T;
  try {
    result = await task();
  } catch (error) {
    await hold.release().catch((second: unknown) => {
      throw new AggregateError([error, second], 'The task failed, and so did the release after it.');
    });
    throw error;
  }
  if (await hold.release()) return result;
  throw hold.lossReason;
}
