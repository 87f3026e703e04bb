import { CoordinationError, isCoordinationError } from '../errors.js';
import { Backoff } from './backoff.js';
import { checkCall, checkOptions, checkTtl } from './checks.js';
import type { Cancel, Clock, Random } from './clock.js';
import { SafeEmitter } from './emitter.js';
import { SessionNames } from './session-names.js';
import { within } from './signals.js';
import { type CallOptions, type Lease, type LeaseId, remove, type Store } from './store.js';

/**
 * What is known of a session. `live`: the store has the lease until at least `deadline` on the client's clock.
 * `uncertain`: so has it, but renewing fails, or the machine seems to have slept. `lost` and `closed` are final.
 */
export type SessionState =
  | { readonly kind: 'live'; readonly deadline: number }
  | { readonly kind: 'uncertain'; readonly deadline: number; readonly cause: unknown }
  | { readonly kind: 'lost' | 'closed'; readonly reason: CoordinationError };

/** A hold that was lost, as told to listeners. */
export interface LostEvent {
  readonly key: string;
  readonly token: bigint;
  readonly reason: CoordinationError;
}

export interface SessionEvents {
  readonly state: SessionState;
  readonly lost: LostEvent;
  /** What a listener of the others threw. */
  readonly error: unknown;
}

/** What a session needs of its client. */
export interface SessionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when the client has closed: whatever still goes on in the background ends. */
  readonly stopped: AbortSignal;
}

/** Errors of a renewal after which trying again is pointless: the lease is gone, or no longer ours to renew. */
const fatalCodes = ['LEASE_NOT_FOUND', 'CLUSTER_CHANGED', 'REVISION_REGRESSED', 'PERMISSION_DENIED', 'CLOSED'] as const;

/**
 * How long a put that was sent may still turn up after its caller gave up on it. etcd gives up on a proposal after some
 * seconds, but one that waits in a partitioned member can surface when the partition heals.
 */
export const lateApplyMs = 300_000;

/**
 * One lease and the loop that keeps it alive. Everything held through it is lost with it, and is told so before the
 * store can give it to anybody else: the deadline counts from when the last good renewal was *sent*, on the monotonic
 * clock, less a margin of 1 % of the TTL for clocks that run at different rates.
 */
export class Session {
  /** The lease's id in the store. */
  readonly lease: LeaseId;
  /** The time to live that the store granted, in milliseconds. */
  readonly ttlMs: number;
  /** Events: `state` on every transition, `lost` for every hold that is lost through this session. */
  readonly events = new SafeEmitter<SessionEvents>();
  /** @internal Which keys under its lease are whose, in this process. */
  readonly names: SessionNames;

  readonly #deps: SessionDeps;
  readonly #ended = new AbortController();
  readonly #dependants = new Set<(reason: CoordinationError) => void>();
  #state: SessionState;
  /** When the last good renewal was sent, on both clocks, and how long it is good for. */
  #base: { readonly now: number; readonly wall: number; readonly forMs: number };
  #renewing: Promise<void> | undefined;
  #timer: Cancel = () => {};
  #deadlineTimer: Cancel = () => {};
  #closing: Promise<void> | undefined;
  readonly #backoff: Backoff;

  private constructor(deps: SessionDeps, lease: Lease, sent: { now: number; wall: number }) {
    this.#deps = deps;
    this.lease = lease.id;
    this.ttlMs = lease.ttlMs;
    this.names = new SessionNames(lease.id, deps.store.traits);
    this.#backoff = new Backoff(deps.clock, deps.random, { baseMs: 50, capMs: Math.min(1_000, lease.ttlMs / 10) });
    this.#base = { ...sent, forMs: trustedMs(lease.ttlMs) };
    this.#state = { kind: 'live', deadline: this.#deadline() };
    this.#arm();
  }

  /**
   * Opens a session. One round trip, and another where the first one took so long, over repetitions, that too little of
   * the time to live would be left. Rejects with `INVALID_TTL`, or with whatever the store says.
   */
  static async open(deps: SessionDeps, ttlMs: number, options: CallOptions = {}): Promise<Session> {
    checkCall(options, 'session');
    checkTtl(ttlMs, deps.store.traits);
    const { clock, store } = deps;
    for (;;) {
      const asked = { now: clock.now(), wall: clock.wall() };
      const lease = await store.grant(ttlMs, options);
      // It counts from when it was asked for, not from the attempt that got through.
      if (clock.now() - asked.now <= lease.ttlMs / 3) return new Session(deps, lease, asked);
      const sent = { now: clock.now(), wall: clock.wall() };
      try {
        return new Session(deps, await store.renew(lease.id, options), sent);
      } catch (error) {
        // By now it may be over.
        if (!isCoordinationError(error, 'LEASE_NOT_FOUND')) throw error;
      }
    }
  }

  /**
   * How long to wait for the answer to a write about a ticket before it is made again, in milliseconds: a write that was
   * on its way to a leader that died is never answered, while another leader is there within a second.
   */
  get patienceMs(): number {
    return Math.min(1_000, this.ttlMs / 3);
  }

  get #over(): boolean {
    return this.#state.kind === 'lost' || this.#state.kind === 'closed';
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Aborts when the session is lost or closed, with the coded reason. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Whether the lease is certainly alive now. Looks at the clock at every call, so that code which runs after a stall of
   * the event loop or a pause of the process finds out before it acts; finding the deadline passed makes the loss known
   * to everybody before it returns. No round trip.
   */
  isLive(): boolean {
    if (this.#over) return false;
    if (this.#isOverdue()) {
      this.#lose('it could not be renewed in time');
      return false;
    }
    const { wall, forMs } = this.#base;
    if (this.#deps.clock.wall() - wall < forMs) return true;
    // The monotonic clock of Linux stands still while a machine sleeps. Ask the store before answering yes.
    this.#doubt(new CoordinationError('UNAVAILABLE', sleptSentence, { lease: this.lease }));
    void this.#renew();
    return false;
  }

  /** Throws the reason unless the session is live; asks the store where {@link isLive} is in doubt. */
  async confirm(): Promise<void> {
    if (this.isLive() || (await this.verify())) return;
    this.#ended.signal.throwIfAborted();
  }

  /**
   * Renews now. Resolves to whether the store still has the lease; rejects when that could not be found out. One round
   * trip, after the one that may be under way.
   */
  async verify(): Promise<boolean> {
    await this.#renewing;
    await this.#renew();
    if (this.#state.kind === 'uncertain') throw this.#state.cause;
    return this.#state.kind === 'live';
  }

  /** Runs `ended` once, when the session ends; at once if it has. */
  onEnd(ended: (reason: CoordinationError) => void): void {
    if (this.#state.kind === 'lost' || this.#state.kind === 'closed') ended(this.#state.reason);
    else this.#dependants.add(ended);
  }

  /** Takes back {@link onEnd}. */
  offEnd(ended: (reason: CoordinationError) => void): void {
    this.#dependants.delete(ended);
  }

  /**
   * The store said, to somebody else, that the lease is gone. Ends the session. Returns the reason.
   */
  leaseGone(cause: unknown): CoordinationError {
    this.#lose('the store no longer has its lease', cause);
    // The session has just ended, or had before: in both cases with a reason of this class.
    return this.#ended.signal.reason as CoordinationError;
  }

  /**
   * Sees to it, in the background, that a ticket goes away, or that the lease it hangs on does. `late`: the put of the
   * ticket may still be under way, so one good delete is not the end of it.
   */
  async cleanUp(key: string, late: boolean): Promise<void> {
    const { clock, store, random, stopped } = this.#deps;
    const until = clock.now() + (late ? lateApplyMs : 0);
    const backoff = new Backoff(clock, random, { baseMs: 100, capMs: 30_000 });
    while (!this.#over && !stopped.aborted) {
      const deleted = await store.commit([], [remove(key)], { timeoutMs: this.patienceMs }).then(
        () => true,
        () => false,
      );
      if (deleted && clock.now() >= until) return;
      await backoff.wait(this.#ended.signal).catch(() => {});
    }
  }

  /**
   * Ends the session: everything held through it is over at once, then the lease is revoked, which removes its keys from
   * the store. Tries for as long as the lease can live, or `timeoutMs` if that is less. Idempotent, and never rejects:
   * a lease that cannot be revoked ends by itself.
   */
  close(options: CallOptions = {}): Promise<void> {
    checkOptions(options, 'close');
    this.#closing ??= this.#close();
    return within(this.#deps.clock, options, 'closing a session', this.#closing).catch(() => {});
  }

  async #close(): Promise<void> {
    const over = this.#base.now + this.ttlMs;
    const sentence = `Session ${this.lease} was closed.`;
    this.#end('closed', new CoordinationError('SESSION_CLOSED', sentence, { lease: this.lease }));
    await this.#revokeUntil(over);
  }

  /** Revokes the lease, again and again until it worked or the lease must be over on its own. */
  async #revokeUntil(over: number): Promise<void> {
    const { clock, store, random, stopped } = this.#deps;
    const backoff = new Backoff(clock, random);
    for (let leftMs = over - clock.now(); leftMs > 0; leftMs = over - clock.now()) {
      try {
        await store.revoke(this.lease, { timeoutMs: Math.min(leftMs, 5_000) });
        return;
      } catch (error) {
        if (isFatal(error) || stopped.aborted) return;
        await backoff.wait(stopped).catch(() => {});
      }
    }
  }

  /**
   * Whether the deadline has passed. Asked in this one way only, and a microsecond early, since at the deadline itself, to
   * which the timer runs, a sum of fractions and the difference of them need not agree.
   */
  #isOverdue(): boolean {
    const { now, forMs } = this.#base;
    return this.#deps.clock.now() - now >= forMs - 0.001;
  }

  #deadline(): number {
    return this.#base.now + this.#base.forMs;
  }

  #arm(): void {
    const { clock } = this.#deps;
    this.#deadlineTimer();
    this.#deadlineTimer = clock.after(this.#deadline() - clock.now(), () => this.isLive());
    this.#renewIn(this.#base.now + this.ttlMs / 3 - clock.now());
  }

  #renewIn(ms: number): void {
    this.#timer();
    this.#timer = this.#deps.clock.after(ms, () => void this.#renew());
  }

  #renew(): Promise<void> {
    // A renewal under way answers this one too, unless time ran out: then there is nothing left to renew.
    if (this.#over || this.#isOverdue()) {
      this.isLive();
      return Promise.resolve();
    }
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { clock, store } = this.#deps;
    const sent = { now: clock.now(), wall: clock.wall() };
    const timeoutMs = Math.max(1, Math.min(this.ttlMs / 3, this.#deadline() - sent.now));
    try {
      const { ttlMs } = await store.renew(this.lease, { timeoutMs });
      this.#renewed(sent, ttlMs);
    } catch (error) {
      this.#renewFailed(error);
    }
  }

  /** An answer counts however late it comes, as long as what it promises is not over yet. */
  #renewed(sent: { now: number; wall: number }, ttlMs: number): void {
    if (this.#over) return;
    this.#base = { ...sent, forMs: trustedMs(ttlMs) };
    this.#backoff.reset();
    const was = this.#state.kind;
    this.#state = { kind: 'live', deadline: this.#deadline() };
    this.#arm();
    if (!this.isLive()) {
      // The machine slept while this was under way: ask again, or nobody would.
      if (!this.#over) this.#renewIn(0);
      return;
    }
    if (was !== 'live') this.events.emitSafe('state', this.#state);
  }

  #renewFailed(error: unknown): void {
    if (this.#over) return;
    if (isFatal(error)) {
      this.#lose('the store will not renew it', error);
      return;
    }
    this.#doubt(error);
    this.#renewIn(this.#backoff.nextMs());
  }

  #doubt(cause: unknown): void {
    const was = this.#state.kind;
    this.#state = { kind: 'uncertain', deadline: this.#deadline(), cause };
    if (was === 'live') this.events.emitSafe('state', this.#state);
  }

  #lose(why: string, cause?: unknown): void {
    if (this.#over) return;
    const details = {
      lease: this.lease,
      cause: cause ?? (this.#state.kind === 'uncertain' ? this.#state.cause : undefined),
    };
    this.#end('lost', new CoordinationError('SESSION_LOST', `Session ${this.lease} was lost: ${why}.`, details));
    // The lease may outlive our trust in it. Giving it up frees what we held for the others.
    if (!isFatal(cause)) void this.#revokeUntil(this.#base.now + 2 * this.ttlMs);
  }

  /** The one place where a session ends: those who depend on it know before anybody else sees its new state. */
  #end(kind: 'lost' | 'closed', reason: CoordinationError): void {
    if (this.#over) return;
    this.#timer();
    this.#deadlineTimer();
    this.#state = { kind, reason };
    const dependants = [...this.#dependants];
    this.#dependants.clear();
    for (const ended of dependants) ended(reason);
    this.#ended.abort(reason);
    this.events.emitSafe('state', this.#state);
  }
}

const sleptSentence = 'The wall clock ran ahead: the machine may have slept, and the store has not been asked since.';

function isFatal(error: unknown): boolean {
  return isCoordinationError(error) && fatalCodes.some((code) => code === error.code);
}

/** How long a lease can be trusted after its renewal was sent: its TTL less 1 %, and less one tick of the clock. */
function trustedMs(ttlMs: number): number {
  return ttlMs - Math.max(1, ttlMs / 100);
}
