import { checkCall, checkCommit, checkKnown, checkOptions } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { SafeEmitter } from '../core/emitter.js';
import { LeasedKey, type LeasedKeyState } from '../core/leased-key.js';
import { checkTaken } from '../core/presence.js';
import { type CallOptions, put } from '../core/store.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';
import {
  checkInstance,
  encodeInstance,
  type InstanceFormat,
  type InstanceInfo,
  type InstanceMeta,
  type InstanceReport,
  reportFields,
} from './service-registry-instance.js';

export interface RegisterOptions extends CallOptions, SessionChoice {
  /**
   * What if the id is somebody else's: `reject` with `MEMBER_EXISTS`, or `wait` for it to go, as after a crash, when what
   * was left behind goes with its lease. Default `reject`.
   */
  readonly onTaken?: 'reject' | 'wait' | undefined;
}

/**
 * What is known of a registration. `absent`: not in the store yet. `present`: there, since the revision `incarnation`.
 * `lost`: it was there, and comes back as soon as that can be; `reason` tells what became of it, or what is in the way.
 * `ended`: left (`RELEASED`), or given up for good.
 */
export type RegistrationState = LeasedKeyState;

export interface RegistrationEvents {
  /** Every change of state. */
  readonly state: RegistrationState;
  /** What a listener threw. */
  readonly error: unknown;
}

/** What a {@link Registration} is made from. */
export interface RegistrationParts<Meta> extends InstanceFormat<Meta> {
  readonly client: ClientContext;
}

/**
 * An instance that is registered for as long as this process lives, and no longer than its lease. It is put back by itself
 * after the loss of the session, under the next one and as another incarnation, and after somebody deleted or overwrote it.
 * Made by {@link ServiceRegistry.register}.
 */
export class Registration<Meta = InstanceMeta> implements AsyncDisposable {
  readonly key: string;
  /** Events: `state`, `error`. */
  readonly events = new SafeEmitter<RegistrationEvents>();
  readonly #parts: RegistrationParts<Meta>;
  readonly #life: LeasedKey;
  #info: InstanceInfo<Meta>;
  /** Updates are made ready one after the other, so that each builds on the one before. */
  #ready: Promise<unknown> = Promise.resolve();

  private constructor(parts: RegistrationParts<Meta>, info: InstanceInfo<Meta>, life: (key: string) => LeasedKey) {
    this.#parts = parts;
    this.#info = info;
    this.key = checkInstance(info, parts.path);
    this.#life = life(this.key);
  }

  /** @internal */
  static async start<Meta>(
    parts: RegistrationParts<Meta>,
    info: InstanceInfo<Meta>,
    options: RegisterOptions,
  ): Promise<Registration<Meta>> {
    checkCall(options, 'register', [...sessionOptions, 'onTaken']);
    const { signal, timeoutMs, onTaken: _, ...choice } = options;
    const onTaken = checkTaken(options);
    checkInstance(info, parts.path);
    const { client } = parts;
    const sessions = sessionSource(client, choice);
    const copy = { ...info };
    const value = await encodeInstance(copy, parts, client.identity);
    signal?.throwIfAborted();
    const changed = (state: RegistrationState): void => registration.events.emitSafe('state', state);
    const registration = new Registration(
      parts,
      copy,
      (key) => new LeasedKey({ client, key, value, sessions, onTaken, immutable: false, changed }),
    );
    await registration.#life.start({ signal, timeoutMs });
    return registration;
  }

  /** What it last said of itself. */
  get info(): InstanceInfo<Meta> {
    return this.#info;
  }

  get state(): RegistrationState {
    return this.#life.state;
  }

  /** The revision at which it registered, this time. Undefined while it is not in the store. */
  get incarnation(): bigint | undefined {
    const { state } = this.#life;
    return state.kind === 'present' ? state.incarnation : undefined;
  }

  /** Whether it is certainly in the store now, judged by the clock at every call. No round trip. */
  isPresent(): boolean {
    return this.#life.isPresent();
  }

  /**
   * Says something new; what is not named stays as it is. Resolves when that, or something later, is in the store. While
   * the registration is lost, it is said with the recovery. The incarnation stays. One round trip.
   *
   * Rejects with `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_VALUE` or `VALUE_TOO_LARGE`, and then changes nothing; with
   * `RELEASED` after {@link Registration.leave}; with the reason of `signal`, `TIMEOUT` or what the store says, and is then
   * said nevertheless when that can be.
   */
  async update(report: InstanceReport<Meta>, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'update');
    checkKnown(report, reportFields, 'update');
    const news = { ...report };
    checkInstance({ ...this.#info, ...news }, this.#parts.path);
    const made = this.#ready.then(() => this.#say(news, options));
    this.#ready = made.catch(() => {});
    await (await made).done;
  }

  /**
   * Takes the registration out of the store, for good. Resolves to whether it was there until then. Where the store does
   * not answer within a second, it resolves to false, and the rest is done in the background, at the latest by the end of
   * the session. `signal` and `timeoutMs` end the waiting, not the trying. Idempotent. One round trip.
   */
  async leave(options: CallOptions = {}): Promise<boolean> {
    checkOptions(options, 'leave');
    return this.#life.stop(options);
  }

  /** As {@link Registration.leave}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  async #say(report: InstanceReport<Meta>, options: CallOptions): Promise<{ readonly done: Promise<void> }> {
    const { client } = this.#parts;
    const next = { ...this.#info, ...report };
    const value = await encodeInstance(next, this.#parts, client.identity);
    options.signal?.throwIfAborted();
    checkCommit(client.store.traits, [], [put(this.key, value)], undefined);
    this.#info = next;
    // Not waited for here: those that come after need only build on it.
    return { done: this.#life.update(value, options) };
  }
}
