import { Backoff } from '../core/backoff.js';
import { checkCall, checkFunction, checkInteger, checkRange, invalidOption } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { checkPath } from '../core/keys.js';
import { openScope, orAbort, type Scope } from '../core/signals.js';
import type { CallOptions, Commit, Range } from '../core/store.js';
import { Typed, type Typing, typingOptions } from '../core/typed.js';
import { CoordinationError, isCoordinationError, printable } from '../errors.js';
import { retrying } from './line-session.js';
import { Attempt, type Transaction } from './stm-attempt.js';
import {
  type Check,
  type Conflict,
  checkRoom,
  conflictError,
  conflictOf,
  guardsOf,
  type Known,
  levels,
  nameOfRange,
  otherwiseOf,
} from './stm-checks.js';
import { Lanes, newest, type Turn } from './stm-lanes.js';
import { commitMarked } from './stm-marker.js';

export type { Transaction } from './stm-attempt.js';

/**
 * How much a transaction is kept apart from others.
 *
 * - `serializable-snapshot`: as `serializable`, and nobody else wrote, since the first read, what it writes without having
 *   read it. On Consul that goes for keys that are prefetched.
 * - `serializable`: all reads are of one revision, also while the function runs, and still so when it is committed. No key
 *   was added to a range that was read: where the store cannot tell (Consul), reading a range is `UNSUPPORTED`.
 * - `repeatable-reads`: every key that was read is still as it was when it is committed. Until then, reads can be of
 *   different revisions, and keys can be added to ranges.
 * - `read-committed`: nothing is checked. What others write in between is overwritten.
 */
export type Isolation = keyof typeof levels;

export interface StmOptions<V = unknown> extends CallOptions, Typing<V> {
  /** Default `serializable-snapshot`. */
  readonly isolation?: Isolation | undefined;
  /** Keys, and ranges, to read together at the beginning, in one round trip. Default: none. */
  readonly prefetch?: readonly (string | Range)[] | undefined;
  /** How often it is made again after a conflict: an integer from 0. Default 100. */
  readonly maxRetries?: number | undefined;
  /**
   * Where the keys lie by which it is found out whether a commit was made whose answer got lost. `false`: nowhere; then
   * such a commit rejects with `UNKNOWN_OUTCOME`. Default `/.coterie/stm`.
   */
  readonly marker?: string | false | undefined;
}

/** What became of a transaction. */
export interface StmResult<R> {
  /** What the function returned. */
  readonly value: R;
  /** Where it was applied; where it wrote nothing, where its reads are from. 0 where it neither read nor wrote. */
  readonly revision: bigint;
  /** How often the function was run. */
  readonly attempts: number;
}

const optionNames = [...typingOptions, 'isolation', 'prefetch', 'maxRetries', 'marker'];
const defaultMarker = '/.coterie/stm';
const defaultRetries = 100;
/** So many retries follow at once, since each conflict means that somebody else got on; then pauses keep others apart. */
const retriesAtOnce = 6;

/**
 * Runs a function as a transaction over any keys: all of what it writes is applied at once, if what it read is still so,
 * else it is run again. Resolves to what it returned. It must have no other effects than those by `tx`, since it may run
 * several times; when it throws, nothing is applied, and this rejects with what it threw.
 *
 * One round trip for the commit, and one for each read that the function waits for, or one for all that is in `prefetch`;
 * none for the commit where nothing is written. After a conflict what was read is known already.
 *
 * Rejects with `CONFLICT` after `maxRetries`, whose `keys` are those that others changed; `TOO_MANY_OPS` where one commit
 * cannot hold it; `UNSUPPORTED` for ranges that the store cannot guard; the reason of `signal`; `TIMEOUT`;
 * `UNKNOWN_OUTCOME` where it could not be told in time whether it was committed; or an error of the store that waiting does
 * not mend. Also `INVALID_OPTION`, `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_VALUE`, `DUPLICATE_KEY`. Whoever aborts while
 * the commit is under way does not learn what became of it.
 */
export async function stm<R, V = unknown>(
  client: ClientContext,
  fn: (tx: Transaction<V>) => Promise<R> | R,
  options: StmOptions<V> = {},
): Promise<R> {
  return (await stmResult(client, fn, options)).value;
}

/** As {@link stm}, and tells at which revision it was applied, and how many attempts it took. */
export async function stmResult<R, V = unknown>(
  client: ClientContext,
  fn: (tx: Transaction<V>) => Promise<R> | R,
  options: StmOptions<V> = {},
): Promise<StmResult<R>> {
  const settings = check(fn, options);
  const scope = openScope(client.clock, options, 'a transaction');
  try {
    return await new Stm(client, scope, settings).run(fn);
  } catch (error) {
    // Of an abort, what its caller has said of it is told.
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    scope[Symbol.dispose]();
  }
}

interface Settings<V> {
  readonly level: (typeof levels)[Isolation];
  readonly typed: Typed<V>;
  readonly prefetch: readonly Range[];
  readonly maxRetries: number;
  readonly marker: string | false;
}

function check<V>(fn: unknown, options: StmOptions<V>): Settings<V> {
  checkCall(options, 'stm', optionNames);
  const { isolation = 'serializable-snapshot', prefetch = [], maxRetries = defaultRetries } = options;
  const { marker = defaultMarker } = options;
  checkFunction(fn, 'fn');
  if (!Object.hasOwn(levels, isolation)) {
    throw invalidOption(
      'isolation',
      `isolation must be one of ${Object.keys(levels).join(', ')}, got ${printable(isolation)}.`,
    );
  }
  checkInteger(maxRetries, 'maxRetries', 0);
  if (!Array.isArray(prefetch)) throw invalidOption('prefetch', 'prefetch must be an array of keys and ranges.');
  const ranges = prefetch.map((one: string | Range) => (typeof one === 'string' ? { key: one } : one));
  for (const range of ranges) checkRange(range);
  if (marker !== false) checkPath(marker);
  return { level: levels[isolation], typed: new Typed(options), prefetch: ranges, maxRetries, marker };
}

/** Why a transaction has to be made again. `refused`: the store would not have it, or what was read is no longer so. */
interface Again {
  readonly refused: boolean;
  readonly conflict: Conflict;
}

/** One transaction, over as many attempts as it takes. */
class Stm<V> {
  readonly #client: ClientContext;
  readonly #scope: Scope;
  readonly #settings: Settings<V>;
  readonly #lanes: Lanes;
  #turn: Turn | undefined;
  /** What to tell the next one that gets the turn. */
  #after: readonly Known[] = [];
  #attempts = 0;

  constructor(client: ClientContext, scope: Scope, settings: Settings<V>) {
    this.#client = client;
    this.#scope = scope;
    this.#settings = settings;
    this.#lanes = client.shared(Lanes);
  }

  async run<R>(fn: (tx: Transaction<V>) => Promise<R> | R): Promise<StmResult<R>> {
    const { clock, random } = this.#client;
    const backoff = new Backoff(clock, random, { baseMs: 1, capMs: 20 });
    let known: readonly Known[] = [];
    let retries = 0;
    try {
      for (;;) {
        const result = await this.#attempt(fn, known);
        if ('value' in result) return { ...result, attempts: this.#attempts };
        const { refused, conflict } = result;
        known = conflict.now;
        if (!refused) continue;
        if (++retries > this.#settings.maxRetries) throw gaveUp(this.#attempts, conflict);
        if (this.#turn === undefined) known = newest(known, await this.#takeTurn(conflict.keys));
        else if (retries > retriesAtOnce) await backoff.wait(this.#scope);
      }
    } finally {
      this.#turn?.leave(this.#after);
    }
  }

  async #takeTurn(keys: readonly string[]): Promise<readonly Known[]> {
    this.#turn = await this.#lanes.enter(keys, this.#scope);
    return this.#turn.known;
  }

  async #attempt<R>(
    fn: (tx: Transaction<V>) => Promise<R> | R,
    known: readonly Known[],
  ): Promise<{ readonly value: R; readonly revision: bigint } | Again> {
    const { level, typed, prefetch } = this.#settings;
    const attempt = new Attempt({ client: this.#client, scope: this.#scope, level, known }, typed);
    let value: R;
    try {
      if (this.#attempts++ === 0 && prefetch.length > 0) await attempt.reads.prefetch(prefetch);
      value = await attempt.run(fn);
    } catch (error) {
      const { failed } = attempt.reads;
      if (failed?.conflict === undefined) throw error;
      return { refused: true, conflict: failed.conflict };
    }
    const committed = await this.#commit(attempt);
    return 'conflict' in committed ? committed : { value, revision: committed.revision };
  }

  async #commit(attempt: Attempt<V>): Promise<Again | { readonly revision: bigint }> {
    const ops = await attempt.ops();
    if (ops.length === 0 && attempt.consistent) return { revision: attempt.reads.revision };
    const { traits } = this.#client.store;
    const checks = attempt.checks();
    const guards = guardsOf(checks);
    const marks = ops.length > 0 && this.#settings.marker !== false ? 1 : 0;
    checkRoom(traits, guards.length + ops.length + 2 * marks);
    const overtaken = ops.length > 0 ? await this.#waitForTurn(checks) : undefined;
    if (overtaken !== undefined) return { refused: false, conflict: overtaken };
    const otherwise = otherwiseOf(checks, traits, guards.length + 2 * marks);
    const commit = await this.#send({ guards, ops, otherwise });
    if (!commit.ok) return { refused: true, conflict: conflictOf(checks, commit.reads, commit.revision) };
    if (this.#turn !== undefined) this.#after = await attempt.after(commit.revision);
    return commit;
  }

  /** Waits where others of this client have the turn at a key. Resolves to what they have changed of what was read. */
  async #waitForTurn(checks: readonly Check[]): Promise<Conflict | undefined> {
    if (this.#turn !== undefined) return undefined;
    const busy = this.#lanes.busy(checks.flatMap(({ range }) => ('key' in range ? [range.key] : [])));
    if (busy.length === 0) return undefined;
    const now = await this.#takeTurn(busy);
    const keys = checks.flatMap(({ range, broken }) => {
      const known = now.find((one) => nameOfRange(one.range) === nameOfRange(range));
      return known === undefined ? [] : broken(known.entries);
    });
    return keys.length === 0 ? undefined : { keys, now };
  }

  #send(commit: Parameters<typeof commitMarked>[3]): Promise<Commit> {
    const { marker } = this.#settings;
    const { guards, ops, otherwise } = commit;
    if (marker !== false && ops.length > 0) return commitMarked(this.#client, this.#scope, marker, commit);
    const scope = this.#scope;
    const call = (): Promise<Commit> => orAbort(this.#client.store.commit(guards, ops, { otherwise }), scope);
    return retrying(this.#client, scope, () => {
      return call().catch((error: unknown) => {
        const untold = scope.aborted || isCoordinationError(error, 'CLOSED');
        throw untold && ops.length > 0 ? unknown(error) : error;
      });
    });
  }
}

function unknown(cause: unknown): CoordinationError {
  const sentence =
    'It cannot be told whether a transaction was committed: its time was over, or its client closed, before the answer came.';
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { cause });
}

function gaveUp(attempts: number, conflict: Conflict): CoordinationError {
  return conflictError(`A transaction was made ${attempts} times, and others were in the way each time`, conflict);
}
