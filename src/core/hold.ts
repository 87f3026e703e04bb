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
  type Entry,
  type Guard,
  held,
  type Op,
  remove,
} from './store.js';

/** What a {@link Hold} is made from. */
export interface HoldParts {
  readonly client: ClientContext;
  readonly session: Session;
  readonly ticket: Ticket;
  /** More tickets, of the same session and created with it, that are held, lost and given back together with it. */
  readonly also?: readonly Ticket[] | undefined;
  /** The put of the ticket may still be under way a second time: see to it after the release. */
  readonly late: boolean;
  /** What tells of the ticket from now on, as a watch on it that the wait for it has left behind. */
  readonly watch: Following | undefined;
  /**
   * Others hold by the very same key, before and after: it is no ticket in a line, but a name, which must not be deleted
   * unseen. Default false.
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

/** Without its value, which a hold that lasts would keep in memory. */
type OwnTicket = Pick<Ticket, 'key' | 'created'>;

/** What tells a hold of its ticket. */
type Following = Pick<KeyWatch, 'handOver' | 'stop'>;

const noWatches: readonly Following[] = [];

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
  /** Beside the first one; undefined where there is only that. */
  readonly #also: readonly OwnTicket[] | undefined;
  readonly #late: boolean;
  readonly #since: number;
  readonly #named: boolean;
  readonly #sessionEnded = (reason: CoordinationError): void => this.#lose(reason);
  #state: HoldState = isHeld;
  #controller: AbortController | undefined;
  #watches: readonly Following[];
  #cancelWatch: Cancel | undefined;

  constructor({ client, session, ticket, also, late, watch, named = false }: HoldParts) {
    this.client = client;
    this.session = session;
    this.key = ticket.key;
    this.token = ticket.created;
    this.#also = also?.map(({ key, created }) => ({ key, created }));
    this.#late = late;
    this.#since = client.clock.now();
    this.#named = named;
    this.#watches = watch === undefined ? noWatches : [watch];
    session.onEnd(this.#sessionEnded);
    if (watch !== undefined) watch.handOver((news) => this.#hear(news));
    else this.watchAgain();
  }

  /** A guard for one's own commits: holds exactly as long as this is held. */
  get guard(): Guard {
    return held(this.key, this.token, this.session.lease);
  }

  /** All guards of what is held: one, but for several mutexes that are held together. */
  get guards(): readonly Guard[] {
    return this.#tickets.map(({ key, created }) => held(key, created, this.session.lease));
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
    checkOptions(options, 'commit', ['guards', 'otherwise']);
    const { guards = [], otherwise = [], ...call } = options;
    if (!this.isHeld()) throw this.#endReason();
    const own = this.#tickets.map(({ key }) => ({ key }));
    const result = await this.client.store.commit([...this.guards, ...guards], ops, {
      ...call,
      otherwise: [...own, ...otherwise],
    });
    if (result.ok) return result;
    const isStill = ({ created }: OwnTicket, at: number): boolean => {
      const [entry] = result.reads[at] ?? [];
      // One that was overwritten has its place in line still, but not its lease.
      return entry?.created === created && entry.lease === this.session.lease;
    };
    if (this.#tickets.every(isStill)) return { ...result, reads: result.reads.slice(own.length) };
    throw this.foundGone();
  }

  /** @internal Why {@link Hold.release} resolved to false. */
  get lossReason(): CoordinationError {
    if (this.#state.kind === 'lost') return this.#state.reason;
    // It was found out only by releasing it.
    if (this.session.signal.aborted) return this.session.signal.reason as CoordinationError;
    return this.#ticketLostError('it was gone when it was to be released');
  }

  /**
   * @internal Counts as given back from here on: by a commit of another kind than {@link Hold.release} makes, which is
   * over, or under way. `done` is what release() resolves to from now on.
   */
  protected releasedBy(done: Promise<boolean>): void {
    if (this.#state.kind === 'held') this.#end({ kind: 'released', done });
  }

  /** @internal A commit under way will take the ticket with it: that it goes is no loss. */
  protected unwatch(): void {
    this.#cancelWatch?.();
    for (const watch of this.#watches) watch.stop();
    this.#watches = noWatches;
  }

  /** @internal From a while from now on, the ticket is watched; after {@link Hold.unwatch} too, if the commit failed. */
  protected watchAgain(): void {
    if (this.#state.kind === 'held')
      this.#cancelWatch = this.client.clock.after(watchAfterMs, () => this.#startWatch());
  }

  /** @internal Gives it up for a reason of its own: first the holder is told, then the ticket is taken away. */
  protected abandon(reason: CoordinationError): void {
    if (this.#state.kind !== 'held') return;
    this.#lose(reason);
    this.#cleanUp();
  }

  /** @internal The store showed that the ticket is gone. Returns why this is not held. */
  protected foundGone(): CoordinationError {
    this.#ticketLost('it was deleted or overwritten');
    return this.#endReason();
  }

  get #tickets(): readonly OwnTicket[] {
    const first = { key: this.key, created: this.token };
    return this.#also === undefined ? [first] : [first, ...this.#also];
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
      this.#cleanUp();
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
    this.unwatch();
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
      if (removed !== 'now' || this.#late) this.#cleanUp();
    }
  }

  #cleanUp(): void {
    // Somebody else may hold by that name by now.
    if (this.#named) return;
    for (const { key } of this.#tickets) void this.session.cleanUp(key, this.#late);
  }

  /**
   * Deletes the tickets. An unknown outcome is tried again, which is safe: the key is then never used again. `before`: it
   * is gone, presumably by an attempt whose outcome was unknown.
   */
  async #removeWhileLive(): Promise<'now' | 'before' | 'no'> {
    const { store, clock, random } = this.client;
    const backoff = new Backoff(clock, random);
    const steps = this.#tickets.map(({ key }) => remove(key));
    let unknown = false;
    while (this.session.isLive() || this.session.state.kind === 'uncertain') {
      try {
        const otherwise = unknown ? this.#tickets.map(({ key }) => ({ key })) : [];
        const { ok, reads } = await store.commit(this.guards, steps, { timeoutMs: this.session.patienceMs, otherwise });
        if (ok && !unknown) this.#returnNames();
        if (ok) return 'now';
        return unknown && !this.#standsIn(reads) ? 'before' : 'no';
      } catch (error) {
        if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) unknown = true;
        else if (!isRetryable(error)) throw error;
        await backoff.wait(this.session.signal).catch(() => {});
      }
    }
    return 'no';
  }

  /** The keys may be used again, unless anything about them may still be under way. */
  #returnNames(): void {
    if (this.#late || this.#named) return;
    for (const { key } of this.#tickets) this.session.names.returnTicket(key);
  }

  /** Whether any of its tickets is among these: then no attempt has removed them, but one of them is not as it was. */
  #standsIn(reads: readonly (readonly Entry[])[]): boolean {
    const { lease } = this.session;
    return this.#tickets.some(({ created }, at) => reads[at]?.[0]?.created === created && reads[at][0].lease === lease);
  }

  #hear(news: KeyNews): void {
    // A new value is no loss: a leader proclaims one.
    if (news.kind === 'gone') this.#ticketLost('it was deleted or overwritten');
    if (news.kind === 'error') this.#ticketLost('it can no longer be watched', news.error);
  }

  #startWatch(): void {
    this.#cancelWatch = undefined;
    const { lease } = this.session;
    try {
      this.#watches = this.#tickets.map(({ key, created }) => {
        return new KeyWatch(this.client.store, { key, created, lease }, (news) => this.#hear(news));
      });
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
