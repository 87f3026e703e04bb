import { checkCall, checkCommit, checkLease, checkRange, checkRead, checkTtl, closedError } from '../../core/checks.js';
import type { Clock } from '../../core/clock.js';
import { observedCommit } from '../../core/observed-commit.js';
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
} from '../../core/store.js';
import type { Connection } from './connection.js';
import { checkNames } from './personality.js';
import type { Served, SimulatedService } from './service.js';
import { type CallName, SimulatedCall } from './simulated-call.js';
import { SimulatedWatch } from './simulated-watch.js';

/** How many calls of each kind were put to the store. */
export type CallCounts = Readonly<Record<CallName | 'watch', number>>;

/** A store as one client of it has it: everything goes over a {@link Connection}. */
export class SimulatedStore implements Store {
  readonly traits: StoreTraits;
  readonly #service: SimulatedService;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #calls = new Set<SimulatedCall>();
  readonly #watches = new Set<SimulatedWatch>();
  readonly #counts = { read: 0, commit: 0, grant: 0, renew: 0, revoke: 0, watch: 0 };
  #closed = false;

  /** @internal Called with every call, before it is sent. */
  sent: () => void = () => {};

  constructor(service: SimulatedService, connection: Connection, clock: Clock) {
    this.#service = service;
    this.#connection = connection;
    this.#clock = clock;
    this.traits = service.personality.traits;
  }

  /** How many calls were put to the store so far. */
  get counts(): CallCounts {
    return { ...this.#counts };
  }

  /** How many watches are open. */
  get watching(): number {
    return this.#watches.size;
  }

  async read(query: Query, options?: ReadOptions): Promise<Snapshot> {
    checkRead(this.traits, query, options);
    checkNames(this.traits, query);
    return this.#call('read', options, () => this.#service.read(query, options?.revision), false);
  }

  async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    checkCommit(this.traits, guards, ops, options);
    checkNames(this.traits, ...guards, ...ops, ...(options?.otherwise ?? []));
    const run = (): Promise<Commit> => this.#commit(guards, ops, options);
    return observedCommit(this.traits.name, this.#clock, guards, ops, run);
  }

  watch(range: Range, options?: CallOptions): Watch {
    checkRange(range);
    checkNames(this.traits, range);
    checkCall(options, 'watch');
    if (this.#closed) throw closedError('store');
    this.#counts.watch++;
    const watch = new SimulatedWatch({
      service: this.#service,
      connection: this.#connection,
      clock: this.#clock,
      range,
      options,
      ended: (ended) => this.#watches.delete(ended),
    });
    this.#watches.add(watch);
    return watch.queue;
  }

  async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    checkTtl(ttlMs, this.traits);
    checkCall(options, 'grant');
    return this.#call('grant', options, () => this.#service.grant(ttlMs), false);
  }

  async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    checkLease(lease);
    checkCall(options, 'renew');
    return this.#call('renew', options, () => this.#service.renew(lease), false);
  }

  async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    checkLease(lease);
    checkCall(options, 'revoke');
    await this.#call('revoke', options, () => this.#service.revoke(lease), false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const call of [...this.#calls]) call.fail(closedError('store'));
    for (const watch of [...this.#watches]) watch.queue.fail(closedError('store'));
    this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #commit(guards: readonly Guard[], ops: readonly Op[], options: CommitOptions | undefined): Promise<Commit> {
    const writes = ops.some(({ kind }) => kind !== 'read');
    const { readsApart } = this.#service.personality;
    const otherwise = options?.otherwise ?? [];
    const serve = (): Served => this.#service.commit(guards, ops, readsApart ? [] : otherwise);
    const waitMs = (): number => this.#service.delayOf(ops);
    const done = await this.#call('commit', options, serve, writes, waitMs);
    if (done.ok || !readsApart || otherwise.length === 0) return done;
    const look = (): Served =>
      this.#service.commit(
        [],
        otherwise.map((query) => ({ kind: 'read', query })),
        [],
      );
    const { reads } = await this.#call('commit', options, look, false);
    return { ...done, reads };
  }

  #call<T>(
    name: CallName,
    options: CallOptions | undefined,
    serve: () => T,
    writes: boolean,
    waitMs?: () => number,
  ): Promise<T> {
    if (this.#closed) throw closedError('store');
    options?.signal?.throwIfAborted();
    this.#counts[name]++;
    this.sent();
    return new Promise<T>((resolve, reject) => {
      const ended = (call: SimulatedCall): void => {
        this.#calls.delete(call);
        this.#connection.forget(call);
      };
      const setup = { name, clock: this.#clock, options, writes, serve, waitMs, resolve, reject, ended };
      const call = new SimulatedCall(setup);
      this.#calls.add(call);
      this.#connection.request(call);
    });
  }
}
