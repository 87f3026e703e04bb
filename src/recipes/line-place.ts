import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import { diagnostics } from '../core/diagnostics.js';
import type { HoldParts } from '../core/hold.js';
import { type KeyNews, KeyWatch, type Ticket } from '../core/key-watch.js';
import type { Session } from '../core/session.js';
import { firstOf, orAbort, type Scope, within } from '../core/signals.js';
import { absent, type Entry, put, type Query, read, remove } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import type { LineRule } from './line.js';
import { confirmed, retrying } from './line-session.js';

/** How long one that leaves may keep its caller waiting for the store before the rest is done in the background. */
const leaveWithinMs = 1_000;

/** One ticket's way through the line: join, wait, be served or leave. */
export class Place {
  readonly #client: ClientContext;
  readonly #session: Session;
  readonly #prefix: string;
  readonly #rule: LineRule;
  readonly #key: string;
  readonly #value: Uint8Array;
  readonly #since: number;
  #ticket: Ticket | undefined;
  readonly #scope: Scope;
  #joining: Promise<unknown> | undefined;
  /** An attempt to join whose answer never came: its put may still turn up. */
  #late = false;
  #ownWatch: KeyWatch | undefined;
  #blockerWatch: { readonly key: string; readonly watch: KeyWatch } | undefined;
  /** Something that is watched has changed since the last decision. */
  #news: KeyNews | undefined;
  #wake: () => void = () => {};

  constructor(client: ClientContext, session: Session, path: string, value: Uint8Array, rule: LineRule, scope: Scope) {
    this.#scope = scope;
    this.#client = client;
    this.#session = session;
    this.#prefix = `${path}/`;
    this.#rule = rule;
    this.#key = session.takeTicket(path);
    this.#value = value;
    this.#since = client.clock.now();
  }

  /**
   * Runs the way through the line. Where it does not end in a hold, the ticket is taken out before this settles. The
   * scope ends with the session, as a wait must not outlive what would make it count.
   */
  async stay<T>(way: () => Promise<T>): Promise<T> {
    this.#session.onEnd(this.#scope.abort);
    let served: T | undefined;
    try {
      served = await way();
      return served;
    } finally {
      this.#session.offEnd(this.#scope.abort);
      this.#unwatchBlocker();
      if (served === undefined) await this.#leave();
    }
  }

  /** Takes a place in the line. Resolves to who is in the way. One round trip where the line is free. */
  async join(): Promise<Ticket | undefined> {
    const joining = this.#join();
    this.#joining = joining;
    const ahead = await orAbort(joining, this.#scope);
    return this.#decide(ahead);
  }

  /** Waits until the one in the way is gone or has changed, and decides anew. One round trip per decision. */
  async waitFor(blocker: Ticket): Promise<Ticket | undefined> {
    this.#watch(blocker);
    if (this.#news === undefined) {
      const wake = (resolve: () => void) => {
        this.#wake = resolve;
        return () => {};
      };
      // Watches do lose events: look anyway, once in a while.
      const inCase = (resolve: () => void) => this.#client.clock.after(this.#session.ttlMs, resolve);
      await firstOf(this.#scope, [wake, inCase]);
    }
    const news = this.#news;
    this.#news = undefined;
    if (news?.kind === 'error') throw news.error;
    return this.#decide(await this.#readAhead());
  }

  /** The last check before the ticket counts as held. */
  async serve(): Promise<HoldParts> {
    await confirmed(this.#client, this.#session, this.#scope);
    this.#scope.throwIfAborted();
    const watch = this.#ownWatch;
    this.#ownWatch = undefined;
    if (diagnostics.hold.hasSubscribers) this.#reportHold();
    return { client: this.#client, session: this.#session, ticket: this.#mine(), late: this.#late, watch };
  }

  #reportHold(): void {
    const { key, created } = this.#mine();
    const waitedMs = this.#client.clock.now() - this.#since;
    const { lease } = this.#session;
    diagnostics.hold.publish({ path: this.#prefix.slice(0, -1), key, token: created, lease, waitedMs });
  }

  #mine(): Ticket {
    if (this.#ticket === undefined) throw new Error('A place was used before it was joined.');
    return this.#ticket;
  }

  #decide(ahead: readonly Ticket[]): Ticket | undefined {
    return this.#rule.blocker(ahead, this.#mine());
  }

  /**
   * Puts the ticket. An attempt whose outcome is unknown is made again as it was: the ticket key is this place's own, so
   * that the second attempt either creates it or finds what the first one did.
   */
  async #join(): Promise<readonly Ticket[]> {
    const { clock, random } = this.#client;
    const backoff = new Backoff(clock, random);
    for (;;) {
      try {
        return await this.#tryJoin();
      } catch (error) {
        if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw this.#session.leaseGone(error);
        if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) this.#late = true;
        else if (!isRetryable(error)) throw error;
        await backoff.wait(this.#scope);
      }
    }
  }

  async #tryJoin(): Promise<readonly Ticket[]> {
    const { lease } = this.#session;
    const ops = [read(this.#line(1)), put(this.#key, this.#value, lease)];
    const { patienceMs: timeoutMs } = this.#session;
    const { ok, revision, reads } = await this.#client.store.commit([absent(this.#key)], ops, { timeoutMs });
    if (ok) {
      this.#ticket = { key: this.#key, created: revision, value: this.#value, lease };
      return reads[0] ?? [];
    }
    // The ticket is there: an earlier attempt has arrived after all.
    const { entries } = await this.#client.store.read({ key: this.#key });
    this.#ticket = entries[0];
    if (this.#ticket === undefined) throw await this.#missing();
    return this.#readAhead();
  }

  /** What a decision has to look at: the whole line, or so many of its newest tickets where only the nearest counts. */
  #line(newest: number): Query {
    const prefix = this.#prefix;
    if (this.#rule.reach === 'all') return { prefix, order: 'oldest' };
    return { prefix, order: 'newest', limit: newest };
  }

  /** The deciding read: who is ahead, and that this ticket is still in line. */
  async #readAhead(): Promise<readonly Ticket[]> {
    const { created } = this.#mine();
    const query = { ...this.#line(2), createdBefore: created + 1n };
    const { signal } = this.#scope;
    const { entries } = await retrying(this.#client, signal, () => this.#client.store.read(query, { signal }));
    const own = entries.find((entry) => entry.key === this.#key);
    if (!this.#isMine(own)) throw await this.#missing();
    return entries.filter((entry) => entry.created < created);
  }

  #isMine(entry: Entry | undefined): boolean {
    return entry?.created === this.#mine().created && entry.lease === this.#session.lease;
  }

  /** Why the ticket is not in line any more: with its lease, or by somebody's hand. */
  async #missing(): Promise<CoordinationError> {
    const verifying = retrying(this.#client, this.#scope, () => this.#session.verify());
    const live = await orAbort(verifying, this.#scope);
    return live ? this.#ticketLost() : this.#session.leaseGone(undefined);
  }

  #ticketLost(): CoordinationError {
    const sentence = `The ticket "${printable(this.#key)}" was deleted or overwritten by somebody else while it waited.`;
    return new CoordinationError('TICKET_LOST', sentence, { key: this.#key, lease: this.#session.lease });
  }

  #watch(blocker: Ticket): void {
    const { store } = this.#client;
    this.#ownWatch ??= new KeyWatch(store, this.#mine(), (news) => this.#hear(news));
    if (this.#blockerWatch?.key === blocker.key) return;
    this.#unwatchBlocker();
    if (diagnostics.wait.hasSubscribers) {
      diagnostics.wait.publish({ path: this.#prefix.slice(0, -1), key: this.#key, blocker: blocker.key });
    }
    const watch = new KeyWatch(store, blocker, (news) => {
      if (news.kind === 'gone') this.#unwatchBlocker();
      this.#hear(news);
    });
    this.#blockerWatch = { key: blocker.key, watch };
  }

  #unwatchBlocker(): void {
    this.#blockerWatch?.watch.stop();
    this.#blockerWatch = undefined;
  }

  #hear(news: KeyNews): void {
    if (this.#news === undefined || news.kind === 'error') this.#news = news;
    this.#wake();
  }

  /** Takes the ticket out of the line: now if the store can be reached, else in the background. */
  async #leave(): Promise<void> {
    this.#ownWatch?.stop();
    if (this.#joining === undefined) return;
    const { clock } = this.#client;
    await within(clock, { timeoutMs: leaveWithinMs }, 'leaving a line', this.#remove(this.#joining)).catch(() => {});
  }

  async #remove(joining: Promise<unknown>): Promise<void> {
    // Its outcome was reported where it was awaited. Here it only has to be over.
    await joining.catch(() => {});
    const left = this.#ticket !== undefined || this.#late;
    const { kind } = this.#session.state;
    // With its session, a ticket goes by itself; and what was never put need not be deleted.
    if (!left || kind === 'lost' || kind === 'closed') return;
    const { patienceMs: timeoutMs } = this.#session;
    const removed = await this.#client.store.commit([], [remove(this.#key)], { timeoutMs }).then(
      () => true,
      () => false,
    );
    if (removed && !this.#late) this.#session.returnTicket(this.#key);
    else void this.#session.cleanUp(this.#key, this.#late);
  }
}
