import { Backoff } from '../core/backoff.js';
import { orAbort } from '../core/signals.js';
import { type Entry, held } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { type Admission, type Round, tooManyError } from './double-barrier-round.js';
import { type EntranceParts, RoundSight } from './double-barrier-sight.js';
import { type Joined, RoundTicket } from './double-barrier-ticket.js';
import { confirmed, retrying } from './line-session.js';

/**
 * One member's way into a double barrier. A ticket is put only while the key of the round is as it was seen, and a round
 * is declared full by writing that key, in a commit that checks the tickets of all its members. So nobody can slip into a
 * round that is full or over, and either all members of a round pass, or none.
 */
export class Entrance {
  readonly #parts: EntranceParts;
  readonly #sight: RoundSight;
  readonly #ticket: RoundTicket;

  constructor(parts: EntranceParts) {
    this.#parts = parts;
    this.#sight = new RoundSight(parts);
    this.#ticket = new RoundTicket(parts, this.#sight);
  }

  /** Joins, and waits until the round is full. */
  async pass(): Promise<Admission> {
    const { client, session, scope } = this.#parts;
    const joined = await this.#ticket.join();
    this.#checkRoom(joined);
    for (;;) {
      const round = await this.#decide(joined);
      if (round !== undefined) {
        await confirmed(client, session, scope);
        scope.throwIfAborted();
        return { ticket: joined.ticket, round };
      }
      await this.#sight.look();
    }
  }

  /** Takes the ticket out, after {@link pass} has failed: as {@link RoundTicket.withdraw}. */
  withdraw(): Promise<Admission | undefined> {
    return this.#ticket.withdraw();
  }

  /** Takes the ticket out of a round that is full: its member has left. */
  abandon(): void {
    this.#ticket.abandon();
  }

  /** Whoever comes when as many as are needed are in already is one too many. */
  #checkRoom({ ticket }: Joined): void {
    const { round, tickets } = this.#sight.last;
    if (round === undefined || round.members !== undefined) return;
    const place = tickets.filter(({ created }) => created <= ticket.created).length;
    if (place > round.count) throw tooManyError(this.#parts.keys.path, round.count);
  }

  /** The round, where it is full with this member; waits where it is not full yet. */
  async #decide({ ticket, round: number }: Joined): Promise<Round | undefined> {
    const { session, keys } = this.#parts;
    const { round, tickets } = this.#sight.last;
    const own = tickets.find(({ key }) => key === ticket.key);
    if (own?.created !== ticket.created || own.lease !== session.lease) throw await this.#missing(ticket.key);
    if (round === undefined || round.round !== number) throw await this.#missing(ticket.key);
    if (round.members !== undefined) {
      if (round.members.includes(ticket.key)) return round;
      throw tooManyError(keys.path, round.count);
    }
    const first = tickets.slice(0, round.count);
    if (first.length === round.count) return await this.#declareFull(round, first);
    await this.#sight.change();
    return undefined;
  }

  /** Lets all members pass, if each of them is still in; undefined where the next look has to tell. */
  async #declareFull(round: Round, tickets: readonly Entry[]): Promise<Round | undefined> {
    // All of them have a lease.
    const alive = tickets.flatMap(({ key, created, lease }) =>
      lease === undefined ? [] : [held(key, created, lease)],
    );
    const full = { ...round, members: tickets.map(({ key }) => key) };
    const { client, session, keys, scope } = this.#parts;
    const { store, clock, random } = client;
    try {
      const guards = [this.#sight.guard, ...alive];
      const options = { timeoutMs: session.patienceMs };
      const { ok } = await orAbort(store.commit(guards, [keys.write(full)], options), scope);
      return ok ? full : undefined;
    } catch (error) {
      scope.throwIfAborted();
      if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
      await new Backoff(clock, random).wait(scope);
      return undefined;
    }
  }

  /** Why the ticket is not in any more: with its lease, or by somebody's hand. */
  async #missing(key: string): Promise<CoordinationError> {
    const { client, session, scope } = this.#parts;
    const verifying = retrying(client, scope, () => session.verify());
    if (!(await orAbort(verifying, scope))) return session.leaseGone(undefined);
    const sentence = `The ticket "${printable(key)}" was deleted or overwritten by somebody else while it waited.`;
    return new CoordinationError('TICKET_LOST', sentence, { key, lease: session.lease });
  }
}
