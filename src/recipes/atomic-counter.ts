import { Batches } from '../core/batches.js';
import { checkCall, checkKnown } from '../core/checks.js';
import { decodeText, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { checkPath } from '../core/keys.js';
import { openScope, type Scope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { type SessionChoice, sessionSource } from './line-session.js';
import { Register } from './register.js';
import type { Decision, Seen } from './register-run.js';

export interface AtomicCounterOptions extends Pick<SessionChoice, 'session' | 'ttlMs'> {}

/** What a step made of the counter. */
interface Step {
  readonly before: bigint;
  readonly after: bigint;
}

/**
 * A whole number that many processes count on, exactly: no addition is lost, and none is counted twice, not even where
 * the answer to it gets lost. Of any size. What was never written is 0.
 *
 * Additions made at once through one counter object travel together.
 */
export class AtomicCounter {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #register: Register;
  readonly #steps: Batches<(value: bigint) => bigint, Step>;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: AtomicCounterOptions = {}) {
    checkKnown(options, ['session', 'ttlMs'], 'AtomicCounter');
    checkPath(path);
    this.#register = new Register(client, path, sessionSource(client, options));
    this.#steps = new Batches(client.clock, (steps, scope) => this.#apply(steps, scope));
    this.#client = client;
    this.path = path;
  }

  /**
   * The value now: it counts every addition that had ended before the call. Rejects with `CORRUPT_DATA` where the key
   * holds no whole number, else as {@link AtomicCounter.add}. One round trip.
   */
  async get(options: CallOptions = {}): Promise<bigint> {
    checkCall(options, 'get');
    using scope = openScope(this.#client.clock, options, `reading "${printable(this.path)}"`);
    return numberOf(await this.#register.read(scope), this.path);
  }

  /**
   * Adds `amount`, which may be negative, exactly once, and resolves to the value right after it. Outages are waited out,
   * and others that write at the same time, for as long as `signal` and `timeoutMs` allow. One round trip where nobody
   * else writes; one more for each time that somebody else was quicker.
   *
   * Rejects with `INVALID_VALUE` for what is no bigint; with the reason of `signal`, `TIMEOUT`, or `CLOSED` where the client
   * is closed under it, after which the addition may have been made, or not, or be made yet; with `UNKNOWN_OUTCOME` where an
   * answer was missing when the session was lost and others wrote meanwhile, or when the store began to refuse; with
   * `CORRUPT_DATA`, `SESSION_LOST` and what the store refuses, when nothing was added.
   */
  async add(amount: bigint, options: CallOptions = {}): Promise<bigint> {
    checkBigint(amount, 'amount', this.path);
    return (await this.#step('add', (value) => value + amount, options)).after;
  }

  /** As {@link AtomicCounter.add} of 1. */
  async increment(options: CallOptions = {}): Promise<bigint> {
    return (await this.#step('increment', (value) => value + 1n, options)).after;
  }

  /**
   * Makes it `next` if it is `expected`, exactly once, and resolves to whether it was. Rejects as
   * {@link AtomicCounter.add}. One round trip, one more where this object has not seen the last write.
   */
  async compareAndSet(expected: bigint, next: bigint, options: CallOptions = {}): Promise<boolean> {
    checkBigint(expected, 'expected', this.path);
    checkBigint(next, 'next', this.path);
    const step = await this.#step('compareAndSet', (value) => (value === expected ? next : value), options);
    return step.before === expected;
  }

  async #step(what: string, step: (value: bigint) => bigint, options: CallOptions): Promise<Step> {
    checkCall(options, what);
    using scope = openScope(this.#client.clock, options, `changing "${printable(this.path)}"`);
    return await this.#steps.submit(step, scope);
  }

  /** All steps in one commit, one after the other. */
  async #apply(steps: readonly ((value: bigint) => bigint)[], scope: Scope): Promise<readonly Step[]> {
    const decide = (seen: Seen | undefined): Decision => {
      const value = numberOf(seen, this.path);
      const end = runThrough(steps, value).at(-1)?.after ?? value;
      return end === value ? 'keep' : { put: encodeText(`${end}`) };
    };
    const { before } = await this.#register.change(scope, decide);
    return runThrough(steps, numberOf(before, this.path));
  }
}

function runThrough(steps: readonly ((value: bigint) => bigint)[], from: bigint): Step[] {
  let after = from;
  return steps.map((step) => {
    const before = after;
    after = step(before);
    return { before, after };
  });
}

function numberOf(seen: Seen | undefined, key: string): bigint {
  if (seen === undefined) return 0n;
  const text = decodeText(seen.value);
  if (/^-?\d+$/.test(text)) return BigInt(text);
  throw new CoordinationError('CORRUPT_DATA', `"${printable(key)}" does not hold a whole number.`, { key });
}

function checkBigint(value: unknown, field: string, key: string): asserts value is bigint {
  if (typeof value === 'bigint') return;
  const sentence = `${field} must be a bigint, like 1n, got ${printable(typeof value)}.`;
  throw new CoordinationError('INVALID_VALUE', sentence, { key, field });
}
