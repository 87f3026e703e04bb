import { checkCall, checkInteger, checkKnown, isInteger } from '../core/checks.js';
import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { checkPath } from '../core/keys.js';
import { untilRange } from '../core/range-view.js';
import { openScope, type Scope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { type SessionChoice, sessionSource } from './line-session.js';
import { Register } from './register.js';
import type { Decision, Seen } from './register-run.js';

export interface CountDownLatchOptions extends Pick<SessionChoice, 'session' | 'ttlMs'> {}

export interface CountDownOptions extends CallOptions {
  /** How many to count at once; an integer from 1. Default 1. */
  readonly by?: number | undefined;
}

/** A latch as the store keeps it. */
interface LatchState {
  /** What it counts down from. */
  readonly count: number;
  readonly left: number;
  /** How often it was reset. */
  readonly round: number;
}

/**
 * Opens when it was counted down `count` times, by whomever, and lets everybody pass from then on. Each count is taken
 * exactly once, even where the answer to it gets lost.
 */
export class CountDownLatch {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #count: number;
  readonly #register: Register;

  /**
   * Sends nothing. `count`: an integer from 1, the same for all who use the latch. Throws `INVALID_KEY`,
   * `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
   */
  constructor(client: ClientContext, path: string, count: number, options: CountDownLatchOptions = {}) {
    checkKnown(options, ['session', 'ttlMs'], 'CountDownLatch');
    checkPath(path);
    checkInteger(count, 'count', 1);
    this.#register = new Register(client, path, sessionSource(client, options));
    this.#client = client;
    this.#count = count;
    this.path = path;
  }

  /**
   * Counts down, exactly once, and resolves to how many are left; an open latch stays at 0. Outages are waited out for as
   * long as `signal` and `timeoutMs` allow. One round trip where nobody else counts.
   *
   * Rejects with `LIMIT_MISMATCH` where others use the latch with another count; with the reason of `signal`, `TIMEOUT`, or
   * `CLOSED` where the client is closed under it, after which it may have counted, or not, or count yet; with
   * `UNKNOWN_OUTCOME` where an answer was missing when the session was lost and others counted meanwhile, or when the store
   * began to refuse; with `CORRUPT_DATA`, `SESSION_LOST` and what the store refuses, when nothing was counted.
   */
  async countDown(options: CountDownOptions = {}): Promise<number> {
    checkCall(options, 'countDown', ['by']);
    const { by = 1, ...call } = options;
    checkInteger(by, 'by', 1);
    const next = (state: LatchState) => ({ ...state, left: Math.max(0, state.left - by) });
    return (await this.#change(call, 'counting down', next)).left;
  }

  /** How many are left until it opens. Rejects as {@link CountDownLatch.countDown}. One round trip. */
  async count(options: CallOptions = {}): Promise<number> {
    checkCall(options, 'count');
    using scope = this.#scope('reading', options);
    return this.#stateOf(await this.#register.read(scope)).left;
  }

  /**
   * Waits until it is open. Leaves nothing behind, however it ends. One watch. Rejects with the reason of `signal`, with
   * `TIMEOUT`, `LIMIT_MISMATCH`, `CORRUPT_DATA`, `CLOSED`, or with what the store refuses.
   */
  async wait(options: CallOptions = {}): Promise<void> {
    checkCall(options, 'wait');
    using scope = this.#scope('waiting for', options);
    let first: number | undefined;
    await untilRange(this.#client, { key: this.path }, scope, ({ entries }) => {
      const { left, round } = this.#stateOf(entries.get(this.path));
      first ??= round;
      // A later round begins only after this one's latch was open.
      return left === 0 || round > first ? true : undefined;
    });
  }

  /**
   * Closes an open latch for another round, and resolves to whether it was open; a closed one stays as it is. Whoever
   * waited for the last round still passes, whoever waits from now on waits for the next. Counts that come late count for
   * the new round. Rejects as {@link CountDownLatch.countDown}. One round trip, one more where this object has not seen the last write.
   */
  async reset(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'reset');
    const next = ({ left, count, round }: LatchState) =>
      left === 0 ? { count, left: count, round: round + 1 } : { count, left, round };
    const { left, was } = await this.#change(options, 'resetting', next);
    return was === 0 && left > 0;
  }

  async #change(options: CallOptions, what: string, next: (state: LatchState) => LatchState) {
    using scope = this.#scope(what, options);
    const decide = (seen: Seen | undefined): Decision => {
      const state = this.#stateOf(seen);
      const { count, left, round } = next(state);
      if (left === state.left) return 'keep';
      return { put: encodeText(JSON.stringify({ count, left, round })) };
    };
    const { before } = await this.#register.change(scope, decide);
    const was = this.#stateOf(before);
    return { was: was.left, left: next(was).left };
  }

  #scope(what: string, options: CallOptions): Scope {
    return openScope(this.#client.clock, options, `${what} the latch "${printable(this.path)}"`);
  }

  #stateOf(seen: Pick<Seen, 'value'> | undefined): LatchState {
    const key = this.path;
    if (seen === undefined) return { count: this.#count, left: this.#count, round: 0 };
    const { count, left, round } = decodeJsonObject(seen.value) ?? {};
    if (!isInteger(count, 0) || !isInteger(left, 0) || !isInteger(round, 0)) {
      throw new CoordinationError('CORRUPT_DATA', `"${printable(key)}" does not hold a latch.`, { key });
    }
    if (count === this.#count) return { count, left, round };
    const sentence = `The latch "${printable(key)}" counts from ${count}, not from ${this.#count}.`;
    throw new CoordinationError('LIMIT_MISMATCH', sentence, { key, field: 'count' });
  }
}
