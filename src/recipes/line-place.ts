import type { ClientContext } from '../core/context.js';
import { diagnostics } from '../core/diagnostics.js';
import type { HoldParts } from '../core/hold.js';
import type { Ticket } from '../core/key-watch.js';
import { nameOf } from '../core/ranges.js';
import type { Session } from '../core/session.js';
import { firstOf, orAbort, type Scope } from '../core/signals.js';
import type { Entry } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { readAll } from './line-read.js';
import type { Blocker, LineRule, Reads } from './line-rule.js';
import { confirmed, retrying } from './line-session.js';
import { Watches } from './line-watches.js';

/** Places of one session and one scope, each in a line of its own. */
export type Places = readonly [Place, ...Place[]];

/**
 * One ticket's place in line: what it waits for, and how it is served. How it gets there is in `line-join.ts`, and how
 * it is given up in `line-leave.ts`.
 */
export class Place {
  readonly client: ClientContext;
  readonly session: Session;
  /** Of the line's tickets; it ends in `/`. */
  readonly prefix: string;
  readonly rule: LineRule;
  /** The ticket's, and nobody else's, whether or not it is in line. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly scope: Scope;
  /** The join that is under way, or was; undefined before. It has to be over before the ticket can be taken out. */
  joining: Promise<unknown> | undefined;
  /** An attempt to join whose answer never came: its put may still turn up. */
  late = false;
  readonly #since: number;
  /** Whom it was last reported to wait for. */
  #reported: string | undefined;
  #ticket: Ticket | undefined;
  /** Most are served without a wait. */
  #watches: Watches | undefined;
  /** What was last read of the line. */
  #reads: Reads = [];

  constructor(client: ClientContext, session: Session, path: string, value: Uint8Array, rule: LineRule, scope: Scope) {
    this.scope = scope;
    this.client = client;
    this.session = session;
    this.prefix = `${path}/`;
    this.rule = rule;
    this.key = session.names.takeTicket(path);
    this.value = value;
    this.#since = client.clock.now();
  }

  /** Whether there is, or may yet be, a ticket in the store. */
  get mayBeInLine(): boolean {
    return this.#ticket !== undefined || this.late;
  }

  /** The join has put the ticket, at this revision, and has read this before it did. */
  joined(revision: bigint, reads: Reads): void {
    const { lease } = this.session;
    this.#ticket = { key: this.key, created: revision, value: this.value, lease };
    this.#reads = reads;
  }

  /** The join has found the ticket there already. One round trip, and one to read the line. */
  async find(): Promise<void> {
    const { entries } = await this.client.store.read({ key: this.key });
    this.#ticket = entries[0];
    if (this.#ticket === undefined) throw await this.missing();
    this.#reads = await this.#readAhead();
  }

  /** Whether this is the ticket that was put. */
  isMine(entry: Entry | undefined): boolean {
    return entry?.created === this.#mine().created && entry.lease === this.session.lease;
  }

  /** Why the ticket is not in line any more: with its lease, or by somebody's hand. One round trip. */
  async missing(): Promise<CoordinationError> {
    const verifying = retrying(this.client, this.scope, () => this.session.verify());
    const live = await orAbort(verifying, this.scope);
    return live ? this.#ticketLost() : this.session.leaseGone(undefined);
  }

  /** What is in the way, by what was last read; undefined where it can be served. */
  blocker(): Blocker | undefined {
    return this.rule.blocker(this.#reads, this.#mine());
  }

  /** Waits until nothing is in the way. Resolves to whether anything was. One round trip per decision. */
  async wait(): Promise<boolean> {
    let blocker = this.blocker();
    const waited = blocker !== undefined;
    while (blocker !== undefined) {
      await this.#change(blocker);
      this.#reads = await this.#readAhead();
      blocker = this.blocker();
    }
    return waited;
  }

  /** The last check before the ticket counts as held. */
  async serve(): Promise<HoldParts> {
    await confirmed(this.client, this.session, this.scope);
    this.scope.throwIfAborted();
    const watch = this.#watches?.takeOwn();
    if (diagnostics.hold.hasSubscribers) this.#reportHold();
    return { client: this.client, session: this.session, ticket: this.#mine(), late: this.late, watch };
  }

  /** Does not follow any more what was in the way. */
  stopWaiting(): void {
    this.#watches?.stopBlocker();
  }

  /** Does not follow its own ticket any more, where no hold has taken that over. */
  stopWatching(): void {
    this.#watches?.stopOwn();
  }

  #reportWait(blocker: string): void {
    if (this.#reported === blocker) return;
    this.#reported = blocker;
    diagnostics.wait.publish({ path: this.prefix.slice(0, -1), key: this.key, blocker });
  }

  #reportHold(): void {
    const { key, created } = this.#mine();
    const waitedMs = this.client.clock.now() - this.#since;
    const { lease } = this.session;
    diagnostics.hold.publish({ path: this.prefix.slice(0, -1), key, token: created, lease, waitedMs });
  }

  #mine(): Ticket {
    if (this.#ticket === undefined) throw new Error('A place was used before it was joined.');
    return this.#ticket;
  }

  /** Waits until what is in the way is gone or has changed, or for so long that it is better to look. */
  async #change(blocker: Blocker): Promise<void> {
    this.#watches ??= new Watches(this.client);
    const { news } = this.#watches;
    this.#watches.follow(this.#mine(), blocker);
    if (diagnostics.wait.hasSubscribers) this.#reportWait('range' in blocker ? nameOf(blocker.range) : blocker.key);
    if (!news.heard) {
      // Watches do lose events: look anyway, once in a while.
      const inCase = (resolve: () => void) => this.client.clock.after(this.session.ttlMs, resolve);
      await firstOf(this.scope, [news.arm, inCase]);
    }
    news.take();
  }

  /** The deciding read: who is ahead, and that this ticket is still in line. */
  async #readAhead(): Promise<Reads> {
    const reads = await readAll(this.client, this.rule.look(this.prefix, this.#mine()), this.scope);
    const own = reads.flat().find((entry) => entry.key === this.key);
    if (!this.isMine(own)) throw await this.missing();
    return reads;
  }

  #ticketLost(): CoordinationError {
    const sentence = `The ticket "${printable(this.key)}" was deleted or overwritten by somebody else while it waited.`;
    return new CoordinationError('TICKET_LOST', sentence, { key: this.key, lease: this.session.lease });
  }
}
