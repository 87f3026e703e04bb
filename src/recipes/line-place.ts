import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import { diagnostics } from '../core/diagnostics.js';
import type { HoldParts } from '../core/hold.js';
import type { Ticket } from '../core/key-watch.js';
import { nameOf } from '../core/ranges.js';
import type { Session } from '../core/session.js';
import { firstOf, orAbort, type Scope, within } from '../core/signals.js';
import { absent, type Entry, type Guard, type Op, put, type Query, read, remove } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import type { Blocker, LineRule, Reads } from './line-rule.js';
import { confirmed, retrying } from './line-session.js';
import { Watches } from './line-watches.js';

/** How long one that leaves may keep its caller waiting for the store before the rest is done in the background. */
const leaveWithinMs = 1_000;

/** What a place adds to the commit by which it is taken. */
interface JoinPart {
  readonly guards: readonly Guard[];
  readonly ops: readonly Op[];
  /** How many of the steps are reads. */
  readonly looks: number;
}

/** One ticket's way through the line: join, wait, be served or leave. */
export class Place {
  readonly #client: ClientContext;
  readonly #session: Session;
  readonly #prefix: string;
  readonly #rule: LineRule;
  readonly #key: string;
  readonly #value: Uint8Array;
  readonly #since: number;
  /** Whom it was last reported to wait for. */
  #reported: string | undefined;
  #ticket: Ticket | undefined;
  readonly #scope: Scope;
  #joining: Promise<unknown> | undefined;
  /** An attempt to join whose answer never came: its put may still turn up. */
  #late = false;
  /** Most are served without a wait. */
  #watches: Watches | undefined;
  /** What was last read of the line. */
  #reads: Reads = [];

  constructor(client: ClientContext, session: Session, path: string, value: Uint8Array, rule: LineRule, scope: Scope) {
    this.#scope = scope;
    this.#client = client;
    this.#session = session;
    this.#prefix = `${path}/`;
    this.#rule = rule;
    this.#key = session.names.takeTicket(path);
    this.#value = value;
    this.#since = client.clock.now();
  }

  /**
   * Takes all these places, of one session, in one commit. An attempt whose outcome is unknown is made again as it was:
   * the ticket keys are these places' own, so that the second attempt either creates them or finds what the first one
   * did. One round trip.
   */
  static async join(places: readonly [Place, ...Place[]]): Promise<void> {
    const joining = Place.#join(places);
    for (const place of places) place.#joining = joining;
    await orAbort(joining, places[0].#scope);
  }

  /**
   * Runs the way through the line, or through the lines of several places of one session. Where it does not end in a
   * hold, the tickets are taken out before this settles. The scope ends with the session, as a wait must not outlive
   * what would make it count.
   */
  static async stay<T>(places: readonly [Place, ...Place[]], way: () => Promise<T>): Promise<T> {
    const [first] = places;
    const { abort } = first.#scope;
    first.#session.onEnd(abort);
    let served: T | undefined;
    try {
      served = await way();
      return served;
    } finally {
      first.#session.offEnd(abort);
      for (const place of places) place.#watches?.stopBlocker();
      if (served === undefined) await Promise.all(places.map((place) => place.#leave()));
    }
  }

  /** Makes sure, by one read, that the tickets of all these places are in line, as after long waits one by one. */
  static async confirm(places: readonly [Place, ...Place[]]): Promise<void> {
    const [first] = places;
    const queries = places.map((place) => ({ key: place.#key }));
    const reads = await readAll(first.#client, queries, first.#scope);
    for (const [at, place] of places.entries()) if (!place.#isMine(reads[at]?.[0])) throw await place.#missing();
  }

  /** What is in the way, by what was last read; undefined where it can be served. */
  blocker(): Blocker | undefined {
    return this.#rule.blocker(this.#reads, this.#mine());
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
    await confirmed(this.#client, this.#session, this.#scope);
    this.#scope.throwIfAborted();
    const watch = this.#watches?.takeOwn();
    if (diagnostics.hold.hasSubscribers) this.#reportHold();
    return { client: this.#client, session: this.#session, ticket: this.#mine(), late: this.#late, watch };
  }

  #reportWait(blocker: string): void {
    if (this.#reported === blocker) return;
    this.#reported = blocker;
    diagnostics.wait.publish({ path: this.#prefix.slice(0, -1), key: this.#key, blocker });
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

  static async #join(places: readonly [Place, ...Place[]]): Promise<void> {
    const [first] = places;
    const backoff = new Backoff(first.#client.clock, first.#client.random);
    for (;;) {
      try {
        if (await Place.#tryJoin(places)) return;
      } catch (error) {
        if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw first.#session.leaseGone(error);
        if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) for (const place of places) place.#late = true;
        else if (!isRetryable(error)) throw error;
        await backoff.wait(first.#scope);
      }
    }
  }

  static async #tryJoin(places: readonly [Place, ...Place[]]): Promise<boolean> {
    const [first] = places;
    const { entrance } = first.#rule;
    if (entrance !== undefined) await entrance.open(first.#scope);
    const parts = places.map((place) => place.#joinPart());
    const guards = parts.flatMap((part) => part.guards);
    const ops = parts.flatMap((part) => part.ops);
    const otherwise = entrance && [{ key: first.#key }, entrance.query];
    const timeoutMs = first.#session.patienceMs;
    const { ok, revision, reads } = await first.#client.store.commit(guards, ops, { timeoutMs, otherwise });
    if (ok) {
      let at = 0;
      for (const [n, place] of places.entries()) {
        const until = at + (parts[n]?.looks ?? 0);
        place.#joined(revision, reads.slice(at, until));
        at = until;
      }
      return true;
    }
    if (entrance !== undefined && reads[0]?.length === 0) {
      entrance.refused(reads[1] ?? []);
      return false;
    }
    // The tickets are there: an earlier attempt has arrived after all.
    for (const place of places) await place.#find();
    return true;
  }

  #joinPart(): JoinPart {
    const { entrance } = this.#rule;
    const looks = this.#rule.look(this.#prefix, undefined).map(read);
    const ops = [...looks, put(this.#key, this.#value, this.#session.lease)];
    const guard = absent(this.#key);
    if (entrance === undefined) return { guards: [guard], ops, looks: looks.length };
    return { guards: [guard, ...entrance.guards], ops: [...entrance.ops, ...ops], looks: looks.length };
  }

  #joined(revision: bigint, reads: Reads): void {
    const { lease } = this.#session;
    this.#ticket = { key: this.#key, created: revision, value: this.#value, lease };
    this.#reads = reads;
  }

  async #find(): Promise<void> {
    const { entries } = await this.#client.store.read({ key: this.#key });
    this.#ticket = entries[0];
    if (this.#ticket === undefined) throw await this.#missing();
    this.#reads = await this.#readAhead();
  }

  /** Waits until what is in the way is gone or has changed, or for so long that it is better to look. */
  async #change(blocker: Blocker): Promise<void> {
    this.#watches ??= new Watches(this.#client.store);
    const watches = this.#watches;
    watches.follow(this.#mine(), blocker);
    if (diagnostics.wait.hasSubscribers) this.#reportWait('range' in blocker ? nameOf(blocker.range) : blocker.key);
    if (!watches.heard) {
      // Watches do lose events: look anyway, once in a while.
      const inCase = (resolve: () => void) => this.#client.clock.after(this.#session.ttlMs, resolve);
      await firstOf(this.#scope, [(wake) => watches.arm(wake), inCase]);
    }
    watches.take();
  }

  /** The deciding read: who is ahead, and that this ticket is still in line. */
  async #readAhead(): Promise<Reads> {
    const reads = await readAll(this.#client, this.#rule.look(this.#prefix, this.#mine()), this.#scope);
    const own = reads.flat().find((entry) => entry.key === this.#key);
    if (!this.#isMine(own)) throw await this.#missing();
    return reads;
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

  /** Takes the ticket out of the line: now if the store can be reached, else in the background. */
  async #leave(): Promise<void> {
    this.#watches?.stopOwn();
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
    if (removed && !this.#late) this.#session.names.returnTicket(this.#key);
    else void this.#session.cleanUp(this.#key, this.#late);
  }
}

/** Reads all of this at one revision, for as long as the scope allows. One round trip. */
export async function readAll(client: ClientContext, queries: readonly Query[], scope: Scope): Promise<Reads> {
  const { store } = client;
  const { signal } = scope;
  const [only] = queries;
  return retrying(client, signal, async () => {
    if (only !== undefined && queries.length === 1) return [(await store.read(only, { signal })).entries];
    return (await store.commit([], queries.map(read), { signal })).reads;
  });
}
