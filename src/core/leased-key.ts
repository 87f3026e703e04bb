import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { Backoff } from './backoff.js';
import { checkCommit, checkOptions } from './checks.js';
import type { ClientContext } from './context.js';
import { LeasedEntry } from './leased-entry.js';
import { removeEntry } from './leased-entry-removal.js';
import { News } from './news.js';
import type { Session } from './session.js';
import { firstOf, onAbort, openScope, type Scope, within } from './signals.js';
import { type CallOptions, type Entry, type LeaseId, put } from './store.js';

/**
 * What is known of a leased key. `absent`: not in the store yet, or on its way from one value to the next. `present`: in
 * the store, since the revision `incarnation`. `lost`: it was there, or was to be, and comes back as soon as that can be;
 * `reason` says what is in the way (`SESSION_LOST`, `TICKET_LOST`, `MEMBER_EXISTS`, or what the store says). `ended`:
 * for good.
 */
export type LeasedKeyState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present'; readonly incarnation: bigint; readonly session: Session }
  | { readonly kind: 'lost'; readonly reason: CoordinationError }
  | { readonly kind: 'ended'; readonly reason: CoordinationError };

/** What a {@link LeasedKey} is made from. */
export interface LeasedKeyParts {
  readonly client: ClientContext;
  readonly key: string;
  readonly value: Uint8Array;
  /** Where its sessions come from, and whether there is another one after the loss of one. */
  readonly sessions: { readonly rejoin: boolean; get(scope: Scope): Promise<Session> };
  /** What if the key is somebody else's when this one is started: `reject` with MEMBER_EXISTS, or `wait` for it to go. */
  readonly onTaken: 'reject' | 'wait';
  /** Whether a new value makes a new incarnation, rather than being written into the present one. */
  readonly immutable: boolean;
  /** Told of every change of state, after the fact. Must not throw. */
  changed(state: LeasedKeyState): void;
}

/** Errors after which a key does not come back. */
const finalCodes = ['CLOSED', 'CLUSTER_CHANGED', 'REVISION_REGRESSED', 'VALUE_TOO_LARGE'] as const;

/** Watches do lose events: how often a key is looked at anew, in milliseconds. */
const lookAnywayMs = 30_000;

/** How long a caller of `stop` is kept waiting for the store before the rest is done in the background. */
const stopWithinMs = 1_000;

/** A key that stood this long, in milliseconds, is mended at once when somebody spoils it; sooner, ever more slowly. */
const calmMs = 60_000;

interface Waiter {
  readonly version: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * A key on a session's lease that is put back when it gets lost: with its session, under the next one; by somebody's
 * hand, under the same one, ever more slowly where that happens again and again. What stands there under the lease of
 * somebody else is let be until it is gone. One life: it is started once, and stopped once.
 */
export class LeasedKey {
  readonly #parts: LeasedKeyParts;
  readonly #entry: LeasedEntry;
  readonly #life: Scope;
  readonly #waiters = new Set<Waiter>();
  readonly #mending: Backoff;
  /** The leases of its sessions, gone or not: what stands under them is its own. */
  readonly #leases = new Set<LeaseId>();
  #value: Uint8Array;
  #version = 0;
  /** The newest version that is known to have been in the store. */
  #settled = -1;
  #session: Session | undefined;
  #state: LeasedKeyState = { kind: 'absent' };
  #presentAt: number | undefined;
  #spoilt = false;
  readonly #news = new News();
  #running: Promise<void> = Promise.resolve();
  #removed: Promise<boolean> | undefined;

  constructor(parts: LeasedKeyParts) {
    const { client, key, value } = parts;
    checkCommit(client.store.traits, [], [put(key, value)], undefined);
    this.#parts = parts;
    this.#value = value;
    this.#entry = new LeasedEntry(client, key, (entry) => this.#watched(entry));
    this.#life = openScope(client.clock, {}, `keeping "${printable(key)}"`);
    this.#mending = new Backoff(client.clock, client.random, { capMs: 30_000 });
  }

  get state(): LeasedKeyState {
    return this.#state;
  }

  /** What is, or is to be, in the store. */
  get value(): Uint8Array {
    return this.#value;
  }

  /** Whether it is certainly in the store now, judged by the clock at every call. */
  isPresent(): boolean {
    // Looking at the session can find out that it is over, which changes the state.
    return this.#state.kind === 'present' && this.#state.session.isLive() && this.#state.kind === 'present';
  }

  /** Puts it, and resolves when it is in the store. Where it rejects, nothing is left. One round trip when all is well. */
  async start(options: CallOptions): Promise<void> {
    this.#running = this.#run();
    try {
      await this.ready(options);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Waits until it is in the store, with its newest value. */
  async ready(options: CallOptions): Promise<void> {
    if (this.#state.kind === 'ended') throw this.#state.reason;
    if (!this.isPresent() || this.#version > this.#settled) await this.#until(options, 'put');
  }

  /**
   * Has another value from now on; resolves when that, or a later one, is in the store. Where it rejects, it still comes
   * there as soon as that can be, unless this has ended. One round trip when all is well.
   */
  async update(value: Uint8Array, options: CallOptions): Promise<void> {
    const { client, key } = this.#parts;
    checkCommit(client.store.traits, [], [put(key, value)], options);
    if (this.#state.kind === 'ended') throw this.#state.reason;
    this.#value = value;
    this.#version++;
    const waiting = this.#until(options, 'updated');
    this.#news.tell();
    await waiting;
  }

  /**
   * Removes it, for good; what is not its own is let be. Resolves to whether it was there until then. Where the store
   * does not answer within a second, the rest is done in the background, and it resolves to false.
   */
  async stop(options: CallOptions = {}): Promise<boolean> {
    checkOptions(options, 'stop');
    const { client, key } = this.#parts;
    this.#end(new CoordinationError('RELEASED', `"${printable(key)}" was given up.`, { key }));
    const removed = within(
      client.clock,
      { timeoutMs: stopWithinMs },
      'removing',
      this.#removed ?? Promise.resolve(false),
    );
    const bounded = removed.catch(() => false);
    return within(client.clock, options, `removing "${printable(key)}"`, bounded);
  }

  /** After the end: resolves when it is certain that it is not in the store, at the latest with the end of its session. */
  get gone(): Promise<unknown> {
    return this.#removed ?? Promise.resolve();
  }

  #until(options: CallOptions, what: string): Promise<void> {
    const { client, key } = this.#parts;
    let waiter: Waiter | undefined;
    const done = new Promise<void>((resolve, reject) => {
      waiter = { version: this.#version, resolve, reject };
      this.#waiters.add(waiter);
    });
    return within(client.clock, options, `waiting for "${printable(key)}" to be ${what}`, done).finally(() => {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    });
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#parts.client;
    const pause = new Backoff(clock, random, { capMs: 10_000 });
    while (!this.#life.aborted) {
      try {
        await this.#under(await this.#enter(), pause);
      } catch (error) {
        if (this.#life.aborted) return;
        this.#failed(error);
        await pause.wait(this.#life).catch(() => {});
      }
    }
  }

  /** The session to put the key under, of which its name is taken. */
  async #enter(): Promise<Session> {
    const { sessions, key } = this.#parts;
    if (this.#session !== undefined && !isOver(this.#session)) return this.#session;
    const session = await sessions.get(this.#life);
    this.#life.throwIfAborted();
    if (!session.names.claim(key)) throw this.#takenError('another one of this process has it');
    this.#session = session;
    this.#leases.add(session.lease);
    session.onEnd(this.#sessionEnded);
    return session;
  }

  /** Keeps the key in the store for as long as this session lasts. */
  async #under(session: Session, pause: Backoff): Promise<void> {
    while (!isOver(session)) {
      this.#life.throwIfAborted();
      if (!session.isLive()) await session.confirm();
      this.#news.take();
      if (!(await this.#step(session))) continue;
      await this.#idle();
      pause.reset();
    }
  }

  /** One step towards what should be. Resolves to whether there is nothing to do until something changes. */
  async #step(session: Session): Promise<boolean> {
    const entry = await this.#entry.current(session);
    // It may have ended meanwhile, and must not come to life again.
    this.#life.throwIfAborted();
    this.#compare(entry);
    const own = entry?.lease === session.lease;
    if (own && same(entry.value, this.#value)) return this.#settle(session, entry);
    if (entry !== undefined && !own && !this.#mayReplace(entry)) return this.#taken();
    if (this.#spoilt) {
      await this.#calmDown();
      return false;
    }
    if (entry === undefined) await this.#entry.create(session, this.#value);
    else if (own && !this.#parts.immutable) await this.#entry.write(session, entry, this.#value);
    else {
      if (this.#state.kind === 'present') this.#setState({ kind: 'absent' });
      await this.#entry.remove(session, entry);
    }
    return false;
  }

  #settle(session: Session, { created }: Entry): boolean {
    if (!session.isLive()) return false;
    this.#spoilt = false;
    const state = this.#state;
    if (state.kind !== 'present' || state.incarnation !== created || state.session !== session) {
      this.#presentAt = this.#parts.client.clock.now();
      this.#setState({ kind: 'present', incarnation: created, session });
    }
    this.#settled = this.#version;
    for (const waiter of this.#waiters) if (waiter.version <= this.#settled) waiter.resolve();
    return true;
  }

  /** What stands under an earlier session of one's own; and what was written over one's own, without a lease. */
  #mayReplace({ lease }: Entry): boolean {
    return lease === undefined ? this.#presentAt !== undefined : this.#leases.has(lease);
  }

  #taken(): boolean {
    const error = this.#takenError('it is there already, and not ours');
    if (this.#presentAt === undefined && this.#parts.onTaken === 'reject') throw error;
    if (this.#state.kind !== 'lost' || this.#state.reason.code !== 'MEMBER_EXISTS') this.#lose(error);
    // Whatever spoilt it is over when the other one goes.
    this.#spoilt = false;
    return true;
  }

  /** Two who each take the other for a nuisance must not keep the store busy. */
  async #calmDown(): Promise<void> {
    const { clock } = this.#parts.client;
    if (this.#presentAt !== undefined && clock.now() - this.#presentAt >= calmMs) this.#mending.reset();
    const ended = this.#session?.signal;
    const scope = openScope(clock, { signal: ended }, 'mending');
    const unlink = onAbort(this.#life, scope.abort);
    try {
      await this.#mending.wait(scope).catch(() => {});
    } finally {
      unlink();
      scope[Symbol.dispose]();
    }
    this.#spoilt = false;
  }

  /** Waits until something has changed. */
  async #idle(): Promise<void> {
    this.#entry.follow();
    if (this.#news.heard) return;
    const { clock } = this.#parts.client;
    const inCase = (wake: () => void) =>
      clock.after(lookAnywayMs, () => {
        this.#entry.unfollow();
        wake();
      });
    await firstOf(this.#life, [this.#news.arm, inCase]);
  }

  #watched(entry: Entry | undefined): void {
    this.#compare(entry);
    if (this.#state.kind === 'present' && entry !== undefined && !same(entry.value, this.#value)) this.#spoilt = true;
    this.#news.tell();
  }

  /** Finds out whether what was there is there no more. */
  #compare(entry: Entry | undefined): void {
    const state = this.#state;
    if (state.kind !== 'present') return;
    if (entry?.lease === state.session.lease && entry.created === state.incarnation) return;
    this.#spoilt = true;
    this.#lose(this.#lostError('it was deleted or overwritten'));
    // It may have gone with its lease: then whatever else is held by it should know now.
    void state.session.verify().catch(() => {});
  }

  readonly #sessionEnded = (reason: CoordinationError): void => {
    this.#session?.names.unclaim(this.#parts.key);
    if (!this.#parts.sessions.rejoin) this.#end(reason);
    else if (this.#state.kind === 'present') this.#lose(reason);
    this.#news.tell();
  };

  #failed(error: unknown): void {
    if (isRetryable(error)) return;
    const reason = isCoordinationError(error) ? error : this.#lostError('of an error that should not be', error);
    // Its end was heard of already, where it is one that another session follows.
    const sessionOver = reason.code === 'SESSION_LOST' || reason.code === 'SESSION_CLOSED';
    if (sessionOver && this.#parts.sessions.rejoin) return;
    const taken = reason.code === 'MEMBER_EXISTS';
    const mayWait = this.#presentAt !== undefined || this.#parts.onTaken === 'wait';
    if (sessionOver || (taken && !mayWait) || finalCodes.some((code) => code === reason.code)) {
      this.#end(reason);
      return;
    }
    if (!taken) for (const waiter of this.#waiters) waiter.reject(reason);
    if (this.#state.kind !== 'present') this.#setState({ kind: 'lost', reason });
  }

  #lose(reason: CoordinationError): void {
    const state = this.#state;
    this.#setState({ kind: 'lost', reason });
    if (state.kind !== 'present') return;
    const { key } = this.#parts;
    state.session.events.emitSafe('lost', { key, token: state.incarnation, reason });
  }

  /** The one place where it ends. What is left of it in the store goes, now or in the background. */
  #end(reason: CoordinationError): void {
    if (this.#state.kind === 'ended') return;
    this.#life.abort(reason);
    this.#entry.unfollow();
    this.#removed = this.#running.then(() => this.#clear());
    void this.#removed.catch(() => {});
    this.#setState({ kind: 'ended', reason });
    for (const waiter of this.#waiters) waiter.reject(reason);
  }

  async #clear(): Promise<boolean> {
    const session = this.#session;
    if (session === undefined) return false;
    session.offEnd(this.#sessionEnded);
    return removeEntry({ client: this.#parts.client, entry: this.#entry, session, leases: this.#leases });
  }

  #setState(state: LeasedKeyState): void {
    this.#state = state;
    this.#parts.changed(state);
  }

  #takenError(why: string): CoordinationError {
    const { key } = this.#parts;
    return new CoordinationError('MEMBER_EXISTS', `"${printable(key)}" cannot be had: ${why}.`, { key });
  }

  #lostError(why: string, cause?: unknown): CoordinationError {
    const { key } = this.#parts;
    return new CoordinationError('TICKET_LOST', `"${printable(key)}" was lost: ${why}.`, { key, cause });
  }
}

function isOver(session: Session | undefined): boolean {
  return session?.state.kind === 'lost' || session?.state.kind === 'closed';
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at]);
}
