import { checkCall, checkKnown } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { SafeEmitter } from '../core/emitter.js';
import { checkKey } from '../core/keys.js';
import { LeasedKey, type LeasedKeyParts, type LeasedKeyState } from '../core/leased-key.js';
import type { CallOptions } from '../core/store.js';
import { Typed, type Typing, typingOptions } from '../core/typed.js';
import { CoordinationError, printable } from '../errors.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';

export interface PersistentKeyOptions<T> extends SessionChoice, Typing<T> {
  /**
   * What if the key is somebody else's when {@link PersistentKey.start} comes to it: `reject` with `MEMBER_EXISTS`, or
   * `wait` for it to go, as after a crash, when what was left behind goes with its lease. Default `reject`.
   */
  readonly onTaken?: 'reject' | 'wait' | undefined;
}

/**
 * What is known of a persistent key. `absent`: not started, or not in the store yet. `present`: there, since the revision
 * `incarnation`. `lost`: it was there, and comes back as soon as that can be; `reason` tells what became of it, or what is
 * in the way: `SESSION_LOST`, `TICKET_LOST`, `MEMBER_EXISTS` where somebody else has the key now, or what the store says.
 * `ended`: stopped (`RELEASED`), or given up for good.
 */
export type PersistentKeyState = LeasedKeyState;

export interface PersistentKeyEvents {
  /** Every change of state. */
  readonly state: PersistentKeyState;
  /** What a listener threw. */
  readonly error: unknown;
}

/**
 * A key that stands in the store for as long as this process lives, and no longer than its lease: presence. It is put
 * back by itself after the loss of the session, under the next one, and after somebody deleted or overwrote it. It never
 * touches what somebody else keeps at the key under a lease of their own.
 */
export class PersistentKey<T = unknown> implements AsyncDisposable {
  readonly key: string;
  /** Events: `state`, `error`. */
  readonly events = new SafeEmitter<PersistentKeyEvents>();
  readonly #typed: Typed<T>;
  readonly #parts: Omit<LeasedKeyParts, 'value'>;
  #value: T;
  #life: LeasedKey | undefined;
  #updates = 0;
  #applied = 0;
  #presence: { readonly incarnation: bigint; readonly controller: AbortController } | undefined;

  /**
   * Sends nothing. Throws `INVALID_KEY`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. What is wrong with the value
   * is told by {@link PersistentKey.start}.
   */
  constructor(client: ClientContext, key: string, value: T, options: PersistentKeyOptions<T> = {}) {
    checkKnown(options, [...sessionOptions, ...typingOptions, 'onTaken'], 'PersistentKey');
    checkKey(key);
    const onTaken = checkOnTaken(options.onTaken);
    this.#typed = new Typed(options);
    this.key = key;
    this.#value = value;
    const sessions = sessionSource(client, options);
    this.#parts = { client, key, sessions, onTaken, immutable: false, changed: (state) => this.#changed(state) };
  }

  get state(): PersistentKeyState {
    return this.#life?.state ?? { kind: 'absent' };
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
    return this.#presence?.incarnation;
  }

  /**
   * Aborts when the present incarnation is no longer certainly there, with the coded reason, before the store can drop it
   * where its session is lost. After a recovery, this is another signal. While the key is not there, one that is aborted.
   */
  get signal(): AbortSignal {
    return this.#presence?.controller.signal ?? AbortSignal.abort(reasonOf(this.state, this.key));
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
   * latest by the end of the session. Idempotent. One round trip.
   */
  async stop(options: CallOptions = {}): Promise<boolean> {
    checkCall(options, 'stop');
    return (await this.#life?.stop(options)) ?? false;
  }

  /** As {@link PersistentKey.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #changed(state: PersistentKeyState): void {
    const before = this.#presence;
    const incarnation = state.kind === 'present' ? state.incarnation : undefined;
    if (before?.incarnation !== incarnation) {
      this.#presence = incarnation === undefined ? undefined : { incarnation, controller: new AbortController() };
      before?.controller.abort(reasonOf(state, this.key));
    }
    this.events.emitSafe('state', state);
  }
}

function reasonOf(state: PersistentKeyState, key: string): CoordinationError {
  if (state.kind === 'lost' || state.kind === 'ended') return state.reason;
  return new CoordinationError('TICKET_LOST', `"${printable(key)}" is not in the store.`, { key });
}

function checkOnTaken(onTaken: unknown): 'reject' | 'wait' {
  if (onTaken === undefined || onTaken === 'reject') return 'reject';
  if (onTaken === 'wait') return 'wait';
  throw new CoordinationError('INVALID_OPTION', 'onTaken must be "reject" or "wait".', { field: 'onTaken' });
}
