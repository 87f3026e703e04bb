import { hostname } from 'node:os';
import { checkCall, checkKnown, checkTtl, closedError } from './core/checks.js';
import { type Clock, type Random, systemClock, systemRandom } from './core/clock.js';
import type { ClientContext, Identity, SessionOptions } from './core/context.js';
import { SafeEmitter } from './core/emitter.js';
import { type LostEvent, Session, type SessionDeps, type SessionState } from './core/session.js';
import { SessionKeeper } from './core/session-keeper.js';
import type { Store } from './core/store.js';
import { CoordinationError, printable } from './errors.js';

export interface ClientOptions {
  /**
   * The time to live of the shared session, in milliseconds: how long after the death of this process others get what it
   * held, and how long a holder that cannot reach the store may go on. The store's bounds apply. Default 10,000.
   */
  readonly ttlMs?: number | undefined;
  /** The host to show in waiting lines. Default: the machine's name. */
  readonly host?: string | undefined;
  /** Time, for simulations and tests. Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** Randomness, for simulations and tests. Default: the machine's. */
  readonly random?: Random | undefined;
}

const clientOptions = ['ttlMs', 'host', 'clock', 'random'] as const;

export interface ClientEvents {
  /** A session of this client has changed its state. */
  readonly session: { readonly session: Session; readonly state: SessionState };
  /** Something held was lost. */
  readonly lost: LostEvent;
  /** What a listener of the others threw. */
  readonly error: unknown;
}

const defaultTtlMs = 10_000;

/**
 * A connection to a store, and the sessions by which this process holds things in it. Recipes are made on it:
 * `new Mutex(client, '/locks/job')`. An open client with a session keeps the process alive until {@link Client.close}.
 */
export class Client<S extends Store = Store> implements ClientContext, AsyncDisposable {
  readonly store: S;
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  /** Events: `session`, `lost`, `error`. */
  readonly events = new SafeEmitter<ClientEvents>();
  readonly #ttlMs: number;
  readonly #shared = new Map<number, SessionKeeper>();
  readonly #own = new Set<Session>();
  readonly #recipes = new Map<new () => object, object>();
  readonly #stopped = new AbortController();
  /** Set before anything ends, since those who hear of an end may ask for something anew. */
  #closed = false;
  #closing: Promise<void> | undefined;

  /** Takes over the store: closing the client closes it. Sends nothing. Throws `INVALID_TTL`, `UNKNOWN_OPTION`. */
  constructor(store: S, options: ClientOptions = {}) {
    checkKnown(options, clientOptions, 'a client');
    checkHost(options.host);
    if (options.ttlMs !== undefined) checkTtl(options.ttlMs, store.traits);
    this.store = store;
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? systemRandom;
    this.identity = { host: options.host ?? hostname(), pid: process.pid };
    this.#ttlMs = options.ttlMs ?? Math.max(defaultTtlMs, store.traits.minTtlMs);
  }

  async session(options: SessionOptions = {}): Promise<Session> {
    const { ttlMs, call } = this.#check(options);
    let keeper = this.#shared.get(ttlMs);
    if (keeper === undefined) {
      keeper = new SessionKeeper(this.#deps(), ttlMs, (session) => this.#follow(session));
      this.#shared.set(ttlMs, keeper);
    }
    return keeper.get(call);
  }

  liveSession(ttlMs: number = this.#ttlMs): Session | undefined {
    return this.#shared.get(ttlMs)?.live;
  }

  async openSession(options: SessionOptions = {}): Promise<Session> {
    const { ttlMs, call } = this.#check(options);
    const session = await Session.open(this.#deps(), ttlMs, call);
    this.#follow(session);
    this.#own.add(session);
    session.onEnd(() => this.#own.delete(session));
    if (this.#closed) {
      await session.close();
      throw closedError('client');
    }
    return session;
  }

  /** @internal */
  shared<T extends object>(of: new () => T): T {
    // What is kept under a class is an instance of it.
    const kept = this.#recipes.get(of) as T | undefined;
    if (kept !== undefined) return kept;
    const made = new of();
    this.#recipes.set(of, made);
    return made;
  }

  /**
   * Ends all sessions, which gives back everything held, then closes the store. Takes as long as the leases can live
   * where the store cannot be reached. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const sessions = [...this.#own].map((session) => session.close());
    const keepers = [...this.#shared.values()].map((keeper) => keeper.close());
    await Promise.all([...sessions, ...keepers]);
    this.#stopped.abort(closedError('client'));
    await this.store.close();
  }

  #deps(): SessionDeps {
    const { store, clock, random } = this;
    return { store, clock, random, stopped: this.#stopped.signal };
  }

  #check(options: SessionOptions): { readonly ttlMs: number; readonly call: SessionOptions } {
    if (this.#closed) throw closedError('client');
    checkCall(options, 'session', ['ttlMs']);
    const { ttlMs = this.#ttlMs, ...call } = options;
    checkTtl(ttlMs, this.store.traits);
    return { ttlMs, call };
  }

  #follow(session: Session): void {
    session.events.on('state', (state) => this.events.emitSafe('session', { session, state }));
    session.events.on('lost', (lost) => this.events.emitSafe('lost', lost));
  }
}

function checkHost(host: unknown): void {
  if (host === undefined || (typeof host === 'string' && host !== '')) return;
  throw new CoordinationError('INVALID_OPTION', `host must be a name, got "${printable(host)}".`, { field: 'host' });
}
