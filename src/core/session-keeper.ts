import { checkCall, closedError } from './checks.js';
import { Session, type SessionDeps } from './session.js';
import { within } from './signals.js';
import type { CallOptions } from './store.js';

/**
 * A session that is there when it is needed: opened at the first call, and opened anew once it was lost. Calls that come
 * while it is being opened share the one attempt.
 */
export class SessionKeeper {
  readonly #deps: SessionDeps;
  readonly #ttlMs: number;
  readonly #opened: (session: Session) => void;
  #current: Session | undefined;
  #opening: Promise<Session> | undefined;
  #closed = false;

  constructor(deps: SessionDeps, ttlMs: number, opened: (session: Session) => void) {
    this.#deps = deps;
    this.#ttlMs = ttlMs;
    this.#opened = opened;
  }

  /** The session, if it is there and live. */
  get live(): Session | undefined {
    return !this.#closed && this.#current?.isLive() ? this.#current : undefined;
  }

  /** The session. No round trip while it is live, one to open it. Rejects with `CLOSED` after {@link close}. */
  async get(options: CallOptions = {}): Promise<Session> {
    if (this.#closed) throw closedError('client');
    checkCall(options, 'session');
    const current = this.#current;
    if (current?.isLive() || current?.state.kind === 'uncertain') return current;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return within(this.#deps.clock, options, 'opening a session', this.#opening);
  }

  /** Closes the session, and one that is just being opened; waits for neither longer than a lease can live. */
  async close(): Promise<void> {
    this.#closed = true;
    // At once, not after the one that is being opened: whatever is held is over when close() is called.
    const closing = this.#current?.close();
    const options = { timeoutMs: this.#ttlMs };
    if (this.#opening !== undefined) {
      await within(this.#deps.clock, options, 'opening a session', this.#opening).catch(() => {});
    }
    await closing;
    await this.#current?.close();
  }

  async #open(): Promise<Session> {
    const session = await Session.open(this.#deps, this.#ttlMs);
    if (this.#closed) {
      // Too late: whoever closes has stopped waiting for it.
      await session.close();
      throw closedError('client');
    }
    this.#current = session;
    this.#opened(session);
    return session;
  }
}
