import type { Clock, Random } from './clock.js';
import type { Session } from './session.js';
import type { CallOptions, Store } from './store.js';

/** Who a client says it is, in the tickets that others see in a waiting line. */
export interface Identity {
  readonly host: string;
  readonly pid: number;
}

/** Which session to give. */
export interface SessionOptions extends CallOptions {
  /**
   * The time to live to ask the store for, in milliseconds: how long after the death of this process others get what it
   * held. Default: the client's.
   */
  readonly ttlMs?: number | undefined;
}

/** What a recipe needs of a client. `Client` is the one that users get. */
export interface ClientContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  /**
   * The session that all who ask for this `ttlMs` share: opened when it is first asked for, and anew after it was lost.
   * No round trip while it is live. Rejects with `CLOSED` after the client was closed, else with whatever the store says.
   */
  session(options?: SessionOptions): Promise<Session>;
  /** The shared session of this `ttlMs`, if there is a live one. No round trip. */
  liveSession(ttlMs?: number): Session | undefined;
  /** A session of one's own. The client closes it when it is closed itself. One round trip. */
  openSession(options?: SessionOptions): Promise<Session>;
  /** @internal What a recipe keeps for all that use it by this client: one of each class, made when it is first asked for. */
  shared<T extends object>(of: new () => T): T;
}
