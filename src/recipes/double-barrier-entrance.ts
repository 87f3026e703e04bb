import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import type { Ticket } from '../core/key-watch.js';
import { RangeView } from '../core/range-view.js';
import type { Session } from '../core/session.js';
import { firstOf, orAbort, type Scope } from '../core/signals.js';
import { absent, type Entry, held, type Op, put, read, remove } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import type { Round, RoundKeys, Situation } from './double-barrier-round.js';
import { confirmed, retrying } from './line-session.js';

/** A place in a round that is full. */
export interface Admission {
  readonly ticket: Ticket;
  readonly round: Round;
}

/** A ticket that was put, and the round that it was put in. */
interface Joined {
  readonly ticket: Ticket;
  readonly round: number;
}

/**
 * One member's way into a double barrier. A ticket is put only while the key of the round is as it was seen, and a round
 * is declared full by writing that key, in a commit that checks the tickets of all its members. So nobody can slip into a
 * round that is full or over, and either all members of a round pass, or none.
 */
export class Entrance {
  readonly #client: ClientContext;
  readonly #session: Session;
  readonly #keys: RoundKeys;
  readonly #count: number;
  readonly #scope: Scope;
  readonly #value: Uint8Array;
  /** The round as it was when last looked at. */
  #last: Situation = { round: undefined, modified: undefined, tickets: [] };
  /** The ticket that was sent last, and whether a put of it may still be under way. */
  #sent: { readonly key: string; readonly round: number; late: boolean } | undefined;

  constructor(
    client: ClientContext,
    session: Session,
    keys: RoundKeys,
    options: { readonly count: number; readonly value: Uint8Array; readonly scope: Scope },
  ) {
    this.#client = client;
    this.#session = session;
    this.#keys = keys;
    this.#count = options.count;
    this.#value = options.value;
    this.#scope = options.scope;
  }

  /** Joins, and waits until the round is full. */
  async pass(): Promise<Admission> {
    const joined = await this.#join();
    this.#checkRoom(joined);
    for (;;) {
      const round = await this.#decide(joined);
      if (round !== undefined) {
        await confirmed(this.#client, this.#session, this.#scope);
        this.#scope.throwIfAborted();
        return { ticket: joined.ticket, round };
      }
      this.#last = await this.#look();
    }
  }

  /**
   * Takes the ticket out, after {@link pass} has failed. Tries until the store has said how it stands. Resolves to the
   * round where that was full before the ticket was out: then this one is among its members. Rejects with the reason of the
   * session where that ends first: the ticket goes with it, and it is not known whether that was soon enough.
   */
  async withdraw(): Promise<Admission | undefined> {
    const { clock, random, store } = this.#client;
    const sent = this.#sent;
    const backoff = new Backoff(clock, random);
    while (sent !== undefined) {
      this.#session.signal.throwIfAborted();
      const admission = admissionOf(this.#last, sent.key);
      if (admission !== undefined) return admission;
      try {
        const options = { timeoutMs: this.#session.patienceMs, otherwise: [{ prefix: `${this.#keys.path}/` }] };
        const ops = [remove(sent.key), ...(sent.late ? [this.#bump()] : [])];
        const { ok, reads } = await store.commit([this.#keys.guard(this.#last)], ops, options);
        // It may have been a member that is dead: the round went on, and the ticket went with its lease.
        if (ok && this.#overtaken(sent) && !(await this.#session.verify())) this.#session.signal.throwIfAborted();
        if (ok) return undefined;
        this.#last = this.#keys.situation(reads[0] ?? []);
      } catch (error) {
        if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
        await backoff.wait(this.#session.signal);
      }
    }
    return undefined;
  }

  /** Whether the round that it joined is full, with it or without, or over. */
  #overtaken({ round }: { readonly round: number }): boolean {
    const last = this.#last.round;
    return last !== undefined && (last.round !== round || last.members !== undefined);
  }

  /** Takes the ticket out of a round that is full: its member has left. */
  abandon(): void {
    if (this.#sent !== undefined) void this.#session.cleanUp(this.#sent.key, false);
  }

  /** Writes the round as it is, so that whatever was to be put while it was as before is put no more. */
  #bump(): Op {
    return this.#keys.write(this.#last.round ?? { round: 1, count: this.#count, members: undefined });
  }

  async #look(): Promise<Situation> {
    const { store } = this.#client;
    const query = { prefix: `${this.#keys.path}/` };
    const reading = retrying(this.#client, this.#scope, () => store.read(query, { signal: this.#scope.signal }));
    return this.#keys.situation((await orAbort(reading, this.#scope)).entries);
  }

  /** Puts the ticket into the round that is filling, or into a new one where the last one is over. */
  async #join(): Promise<Joined> {
    const backoff = new Backoff(this.#client.clock, this.#client.random);
    this.#last = await this.#look();
    for (;;) {
      const [round, ops] = this.#nextRound();
      const sent = this.#ticketIn(round);
      try {
        const joined = await this.#tryJoin(sent, ops);
        if (joined !== undefined) return joined;
      } catch (error) {
        this.#scope.throwIfAborted();
        if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw this.#session.leaseGone(error);
        if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
        await backoff.wait(this.#scope);
      }
    }
  }

  /** The round to join, and what has to be written to begin it. */
  #nextRound(): readonly [round: number, ops: readonly Op[]] {
    const { round, tickets } = this.#last;
    const begin = (number: number) =>
      [number, [this.#keys.write({ round: number, count: this.#count, members: undefined })]] as const;
    if (round === undefined) return begin(1);
    const { path } = this.#keys;
    if (round.members !== undefined) {
      const { members } = round;
      if (!tickets.some(({ key }) => members.includes(key))) return begin(round.round + 1);
      throw this.#tooMany(round.count);
    }
    if (round.count === this.#count) return [round.round, []];
    const sentence = `The double barrier "${printable(path)}" is for ${round.count} members, not for ${this.#count}.`;
    throw new CoordinationError('LIMIT_MISMATCH', sentence, { key: path, field: 'count' });
  }

  #ticketIn(round: number): { readonly key: string; readonly round: number; late: boolean } {
    if (this.#sent?.round !== round) {
      const key = this.#session.names.takeTicket(this.#keys.ticketsOf(round));
      this.#sent = { key, round, late: false };
    }
    return this.#sent;
  }

  /** One attempt; undefined where the round was not as it was thought to be. */
  async #tryJoin(
    sent: { readonly key: string; readonly round: number; late: boolean },
    begin: readonly Op[],
  ): Promise<Joined | undefined> {
    const { lease, patienceMs: timeoutMs } = this.#session;
    const all = { prefix: `${this.#keys.path}/` };
    const guards = [absent(sent.key), this.#keys.guard(this.#last)];
    const ops = [...begin, put(sent.key, this.#value, lease), read(all)];
    const wasLate = sent.late;
    sent.late = true;
    const committing = this.#client.store.commit(guards, ops, { timeoutMs, otherwise: [all] });
    const { ok, reads } = await orAbort(committing, this.#scope);
    const before = this.#last.modified;
    this.#last = this.#keys.situation(reads[0] ?? []);
    // While the round is as it was, an earlier attempt that comes late could still put the ticket, once it is gone.
    sent.late = wasLate && this.#last.modified === before;
    const ticket = this.#last.tickets.find(({ key }) => key === sent.key);
    if (ticket !== undefined) return { ticket, round: sent.round };
    if (ok) throw new CoordinationError('PROTOCOL_ERROR', 'A commit did not show what it put.', { key: sent.key });
    return undefined;
  }

  /** Whoever comes when as many as are needed are in already is one too many. */
  #checkRoom({ ticket }: Joined): void {
    const { round, tickets } = this.#last;
    if (round === undefined || round.members !== undefined) return;
    const place = tickets.filter(({ created }) => created <= ticket.created).length;
    if (place > round.count) throw this.#tooMany(round.count);
  }

  /** The round, where it is full with this member; waits where it is not full yet. */
  async #decide({ ticket, round: number }: Joined): Promise<Round | undefined> {
    const { round, tickets } = this.#last;
    const own = tickets.find(({ key }) => key === ticket.key);
    if (own?.created !== ticket.created || own.lease !== this.#session.lease) throw await this.#missing(ticket.key);
    if (round === undefined || round.round !== number) throw await this.#missing(ticket.key);
    if (round.members !== undefined) {
      if (round.members.includes(ticket.key)) return round;
      throw this.#tooMany(round.count);
    }
    const first = tickets.slice(0, round.count);
    if (first.length === round.count) return await this.#declareFull(round, first);
    await this.#change();
    return undefined;
  }

  /** Lets all members pass, if each of them is still in; undefined where the next look has to tell. */
  async #declareFull(round: Round, tickets: readonly Entry[]): Promise<Round | undefined> {
    // All of them have a lease.
    const alive = tickets.flatMap(({ key, created, lease }) =>
      lease === undefined ? [] : [held(key, created, lease)],
    );
    const full = { ...round, members: tickets.map(({ key }) => key) };
    const { store, clock, random } = this.#client;
    try {
      const guards = [this.#keys.guard(this.#last), ...alive];
      const options = { timeoutMs: this.#session.patienceMs };
      const { ok } = await orAbort(store.commit(guards, [this.#keys.write(full)], options), this.#scope);
      return ok ? full : undefined;
    } catch (error) {
      this.#scope.throwIfAborted();
      if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
      await new Backoff(clock, random).wait(this.#scope);
      return undefined;
    }
  }

  /** Waits until the key of the round is written, or long enough to look anyway: watches do lose events. */
  async #change(): Promise<void> {
    const { store, clock } = this.#client;
    const { modified } = this.#last;
    const { round: key } = this.#keys;
    await firstOf(this.#scope, [
      (wake, fail) => {
        const changed = ({ entries }: RangeView) => {
          if (entries.get(key)?.modified !== modified) wake();
        };
        const view = new RangeView(store, { key }, { changed, failed: fail });
        return () => view.stop();
      },
      (wake) => clock.after(this.#session.ttlMs, wake),
    ]);
  }

  /** Why the ticket is not in any more: with its lease, or by somebody's hand. */
  async #missing(key: string): Promise<CoordinationError> {
    const verifying = retrying(this.#client, this.#scope, () => this.#session.verify());
    if (!(await orAbort(verifying, this.#scope))) return this.#session.leaseGone(undefined);
    const sentence = `The ticket "${printable(key)}" was deleted or overwritten by somebody else while it waited.`;
    return new CoordinationError('TICKET_LOST', sentence, { key, lease: this.#session.lease });
  }

  #tooMany(count: number): CoordinationError {
    const { path } = this.#keys;
    const sentence = `The double barrier "${printable(path)}" has its ${count} members already.`;
    return new CoordinationError('TOO_MANY_MEMBERS', sentence, { key: path });
  }
}

/** The place of this ticket in the round, where that is full and this is among its members. */
function admissionOf({ round, tickets }: Situation, key: string): Admission | undefined {
  if (round?.members?.includes(key) !== true) return undefined;
  const ticket = tickets.find((entry) => entry.key === key);
  return ticket && { ticket, round };
}
