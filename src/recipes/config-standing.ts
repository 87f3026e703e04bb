import type { ClientContext } from '../core/context.js';
import type { SafeEmitter } from '../core/emitter.js';
import { isCoordinationError } from '../errors.js';
import type { ConfigEvents, ConfigState } from './config-announcer.js';
import { Freshness, type FreshnessListener } from './config-freshness.js';
import type { ConfigRejection } from './config-judge.js';
import type { Plan } from './config-options.js';

/** Knows how the current value stands to what the store holds, and tells when its state changes. */
export class Standing<T> {
  readonly #events: SafeEmitter<ConfigEvents<T>>;
  readonly #freshness: Freshness;
  #state: ConfigState = Object.freeze({ kind: 'stale', since: 0, code: undefined });
  #staleCode: string | undefined;
  #seen = -1n;
  #rejection: ConfigRejection | undefined;
  #undecided = false;
  #closed = false;

  constructor(
    client: ClientContext,
    { shape, path, staleAfterMs }: Plan<T>,
    events: SafeEmitter<ConfigEvents<T>>,
    listener: FreshnessListener,
  ) {
    this.#events = events;
    const query = shape === 'node' ? { key: path } : { prefix: `${path}/`, limit: 1 };
    this.#freshness = new Freshness(client, query, staleAfterMs, listener);
  }

  /** As it was told last. */
  get state(): ConfigState {
    return this.#state;
  }

  get staleSince(): number | undefined {
    return this.#state.kind === 'stale' ? this.#state.since : undefined;
  }

  /** The revision that the store has shown last, accepted or not; -1n where it has not been seen yet. */
  get seen(): bigint {
    return this.#seen;
  }

  /** Why what the store holds is not current. */
  get rejection(): ConfigRejection | undefined {
    return this.#rejection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The store has shown what it holds at a revision. Told with the next update, once that is decided. */
  heard(revision: bigint, whole: boolean): void {
    this.#seen = revision;
    this.#staleCode = undefined;
    this.#freshness.heard(whole);
  }

  /** The store cannot be reached, or has ended the watch. Told at once, but a second time only if it is for another reason. */
  lost(error: unknown): void {
    const code = isCoordinationError(error) ? error.code : undefined;
    const news = this.#state.kind !== 'stale' || code !== this.#staleCode;
    this.#staleCode = code;
    this.#freshness.lost();
    this.update();
    if (news) this.#events.emitSafe('error', error);
  }

  /** What is current was saved at `savedMs`, on the wall clock, unless the store has been seen since. */
  restored(savedMs: number | undefined): void {
    if (this.#seen === -1n) this.#freshness.lost(savedMs);
  }

  /** Something is being judged, or nothing any more. Told with the next update. */
  judging(undecided: boolean): void {
    this.#undecided = undecided;
  }

  /** What the store holds was refused, or is what is current. Told with the next update. */
  judged(rejection: ConfigRejection | undefined): void {
    this.#rejection = rejection;
  }

  /** Nothing follows. Told with the next update. */
  close(): void {
    this.#freshness.stop();
    this.#closed = true;
  }

  /** The one place where the state changes. */
  update(): void {
    const [was, is] = [this.#state, this.#stateNow()];
    // What is not judged yet does not make anything fresh.
    if (is.kind === 'fresh' && this.#undecided) return;
    const same = was.kind === is.kind && (is.kind !== 'stale' || (was.kind === 'stale' && was.code === is.code));
    if (same && (is.kind !== 'invalid' || (was.kind === 'invalid' && was.rejection === is.rejection))) return;
    this.#state = Object.freeze(is);
    this.#events.emitSafe('state', is);
  }

  #stateNow(): ConfigState {
    if (this.#closed) return { kind: 'closed' };
    const since = this.#freshness.staleSince;
    if (since !== undefined) return { kind: 'stale', since, code: this.#staleCode };
    if (this.#rejection !== undefined) return { kind: 'invalid', rejection: this.#rejection };
    return { kind: 'fresh' };
  }
}
