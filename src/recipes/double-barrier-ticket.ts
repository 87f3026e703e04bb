import { Backoff } from '../core/backoff.js';
import type { Ticket } from '../core/key-watch.js';
import { orAbort } from '../core/signals.js';
import { absent, type Op, put, read, remove } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { type Admission, admissionOf, tooManyError } from './double-barrier-round.js';
import type { EntranceParts, RoundSight } from './double-barrier-sight.js';

/** A ticket that was put, and the round that it was put in. */
export interface Joined {
  readonly ticket: Ticket;
  readonly round: number;
}

/** A ticket that was sent, and whether a put of it may still be under way. */
interface Sent {
  readonly key: string;
  readonly round: number;
  late: boolean;
}

/**
 * The ticket of one member: puts it into a round, and takes it out of one. It is put only while the key of the round is as
 * it was seen.
 */
export class RoundTicket {
  readonly #parts: EntranceParts;
  readonly #sight: RoundSight;
  /** The one that was sent last. */
  #sent: Sent | undefined;

  constructor(parts: EntranceParts, sight: RoundSight) {
    this.#parts = parts;
    this.#sight = sight;
  }

  /** Puts the ticket into the round that is filling, or into a new one where the last one is over. */
  async join(): Promise<Joined> {
    const { client, session, scope } = this.#parts;
    const backoff = new Backoff(client.clock, client.random);
    await this.#sight.look();
    for (;;) {
      const [round, ops] = this.#nextRound();
      const sent = this.#ticketIn(round);
      try {
        const joined = await this.#tryJoin(sent, ops);
        if (joined !== undefined) return joined;
      } catch (error) {
        scope.throwIfAborted();
        if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw session.leaseGone(error);
        if (!isCoordinationError(error, 'UNKNOWN_OUTCOME') && !isRetryable(error)) throw error;
        await backoff.wait(scope);
      }
    }
  }

  /**
   * Takes the ticket out of a round that may be full. Tries until the store has said how it stands. Resolves to the
   * round where that was full before the ticket was out: then this one is among its members. Rejects with the reason of the
   * session where that ends first: the ticket goes with it, and it is not known whether that was soon enough.
   */
  async withdraw(): Promise<Admission | undefined> {
    const { client, session, keys } = this.#parts;
    const { clock, random, store } = client;
    const sent = this.#sent;
    const backoff = new Backoff(clock, random);
    while (sent !== undefined) {
      session.signal.throwIfAborted();
      const admission = admissionOf(this.#sight.last, sent.key);
      if (admission !== undefined) return admission;
      try {
        const options = { timeoutMs: session.patienceMs, otherwise: [{ prefix: `${keys.path}/` }] };
        const ops = [remove(sent.key), ...(sent.late ? [this.#bump()] : [])];
        const { ok, reads } = await store.commit([this.#sight.guard], ops, options);
        // It may have been a member that is dead: the round went on, and the ticket went with its lease.
        if (ok && this.#overtaken(sent) && !(await session.verify())) session.signal.throwIfAborted();
        if (ok) return undefined;
        this.#sight.learn(reads[0] ?? []);
      } catch (error) {
        if (isCoordinationError(error, 'CORRUPT_DATA')) {
          this.abandon();
          throw error;
        }
        // Whatever else the store refuses for now: the ticket must not stay for as long as the session lives.
        await backoff.wait(session.signal);
      }
    }
    return undefined;
  }

  /** Takes the ticket out of a round that is full: its member has left. */
  abandon(): void {
    if (this.#sent !== undefined) void this.#parts.session.cleanUp(this.#sent.key, false);
  }

  /** Whether the round that it joined is full, with it or without, or over. */
  #overtaken({ round }: Sent): boolean {
    const last = this.#sight.last.round;
    return last !== undefined && (last.round !== round || last.members !== undefined);
  }

  /** Writes the round as it is, so that whatever was to be put while it was as before is put no more. */
  #bump(): Op {
    const { keys, count } = this.#parts;
    return keys.write(this.#sight.last.round ?? { round: 1, count, members: undefined });
  }

  /** The round to join, and what has to be written to begin it. */
  #nextRound(): readonly [round: number, ops: readonly Op[]] {
    const { keys, count } = this.#parts;
    const { round, tickets } = this.#sight.last;
    const begin = (number: number) => [number, [keys.write({ round: number, count, members: undefined })]] as const;
    if (round === undefined) return begin(1);
    const { path } = keys;
    if (round.members !== undefined) {
      const { members } = round;
      if (!tickets.some(({ key }) => members.includes(key))) return begin(round.round + 1);
      throw tooManyError(path, round.count);
    }
    if (round.count === count) return [round.round, []];
    const sentence = `The double barrier "${printable(path)}" is for ${round.count} members, not for ${count}.`;
    throw new CoordinationError('LIMIT_MISMATCH', sentence, { key: path, field: 'count' });
  }

  #ticketIn(round: number): Sent {
    if (this.#sent?.round !== round) {
      const { session, keys } = this.#parts;
      const key = session.names.takeTicket(keys.ticketsOf(round));
      this.#sent = { key, round, late: false };
    }
    return this.#sent;
  }

  /** One attempt; undefined where the round was not as it was thought to be. */
  async #tryJoin(sent: Sent, begin: readonly Op[]): Promise<Joined | undefined> {
    const { client, session, keys, value, scope } = this.#parts;
    const { lease, patienceMs: timeoutMs } = session;
    const all = { prefix: `${keys.path}/` };
    const guards = [absent(sent.key), this.#sight.guard];
    const ops = [...begin, put(sent.key, value, lease), read(all)];
    const wasLate = sent.late;
    sent.late = true;
    const committing = client.store.commit(guards, ops, { timeoutMs, otherwise: [all] });
    const { ok, reads } = await orAbort(committing, scope);
    const before = this.#sight.last.modified;
    this.#sight.learn(reads[0] ?? []);
    const { modified, tickets } = this.#sight.last;
    // While the round is as it was, an earlier attempt that comes late could still put the ticket, once it is gone.
    sent.late = wasLate && modified === before;
    const ticket = tickets.find(({ key }) => key === sent.key);
    if (ticket !== undefined) return { ticket, round: sent.round };
    if (ok) throw new CoordinationError('PROTOCOL_ERROR', 'A commit did not show what it put.', { key: sent.key });
    return undefined;
  }
}
