import { AuditedWatch } from '../core/audited-watch.js';
import { checkCall, checkFunction, checkKnown } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { checkPath } from '../core/keys.js';
import { openScope, type Scope } from '../core/signals.js';
import type { Batch, CallOptions, Entry } from '../core/store.js';
import { Typed, type Typing, typingOptions } from '../core/typed.js';
import { printable } from '../errors.js';
import { type SessionChoice, sessionSource } from './line-session.js';
import { Register } from './register.js';
import type { Decision, Seen } from './register-run.js';

export interface SharedValueOptions<T> extends Typing<T>, Pick<SessionChoice, 'session' | 'ttlMs'> {}

/** A value as it was at a revision of the store; `value` is undefined where there was none. */
export interface Versioned<T> {
  readonly value: T | undefined;
  readonly revision: bigint;
}

/**
 * One value that many processes read and change, as if they did so one after the other: no change is lost, and none is
 * made twice, not even where the answer to it gets lost.
 */
export class SharedValue<T = unknown> {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #typed: Typed<T>;
  readonly #register: Register;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: SharedValueOptions<T> = {}) {
    checkKnown(options, [...typingOptions, 'session', 'ttlMs'], 'SharedValue');
    checkPath(path);
    this.#typed = new Typed(options);
    this.#register = new Register(client, path, sessionSource(client, options));
    this.#client = client;
    this.path = path;
  }

  /**
   * The value now; undefined where there is none. Rejects with `INVALID_VALUE` where codec or schema refuse what is
   * there. One round trip.
   */
  async get(options: CallOptions = {}): Promise<T | undefined> {
    checkCall(options, 'get');
    using scope = this.#scope('reading', options);
    return await this.#decode(await this.#register.read(scope));
  }

  /**
   * Makes it this value, whatever it was, exactly once. Outages are waited out for as long as `signal` and `timeoutMs`
   * allow. One round trip.
   *
   * Rejects with `INVALID_VALUE` where codec or schema refuse it; with the reason of `signal`, `TIMEOUT`, or `CLOSED` where
   * the client is closed under it, after which it may have been written, or not, or be written yet; with `UNKNOWN_OUTCOME`
   * where an answer was missing when the session was lost or the store began to refuse; with `SESSION_LOST` and what the
   * store refuses, when nothing was written.
   */
  async set(value: T, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'set');
    using scope = this.#scope('writing', options);
    const bytes = await this.#typed.encode(value, this.path);
    await this.#register.change(scope, () => ({ put: bytes }), { blind: true });
  }

  /**
   * Makes of the value what `change` makes of it, and resolves to that, as it is read back. `change` is given undefined where there is no
   * value, may be async, and is called again with the newer value whenever somebody else was quicker; only its last call
   * counts. Where it returns undefined, nothing is written, and this resolves to the value there is. Rejects with what
   * `change` throws, else as {@link SharedValue.set}. One round trip where nobody else writes, one more to look at a value
   * that this object has not seen.
   */
  async update(
    change: (value: T | undefined) => T | undefined | Promise<T | undefined>,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    checkCall(options, 'update');
    checkFunction(change, 'change');
    using scope = this.#scope('updating', options);
    const decide = async (seen: Seen | undefined): Promise<Decision> => {
      const next = await change(await this.#decode(seen));
      return next === undefined ? 'keep' : { put: await this.#typed.encode(next, this.path) };
    };
    const { before, decision } = await this.#register.change(scope, decide);
    if (decision === 'keep') return await this.#decode(before);
    return decision === 'delete' ? undefined : await this.#typed.decode(decision.put, this.path);
  }

  /**
   * Takes the value away, and resolves to whether there was one. Rejects as {@link SharedValue.set}. One round trip, one
   * more where this object has not seen the last write.
   */
  async delete(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'delete');
    using scope = this.#scope('deleting', options);
    const decide = (seen: Seen | undefined): Decision => (seen === undefined ? 'keep' : 'delete');
    return (await this.#register.change(scope, decide)).decision === 'delete';
  }

  /**
   * Follows the value: first what it is, then every change, in order; what changes faster than it is consumed may be left
   * out, the last state never is. Survives lost connections and compaction. Ends by `break`, or rejects with the reason of
   * `signal`, with `TIMEOUT` where the first state takes longer than `timeoutMs`, with `INVALID_VALUE`, with `CLOSED`, or
   * with what the store refuses. One watch.
   */
  async *changes(options: CallOptions = {}): AsyncGenerator<Versioned<T>, void, undefined> {
    checkCall(options, 'changes');
    let seen: bigint | undefined | 'nothing yet' = 'nothing yet';
    for await (const batch of new AuditedWatch(this.#client, { key: this.path }, options)) {
      const news = newest(batch);
      if (news === 'none' || news?.modified === seen) continue;
      seen = news?.modified;
      yield { value: await this.#decode(news), revision: seen ?? batch.revision };
    }
  }

  #scope(what: string, options: CallOptions): Scope {
    return openScope(this.#client.clock, options, `${what} "${printable(this.path)}"`);
  }

  async #decode(seen: Seen | undefined): Promise<T | undefined> {
    return seen === undefined ? undefined : await this.#typed.decode(seen.value, this.path);
  }
}

/** The entry as a batch leaves it, or `none` where the batch does not tell. */
function newest(batch: Batch): Entry | undefined | 'none' {
  if (batch.kind === 'snapshot') return batch.entries[0];
  return batch.puts[0] ?? (batch.deletes.length > 0 ? undefined : 'none');
}
