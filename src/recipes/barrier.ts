import { checkCall, checkKnown } from '../core/checks.js';
import { encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { checkPath } from '../core/keys.js';
import { untilRange } from '../core/range-view.js';
import { openScope, type Scope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { type SessionChoice, sessionSource } from './line-session.js';
import { Register } from './register.js';
import type { Decision, Seen } from './register-run.js';

export interface BarrierOptions extends Pick<SessionChoice, 'session' | 'ttlMs'> {
  /**
   * Whether the barrier, when held through this object, falls with the session: the death of the process that holds it
   * then lets everybody pass. Default false: it stands until somebody releases it.
   */
  readonly leased?: boolean | undefined;
}

/**
 * Holds everybody up who waits at it, until somebody, not necessarily the one who holds it, releases it.
 *
 * It is held while the key `<path>` exists, as in etcd's Go recipes, with which it can be shared.
 */
export class Barrier {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #leased: boolean;
  readonly #register: Register;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: BarrierOptions = {}) {
    checkKnown(options, ['leased', 'session', 'ttlMs'], 'Barrier');
    checkPath(path);
    const { leased = false } = options;
    if (typeof leased !== 'boolean') {
      throw new CoordinationError('INVALID_OPTION', 'leased must be true or false.', { field: 'leased' });
    }
    this.#register = new Register(client, path, sessionSource(client, options));
    this.#client = client;
    this.#leased = leased;
    this.path = path;
  }

  /**
   * Holds the barrier up, and resolves to whether it was down; one that is up stays as it is, on whatever lease. Exactly
   * once, even where the answer gets lost: it never comes up again after a release. Outages are waited out for as long as
   * `signal` and `timeoutMs` allow. One round trip.
   *
   * Rejects with the reason of `signal`, `TIMEOUT`, or `CLOSED` where the client is closed under it, after which it may have
   * been held up, or not, or be yet; with `UNKNOWN_OUTCOME` where an answer was missing when the session was lost and others
   * changed the barrier meanwhile, or when the store began to refuse; with `SESSION_LOST` and what the store refuses, when
   * nothing was changed.
   */
  async hold(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'hold');
    const held = { put: encodeText(''), leased: this.#leased };
    return await this.#change('holding', options, (seen) => (seen === undefined ? held : 'keep'));
  }

  /**
   * Waits until the barrier is down, or has been since the call. Leaves nothing behind, however it ends. One watch. Rejects
   * with the reason of `signal`, with `TIMEOUT`, with `CLOSED`, or with what the store refuses; never resolves because a
   * watch has ended.
   */
  async wait(options: CallOptions = {}): Promise<void> {
    checkCall(options, 'wait');
    using scope = this.#scope('waiting at', options);
    let first: bigint | undefined;
    await untilRange(this.#client, { key: this.path }, scope, ({ entries }) => {
      const created = entries.get(this.path)?.created;
      first ??= created;
      // Held up anew, it has been down in between.
      return created === undefined || created !== first ? true : undefined;
    });
  }

  /**
   * Takes the barrier down, whoever holds it up, and resolves to whether it was up. Exactly once: never takes down one that
   * was held up after. Rejects as {@link Barrier.hold}. One round trip, one more where this object has not seen it up.
   */
  async release(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'release');
    return await this.#change('releasing', options, (seen) => (seen === undefined ? 'keep' : 'delete'));
  }

  /** Whether it is up. One round trip. Rejects as {@link Barrier.wait}. */
  async isHeld(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'isHeld');
    using scope = this.#scope('looking at', options);
    return (await this.#register.read(scope)) !== undefined;
  }

  async #change(what: string, options: CallOptions, decide: (seen: Seen | undefined) => Decision): Promise<boolean> {
    using scope = this.#scope(what, options);
    return (await this.#register.change(scope, decide)).decision !== 'keep';
  }

  #scope(what: string, options: CallOptions): Scope {
    return openScope(this.#client.clock, options, `${what} the barrier "${printable(this.path)}"`);
  }
}
