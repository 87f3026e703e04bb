import { checkCall, checkCommit, checkLease, checkRange, checkRead, checkTtl, closedError } from '../core/checks.js';
import { type Clock, systemClock } from '../core/clock.js';
import { openScope, orAbort } from '../core/signals.js';
import type {
  CallOptions,
  Commit,
  CommitOptions,
  Guard,
  Lease,
  LeaseId,
  Op,
  Query,
  Range,
  ReadOptions,
  Snapshot,
  Store,
  StoreTraits,
  Watch,
} from '../core/store.js';
import { CoordinationError, isCoordinationError } from '../errors.js';
import { FaultyWatch } from './faulty-watch.js';
import { Gate } from './gate.js';

/** What can be asked of a store. */
export type Verb = 'read' | 'commit' | 'watch' | 'grant' | 'renew' | 'revoke';

/** Which of the coming calls a fault strikes. */
export interface FaultScope {
  /** How many calls. Default 1. */
  readonly count?: number;
  /** Calls of which verb. Default: of every verb. A watch is no call; see {@link FaultyStore.interrupt}. */
  readonly verb?: Exclude<Verb, 'watch'>;
}

interface Fault {
  readonly verb: Verb | undefined;
  readonly where: 'request' | 'answer';
  left: number;
}

const defaultTimeoutMs = 5_000;

/**
 * A store behind a network that can be made to fail, and that counts what is asked of it. It shows the faults as a
 * transport shows them: what surely was not applied fails with `UNAVAILABLE`, a commit of which that cannot be told with
 * `UNKNOWN_OUTCOME`, any other call that gets no answer in time (default 5,000 ms) with `TIMEOUT`.
 *
 * It owns the store it is put around: closing the one closes the other.
 */
export class FaultyStore implements Store {
  readonly traits: StoreTraits;
  readonly #inner: Store;
  readonly #clock: Clock;
  /** What ends with the store: calls that wait, and what is on its way. */
  readonly #open = new Set<() => void>();
  readonly #requestGate = new Gate();
  readonly #answerGate = new Gate();
  readonly #watches = new Set<FaultyWatch>();
  readonly #counts: Record<Verb, number> = { read: 0, commit: 0, watch: 0, grant: 0, renew: 0, revoke: 0 };
  #faults: Fault[] = [];
  #delayMs = 0;
  #partitioned = false;
  #closed = false;

  constructor(inner: Store, clock: Clock = systemClock) {
    this.#inner = inner;
    this.#clock = clock;
    this.traits = inner.traits;
  }

  /** How many calls of each verb were sent, those that then failed among them; not those refused as bad input. */
  get requests(): Readonly<Record<Verb, number>> {
    return { ...this.#counts };
  }

  /** All calls that were sent. */
  get requestCount(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  /** The next calls never reach the store: nothing is applied, and they reject with `UNAVAILABLE`. */
  dropRequests(scope: FaultScope = {}): void {
    this.#faults.push({ left: scope.count ?? 1, verb: scope.verb, where: 'request' });
  }

  /** The next calls are applied, but their answers get lost: a commit rejects with `UNKNOWN_OUTCOME`, others with `UNAVAILABLE`. */
  dropAnswers(scope: FaultScope = {}): void {
    this.#faults.push({ left: scope.count ?? 1, verb: scope.verb, where: 'answer' });
  }

  /** From now on a round trip takes this many milliseconds, half of them on the way there; an event takes half. 0: none. */
  delay(ms: number): void {
    this.#delayMs = ms;
    for (const watch of this.#watches) watch.delay(ms / 2);
  }

  /** From now on requests wait before they are applied. One whose caller has given up is applied nevertheless, late. */
  holdRequests(): void {
    this.#requestGate.close();
  }

  /** Lets go, in order, what {@link holdRequests} kept. A partition still stands in its way. */
  releaseRequests(): void {
    if (!this.#partitioned) this.#requestGate.open();
  }

  /** From now on answers wait, after the call was applied. */
  holdAnswers(): void {
    this.#answerGate.close();
  }

  /** Lets go, in order, what {@link holdAnswers} kept. A partition still stands in its way. */
  releaseAnswers(): void {
    if (!this.#partitioned) this.#answerGate.open();
  }

  /**
   * Cuts the client off: calls hang, answers on their way with them, until their timeout or {@link heal}; watches fall
   * silent without an error, as over a dead connection.
   */
  partition(): void {
    this.#partitioned = true;
    this.holdRequests();
    this.holdAnswers();
    for (const watch of this.#watches) watch.cut();
  }

  /**
   * Ends a partition, and anything held. What was sent meanwhile is applied now, late even where its caller has given
   * up; watches start again from a snapshot.
   */
  heal(): void {
    this.#partitioned = false;
    this.releaseRequests();
    this.releaseAnswers();
    for (const watch of this.#watches) watch.restore();
  }

  /** Breaks the connection of the watches, which come back at once, from a snapshot. */
  interrupt(): void {
    for (const watch of this.#watches) {
      watch.cut();
      if (!this.#partitioned) watch.restore();
    }
  }

  async read(query: Query, options?: ReadOptions): Promise<Snapshot> {
    checkRead(this.traits, query, options);
    const { revision } = options ?? {};
    return this.#call('read', options, () => this.#inner.read(query, { revision }));
  }

  async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    checkCommit(this.traits, guards, ops, options);
    const { otherwise } = options ?? {};
    const looks = ops.every(({ kind }) => kind === 'read');
    return this.#call('commit', options, () => this.#inner.commit(guards, ops, { otherwise }), looks);
  }

  async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    checkTtl(ttlMs, this.traits);
    checkCall(options, 'grant');
    return this.#call('grant', options, () => this.#inner.grant(ttlMs));
  }

  async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    checkLease(lease);
    checkCall(options, 'renew');
    return this.#call('renew', options, () => this.#inner.renew(lease));
  }

  async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    checkLease(lease);
    checkCall(options, 'revoke');
    return this.#call('revoke', options, () => this.#inner.revoke(lease));
  }

  watch(range: Range, options?: CallOptions): Watch {
    checkRange(range);
    checkCall(options, 'watch');
    if (this.#closed) throw closedError('store');
    this.#counts.watch++;
    const watch = new FaultyWatch({
      open: () => this.#inner.watch(range),
      clock: this.#clock,
      options,
      delayMs: this.#delayMs / 2,
      cut: this.#partitioned,
      ended: (ended) => this.#watches.delete(ended),
    });
    this.#watches.add(watch);
    return watch.queue;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#open) end();
    this.#open.clear();
    for (const watch of this.#watches) watch.queue.fail(closedError('store'));
    await this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `looks`: it writes nothing, so that it may be made again whatever became of it. */
  async #call<T>(
    verb: Verb,
    options: CallOptions | undefined,
    send: () => Promise<T>,
    looks = verb !== 'commit',
  ): Promise<T> {
    if (this.#closed) throw closedError('store');
    this.#counts[verb]++;
    const limits = { signal: options?.signal, timeoutMs: options?.timeoutMs ?? defaultTimeoutMs };
    using scope = openScope(this.#clock, limits, verb);
    const end = (): void => scope.abort(closedError('store'));
    this.#open.add(end);
    try {
      return await orAbort(this.#travel(verb, this.#takeFault(verb), send, looks), scope);
    } catch (error) {
      // The caller's own reason goes through untouched, even if it is a TIMEOUT too.
      const ownTimeout = isCoordinationError(error, 'TIMEOUT') && !options?.signal?.aborted;
      throw !looks && ownTimeout ? unknownOutcome(error) : error;
    } finally {
      this.#open.delete(end);
    }
  }

  /** There and back. Goes on when the caller gives up: what is sent is sent. */
  async #travel<T>(verb: Verb, fault: Fault['where'] | undefined, send: () => Promise<T>, looks: boolean): Promise<T> {
    await this.#half();
    if (fault === 'request') throw unavailable(verb);
    await this.#requestGate.pass();
    const answer = await send();
    await this.#half();
    await this.#answerGate.pass();
    if (fault === 'answer') throw looks ? unavailable(verb) : unknownOutcome();
    return answer;
  }

  /** Half a round trip. One that the end of the store cuts short never arrives. */
  async #half(): Promise<void> {
    if (this.#delayMs <= 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(this.#delayMs / 2, () => {
        this.#open.delete(cancel);
        resolve();
      });
      this.#open.add(cancel);
    });
  }

  #takeFault(verb: Verb): Fault['where'] | undefined {
    const fault = this.#faults.find((one) => one.verb === undefined || one.verb === verb);
    if (fault !== undefined && --fault.left <= 0) this.#faults = this.#faults.filter((one) => one !== fault);
    return fault?.where;
  }
}

function unavailable(verb: Verb): CoordinationError {
  return new CoordinationError('UNAVAILABLE', `The store cannot be reached (${verb}).`);
}

function unknownOutcome(cause?: unknown): CoordinationError {
  const sentence = 'It cannot be told whether the commit was applied: no answer came.';
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { cause });
}
