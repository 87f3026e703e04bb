import { checkCall, checkKnown, checkOptions } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { checkKey } from '../core/keys.js';
import { LeasedKey, type LeasedKeyParts } from '../core/leased-key.js';
import { checkTaken, Presence, type PresenceState, type TakenChoice } from '../core/presence.js';
import type { CallOptions } from '../core/store.js';
import { Typed, type Typing, typingOptions } from '../core/typed.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';

export interface PersistentKeyOptions<T> extends SessionChoice, Typing<T>, TakenChoice {}

/**
 * A key that stands in the store for as long as this process lives, and no longer than its lease: presence. It is put
 * back by itself after the loss of the session, under the next one, and after somebody deleted or overwrote it. It never
 * touches what somebody else keeps at the key under a lease of their own.
 */
export class PersistentKey<T = unknown> implements AsyncDisposable {
  readonly key: string;
  readonly #typed: Typed<T>;
  readonly #parts: Omit<LeasedKeyParts, 'value'>;
  #value: T;
  #life: LeasedKey | undefined;
  #updates = 0;
  #applied = 0;
  readonly #presence: Presence;

  /**
   * Sends nothing. Throws `INVALID_KEY`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. What is wrong with the value
   * is told by {@link PersistentKey.start}.
   */
  constructor(client: ClientContext, key: string, value: T, options: PersistentKeyOptions<T> = {}) {
    checkKnown(options, [...sessionOptions, ...typingOptions, 'onTaken'], 'PersistentKey');
    checkKey(key);
    const onTaken = checkTaken(options);
    this.#typed = new Typed(options);
    this.key = key;
    this.#value = value;
    const sessions = sessionSource(client, options);
    this.#presence = new Presence(key);
    this.#parts = { client, key, sessions, onTaken, immutable: false, changed: this.#presence.changed };
  }

  /** Events: `state`, `error`. */
  get events(): Presence['events'] {
    return this.#presence.events;
  }

  get state(): PresenceState {
    return this.#presence.state;
  }

  /** Whether the key is certainly in the store now, judged by the clock at every call. No round trip. */
  isPresent(): boolean {
    return this.#life?.isPresent() ?? false;
  }

  /**
   * The revision at which the key came into being, this time: its create revision. It grows with each loss and recovery,
   * and stays the same over updates. Undefined while the key is not there.
   */
  get incarnation(): bigint | undefined {
    return this.#presence.incarnation;
  }

  /**
   * Aborts when the present incarnation is no longer certainly there, with the coded reason, before the store can drop it
   * where its session is lost. After a recovery, this is another signal. While the key is not there, one that is aborted.
   */
  get signal(): AbortSignal {
    return this.#presence.signal;
  }

  /**
   * Puts the key, and resolves when it is in the store for the first time. Afterwards it is kept there until
   * {@link PersistentKey.stop}. Started already, it only waits until the key is there. One round trip; the watch on it
   * costs a message and a read more.
   *
   * Rejects with `MEMBER_EXISTS` where the key is somebody else's, with the reason of `signal`, `TIMEOUT`,
   * `INVALID_VALUE`, `VALUE_TOO_LARGE`, `SESSION_LOST` if so chosen by `onSessionLost`, `CLOSED`, or an error of the store
   * that waiting does not mend; then nothing is left in the store, and it can be started again.
   */
  async start(options: CallOptions = {}): Promise<void> {
    checkCall(options, 'start');
    const value = this.#life?.value ?? (await this.#typed.encode(this.#value, this.key));
    options.signal?.throwIfAborted();
    if (this.#life !== undefined && this.#life.state.kind !== 'ended') return this.#life.ready(options);
    this.#life = new LeasedKey({ ...this.#parts, value });
    await this.#life.start(options);
  }

  /**
   * Gives the key another value; resolves when that, or a later one, is in the store. The latest wins. One round trip;
   * while the key is lost, it is applied with the recovery. The incarnation stays. A call that is given up, by `signal` or
   * `timeoutMs`, or that the store refused, leaves the new value to be written when that can be. Before
   * {@link PersistentKey.start}, it only says what to start with.
   *
   * Rejects with `INVALID_VALUE` or `VALUE_TOO_LARGE`, and then changes nothing; otherwise as start.
   */
  async update(value: T, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'update');
    const order = ++this.#updates;
    const bytes = await this.#typed.encode(value, this.key);
    options.signal?.throwIfAborted();
    // A schema may take longer over this value than over a later one.
    if (order < this.#applied) return this.#life?.ready(options);
    this.#applied = order;
    if (this.#life === undefined) this.#value = value;
    else await this.#life.update(bytes, options);
  }

  /**
   * Takes the key out of the store, unless it is somebody else's, and ends. Resolves to whether it was there until then.
   * Where the store does not answer within a second, it resolves to false, and the rest is done in the background, at the
   * latest by the end of the session. `signal` and `timeoutMs` end the waiting, not the trying. Idempotent. One round trip.
   */
  async stop(options: CallOptions = {}): Promise<boolean> {
    checkOptions(options, 'stop');
    if (this.#life !== undefined) return this.#life.stop(options);
    options.signal?.throwIfAborted();
    return false;
  }

  /** As {@link PersistentKey.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
