import { checkCall, checkKnown, checkOptions } from '../core/checks.js';
import { encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { Hold, type HoldParts } from '../core/hold.js';
import { checkPath } from '../core/keys.js';
import { untilRange } from '../core/range-view.js';
import type { Session } from '../core/session.js';
import { openScope, orAbort, type Scope, within } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, type ErrorCode, isCoordinationError, printable } from '../errors.js';
import { Entrance } from './double-barrier-entrance.js';
import { type Admission, checkMembers, RoundKeys } from './double-barrier-round.js';
import { type SessionChoice, type SessionSource, sessionSource } from './line-session.js';

export interface DoubleBarrierOptions extends Pick<SessionChoice, 'session' | 'ttlMs'> {}

function isOneOf(error: unknown, codes: readonly ErrorCode[]): error is CoordinationError {
  return isCoordinationError(error) && codes.includes(error.code);
}

/** How long one that gives up may keep its caller waiting for the store before the rest is done in the background. */
const withdrawWithinMs = 1_000;

/** Being in: the {@link Hold} of a member of a round that was full. */
export class BarrierMembership extends Hold {
  /** Which round it is, from 1. */
  readonly round: number;
  readonly #members: ReadonlySet<string>;
  readonly #prefix: string;

  /** @internal */
  constructor(parts: HoldParts, prefix: string, round: number, members: readonly string[]) {
    super(parts);
    this.round = round;
    this.#prefix = prefix;
    this.#members = new Set(members);
  }

  /**
   * Leaves, and waits until all members of the round have left or died. Resolves to whether this one was in until then.
   * Rejects with the reason of `signal` or `TIMEOUT`: this one has left all the same, and may call again to wait on; with
   * `CLOSED`, or with what the store refuses. One round trip and one watch. {@link Hold.release} leaves without waiting.
   */
  async leave(options: CallOptions = {}): Promise<boolean> {
    checkOptions(options, 'leave');
    using scope = openScope(this.client.clock, options, `leaving "${printable(this.#prefix)}"`);
    const wasIn = await orAbort(this.release(), scope);
    await untilRange(this.client, { prefix: this.#prefix }, scope, ({ entries }) => {
      return [...entries.keys()].some((key) => this.#members.has(key)) ? undefined : true;
    });
    return wasIn;
  }
}

/**
 * Lets `count` members begin together, and end together: nobody gets in before all are there, and nobody gets out before
 * all have left or died. Then it is there for the next round.
 *
 * All members of a round have the same outcome: either the store has found all of them alive in the one commit that lets
 * them pass, or none passes.
 */
export class DoubleBarrier {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #count: number;
  readonly #keys: RoundKeys;
  readonly #sessions: SessionSource;

  /**
   * Sends nothing. `count`: how many members a round has, from 1 to 124 (Consul: 60), the same for all who use the
   * barrier. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
   */
  constructor(client: ClientContext, path: string, count: number, options: DoubleBarrierOptions = {}) {
    checkKnown(options, ['session', 'ttlMs'], 'DoubleBarrier');
    checkPath(path);
    checkMembers(count, client.store.traits);
    this.#sessions = sessionSource(client, { ...options, onSessionLost: 'reject' });
    this.#keys = new RoundKeys(path);
    this.#client = client;
    this.#count = count;
    this.path = path;
  }

  /**
   * Goes in, and waits until `count` are in. Two round trips, one more for the last one; a watch for who has to wait.
   *
   * Rejects with `TOO_MANY_MEMBERS` where a round is full whose members have not all left, and where `count` others are
   * waiting already; with the reason of `signal`; with `TIMEOUT`; with `SESSION_LOST`; with `TICKET_LOST` where somebody
   * deleted the ticket; with `LIMIT_MISMATCH` where others use another count; with `CORRUPT_DATA`, `CLOSED`, or an error of
   * the store that waiting does not mend. In each case it is out again, and did not help the others to pass. Where the round
   * was full before it could get out, neither a `timeoutMs` that has run out nor `TOO_MANY_MEMBERS` counts any more, and one
   * that was aborted counts as having left. Where the store cannot be asked for a second, both are `UNKNOWN_OUTCOME`: the
   * others may pass with this one until it is out, at the latest when its session ends, as they may after an abort, or
   * while the store refuses everything.
   */
  async enter(options: CallOptions = {}): Promise<BarrierMembership> {
    checkCall(options, 'enter');
    using scope = openScope(this.#client.clock, options, `entering "${printable(this.path)}"`);
    const session = await this.#sessions.get(scope);
    session.onEnd(scope.abort);
    try {
      return await this.#enter(session, scope, options.signal);
    } finally {
      session.offEnd(scope.abort);
    }
  }

  async #enter(session: Session, scope: Scope, signal: AbortSignal | undefined): Promise<BarrierMembership> {
    const { host, pid } = this.#client.identity;
    const value = encodeText(JSON.stringify({ kind: 'double-barrier', host, pid }));
    const parts = { client: this.#client, session, keys: this.#keys, count: this.#count, value, scope };
    const entrance = new Entrance(parts);
    try {
      return this.#membership(session, await entrance.pass());
    } catch (error) {
      // It still wants in; and where one of those before it has died, there may have been room after all.
      const wantsIn = !signal?.aborted && isOneOf(error, ['TIMEOUT', 'TOO_MANY_MEMBERS']);
      const admission = await this.#withdraw(entrance, wantsIn ? error : undefined);
      if (admission === undefined) throw error;
      if (wantsIn && (await this.#isLive(session))) return this.#membership(session, admission);
      entrance.abandon();
      if (wantsIn) session.signal.throwIfAborted();
      throw wantsIn ? this.#unknown(error) : error;
    }
  }

  /** Takes the ticket out: now if the store can be reached, else in the background. */
  async #withdraw(entrance: Entrance, refusal: CoordinationError | undefined): Promise<Admission | undefined> {
    let told = false;
    const withdrawing = entrance.withdraw().then((admission) => {
      // Nobody waits for it any more.
      if (told && admission !== undefined) entrance.abandon();
      return admission;
    });
    try {
      return await within(this.#client.clock, { timeoutMs: withdrawWithinMs }, 'withdrawing', withdrawing);
    } catch (error) {
      told = true;
      if (refusal === undefined) return undefined;
      if (!isCoordinationError(error, 'TIMEOUT')) throw error;
      throw this.#unknown(refusal);
    }
  }

  #unknown(cause: CoordinationError): CoordinationError {
    const sentence = `Whether the others pass "${printable(this.path)}" with this one cannot be told: no answer came.`;
    return new CoordinationError('UNKNOWN_OUTCOME', sentence, { key: this.path, cause });
  }

  /** Whether a session is live; where it is in doubt, as after a sleep of the machine, by the word of the store. */
  async #isLive(session: Session): Promise<boolean> {
    if (session.isLive()) return true;
    const options = { timeoutMs: withdrawWithinMs };
    await within(this.#client.clock, options, 'confirming a session', session.confirm()).catch(() => {});
    return session.isLive();
  }

  #membership(session: Session, { ticket, round: { round, members = [] } }: Admission): BarrierMembership {
    const parts = { client: this.#client, session, ticket, late: false, watch: undefined };
    return new BarrierMembership(parts, `${this.#keys.ticketsOf(round)}/`, round, members);
  }
}
