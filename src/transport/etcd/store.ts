import { setMaxListeners } from 'node:events';
import { checkCall, checkCommit, checkLease, checkRange, checkRead, checkTtl, closedError } from '../../core/checks.js';
import { type Clock, type Random, systemClock, systemRandom } from '../../core/clock.js';
import { observedCommit } from '../../core/observed-commit.js';
import { firstNameOf, nameOf, rangeOf } from '../../core/ranges.js';
import type {
  CallOptions,
  Commit,
  CommitOptions,
  Entry,
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
import { CoordinationError, isCoordinationError } from '../../errors.js';
import { Calls } from './calls.js';
import { ClusterGuard } from './cluster-guard.js';
import { LeaseGrantRequest, LeaseRevokeRequest } from './codec/etcd.js';
import { CommitBatch, type Waiting } from './commit-batch.js';
import { Endpoints } from './endpoints.js';
import { fromNumber, leaseNumber, leaseText, toBigint } from './int64.js';
import { LeaseHub } from './lease-hub.js';
import { finished, methods } from './methods.js';
import { type EtcdOptions, resolveOptions } from './options.js';
import { KeySpace } from './ranges.js';
import { Retry } from './retry.js';
import { fromTxn, inOrder, nestedAnswers, nestedTxnRequest, rangeRequest, toEntry, txnRequest } from './translate.js';
import { WatchHub } from './watch-hub.js';

/**
 * etcd's own limits: 128 operations, and 1.5 MiB for a whole request, of which 64 KiB are left for keys and the rest. It
 * grants whole seconds and no less than two; a TTL is rounded up. The longest is a year, far below etcd's own limit, since
 * a lease that outlives every deployment is a mistake.
 */
const etcdTraits: StoreTraits = Object.freeze({
  name: 'etcd',
  maxOps: 128,
  maxValueBytes: (1536 - 64) * 1024,
  minTtlMs: 1_000,
  maxTtlMs: 365 * 86_400_000,
  ttlFactor: 1,
  exactHeld: true,
  rangeGuards: true,
  pastReads: true,
  binaryKeys: true,
});

/** What a store has sent so far. */
export interface EtcdStats {
  /** Unary requests by method, as `Txn`, `Range`, `LeaseGrant`. */
  readonly unary: Readonly<Record<string, number>>;
  readonly watchCreates: number;
  readonly watchCancels: number;
  /** Requests on the keep-alive stream. */
  readonly renewals: number;
  readonly streamsOpened: number;
  /** Streams open now: at most one for watches and one for renewals. */
  readonly openStreams: number;
}

/** Where a store gets its time and randomness from. */
export interface EtcdDeps {
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * A store on etcd, 3.4 or later. Opens nothing until the first call.
 *
 * Errors by code: `INVALID_ENDPOINT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, `INVALID_PREFIX` (namespace),
 * `INSECURE_CREDENTIALS`.
 */
export function createEtcdStore(options: EtcdOptions, deps: EtcdDeps = {}): EtcdStore {
  return new EtcdStore(options, deps);
}

/** {@link Store} on etcd; see {@link createEtcdStore}. */
export class EtcdStore implements Store {
  readonly traits: StoreTraits = etcdTraits;
  readonly #life = new AbortController();
  readonly #clock: Clock;
  readonly #space: KeySpace;
  readonly #guard: ClusterGuard;
  readonly #endpoints: Endpoints;
  readonly #calls: Calls;
  readonly #batch: CommitBatch;
  readonly #watches: WatchHub;
  readonly #leases: LeaseHub;
  #streamsOpened = 0;
  #openStreams = 0;

  constructor(options: EtcdOptions, { clock = systemClock, random = systemRandom }: EtcdDeps = {}) {
    const config = resolveOptions(options);
    const life = this.#life.signal;
    this.#clock = clock;
    // Every call under way may listen to it; Node takes more than ten for a leak.
    setMaxListeners(0, life);
    this.#space = new KeySpace(config.namespace);
    this.#guard = new ClusterGuard((error) => this.#end(error));
    this.#endpoints = new Endpoints(config, clock, random, life);
    this.#calls = new Calls(config, this.#endpoints, clock, random, life);
    this.#batch = new CommitBatch({
      single: (commit) => this.#commit(commit, { timeoutMs: commit.timeoutMs }),
      together: (commits) => this.#commitTogether(commits),
    });
    const context = {
      ...{ clock, life, space: this.#space, guard: this.#guard, endpoints: this.#endpoints, auth: this.#calls.auth },
      ...config.timeouts,
      count: (change: 1 | -1): void => this.#count(change),
      retry: (): Retry => new Retry(clock, random, config.retry),
      read: (range: Range): Promise<Snapshot> => this.#read(range, undefined),
    };
    this.#watches = new WatchHub(context);
    this.#leases = new LeaseHub(context);
  }

  get stats(): EtcdStats {
    return {
      unary: Object.fromEntries(this.#calls.counts),
      watchCreates: this.#watches.creates,
      watchCancels: this.#watches.cancels,
      renewals: this.#leases.renewals,
      streamsOpened: this.#streamsOpened,
      openStreams: this.#openStreams,
    };
  }

  async read(query: Query, options?: ReadOptions): Promise<Snapshot> {
    checkRead(this.traits, query, options);
    this.#space.check([query]);
    return await this.#read(query, options, options?.revision);
  }

  async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    checkCommit(this.traits, guards, ops, options);
    const waiting = { guards, ops, otherwise: options?.otherwise ?? [], timeoutMs: options?.timeoutMs };
    this.#space.check([...guards, ...waiting.otherwise, ...ops.map(rangeOf)]);
    const alone = !CommitBatch.accepts(waiting, options);
    return await observedCommit(this.traits.name, this.#clock, guards, ops, () =>
      alone ? this.#commit(waiting, options) : this.#batch.commit(waiting),
    );
  }

  watch(range: Range, options?: CallOptions): Watch {
    checkRange(range);
    this.#space.check([range]);
    checkCall(options, 'watch');
    this.#life.signal.throwIfAborted();
    return this.#watches.watch(range, options);
  }

  async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    checkTtl(ttlMs, this.traits);
    checkCall(options, 'grant');
    const request = finished(LeaseGrantRequest.encode({ TTL: fromNumber(Math.ceil(ttlMs / 1_000)) }));
    // A grant whose answer is lost leaves a lease without keys, which ends by itself.
    const job = { method: methods.leaseGrant, request, kind: 'repeatable', verb: 'grant a lease', options } as const;
    const answer = await this.#calls.call(job);
    this.#guard.check(answer.header);
    return { id: leaseText(answer.ID), ttlMs: Number(toBigint(answer.TTL)) * 1_000 };
  }

  async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    checkLease(lease);
    checkCall(options, 'renew');
    this.#life.signal.throwIfAborted();
    return await this.#leases.renew(lease, options);
  }

  async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    checkLease(lease);
    checkCall(options, 'revoke');
    const request = finished(LeaseRevokeRequest.encode({ ID: leaseNumber(lease) }));
    const details = { lease };
    const job = {
      method: methods.leaseRevoke,
      request,
      kind: 'repeatable',
      verb: 'revoke a lease',
      details,
      options,
    } as const;
    try {
      this.#guard.check((await this.#calls.call(job)).header);
    } catch (error) {
      if (!isCoordinationError(error, 'LEASE_NOT_FOUND')) throw error;
    }
  }

  async close(): Promise<void> {
    this.#end(closedError('store'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends everything with this error, which every later call rejects with as well. Only the first end counts. */
  #end(error: CoordinationError): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort(error);
    this.#calls.close(error);
    this.#watches.close(error);
    this.#leases.close(error);
    this.#endpoints.close();
  }

  #count(change: 1 | -1): void {
    this.#openStreams += change;
    if (change > 0) this.#streamsOpened++;
  }

  /** One commit in a request of its own. */
  async #commit({ guards, ops, otherwise }: Waiting, options: CommitOptions | undefined): Promise<Commit> {
    const request = txnRequest(this.#space, guards, ops, otherwise);
    const since = this.#guard.seen;
    const kind = ops.some((op) => op.kind !== 'read') ? 'write' : 'repeatable';
    const key = firstNameOf(guards, ops);
    const details = key === undefined ? {} : { key };
    const answer = await this.#calls.call({ method: methods.txn, request, kind, verb: 'commit', details, options });
    const revision = this.#guard.check(answer.header, since);
    const { commit, cut } = fromTxn(this.#space, answer, revision, ops, otherwise);
    return cut.length === 0 ? commit : await this.#complete(commit, cut, options);
  }

  /** Several commits that do not concern each other, in one request. */
  async #commitTogether(commits: readonly Waiting[]): Promise<readonly Commit[]> {
    const request = nestedTxnRequest(this.#space, commits);
    const since = this.#guard.seen;
    const verb = `${commits.length} commits`;
    const options = { timeoutMs: commits[0]?.timeoutMs };
    const answer = await this.#calls.call({ method: methods.txn, request, kind: 'write', verb, options });
    const revision = this.#guard.check(answer.header, since);
    const answers = nestedAnswers(answer, commits.length).map((one, at) => {
      const { ops, otherwise } = commits[at] as Waiting; // There is one answer for each.
      return fromTxn(this.#space, one, revision, ops, otherwise);
    });
    return await Promise.all(
      answers.map(({ commit, cut }) => (cut.length === 0 ? commit : this.#complete(commit, cut))),
    );
  }

  /** `at`: the state as it was at this revision. The header then still tells the present one, which is what is guarded. */
  async #read(query: Query, options: CallOptions | undefined, at?: bigint): Promise<Snapshot> {
    const request = rangeRequest(this.#space, query, at);
    const since = this.#guard.seen;
    const details = { key: nameOf(query) };
    const job = { method: methods.range, request, kind: 'repeatable', verb: 'read', details, options } as const;
    const answer = await this.#calls.call(job);
    const present = this.#guard.check(answer.header, since);
    const found = inOrder(
      query,
      answer.kvs.map((kv) => toEntry(this.#space, kv)),
    );
    if (found !== 'cut') return { revision: at ?? present, entries: found };
    const whole = await this.#read(unlimited(query), options, at);
    return { revision: whole.revision, entries: whole.entries.slice(0, query.limit) };
  }

  /**
   * Reads again, at the revision of the commit, what its limits cut through in the middle of a tie. The commit itself may
   * have been applied by then, so that a failure must not look as if nothing was.
   */
  async #complete(
    commit: Commit,
    cut: readonly { readonly at: number; readonly query: Query }[],
    options?: CallOptions,
  ): Promise<Commit> {
    const reads: (readonly Entry[])[] = [...commit.reads];
    const call = { signal: options?.signal, timeoutMs: options?.timeoutMs };
    try {
      for (const { at, query } of cut) {
        const { entries } = await this.#read(unlimited(query), call, commit.revision);
        reads[at] = entries.slice(0, query.limit);
      }
    } catch (cause) {
      options?.signal?.throwIfAborted();
      throw new CoordinationError('UNKNOWN_OUTCOME', 'A commit was answered, but what it read could not be had.', {
        cause,
      });
    }
    return { ...commit, reads };
  }
}

function unlimited(query: Query): Query {
  const { limit: _, ...rest } = query;
  return rest as Query; // Its fields are optional but for the range, which is still there.
}
