import { checkCall, checkCommit, checkLease, checkRange, checkRead, checkTtl, closedError } from '../../core/checks.js';
import { observedCommit } from '../../core/observed-commit.js';
import { nameOf } from '../../core/ranges.js';
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
import { WatchQueue } from '../../core/stream.js';
import type { MemoryCluster } from './cluster.js';
import { toEntry } from './watchers.js';

/**
 * The limits are those of etcd where recipes could come to depend on them: 128 operations, and values of 1.5 MiB less
 * 64 KiB, since etcd counts the keys and everything else of a request too. Leases may be far shorter than etcd's two
 * seconds, for the sake of tests, and are granted exactly as asked.
 */
const memoryTraits: StoreTraits = Object.freeze({
  name: 'memory',
  maxOps: 128,
  maxValueBytes: (1536 - 64) * 1024,
  minTtlMs: 10,
  maxTtlMs: 86_400_000,
  ttlFactor: 1,
  exactHeld: true,
  rangeGuards: true,
  pastReads: true,
  binaryKeys: true,
});

/**
 * One client of an embedded store. Calls take effect in the order in which they are made, at once; their answers come in
 * a later microtask, never during the call. Nothing can be slow or fail here, so `timeoutMs` never strikes.
 */
export class MemoryStore implements Store {
  readonly traits: StoreTraits = memoryTraits;
  readonly #cluster: MemoryCluster;
  readonly #watches = new Set<WatchQueue>();
  #closed = false;

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster;
  }

  async read(query: Query, options?: ReadOptions): Promise<Snapshot> {
    checkRead(this.traits, query, options);
    return this.#answer(options, () => this.#snapshot(query, options?.revision));
  }

  async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    checkCommit(this.traits, guards, ops, options);
    const apply = (): Commit => {
      const otherwise = options?.otherwise ?? [];
      const { ok, revision, reads } = this.#cluster.run('commit', { guards, ops, otherwise });
      return { ok, revision: BigInt(revision), reads: reads.map((versions) => versions.map(toEntry)) };
    };
    const { name } = this.traits;
    return observedCommit(name, this.#cluster.clock, guards, ops, () => this.#answer(options, apply));
  }

  watch(range: Range, options?: CallOptions): Watch {
    checkRange(range);
    checkCall(options, 'watch');
    if (this.#closed) throw closedError('store');
    const tell = (): void => {
      const { revision, entries } = this.#snapshot(range);
      queue.snapshot(revision, entries);
    };
    const ended = (): void => {
      this.#watches.delete(queue);
      this.#cluster.unfollow(range, queue);
    };
    const queue = new WatchQueue({ range: nameOf(range), resnapshot: tell, ended }, this.#cluster.clock, options);
    this.#watches.add(queue);
    this.#cluster.follow(range, queue);
    tell();
    return queue;
  }

  async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    checkTtl(ttlMs, this.traits);
    checkCall(options, 'grant');
    return this.#answer(options, () => {
      const lease = this.#cluster.nextLeaseId();
      this.#cluster.run('grant', { lease, ttlMs });
      return { id: lease, ttlMs };
    });
  }

  async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    checkLease(lease);
    checkCall(options, 'renew');
    return this.#answer(options, () => {
      const { id, ttlMs } = this.#cluster.run('renew', { lease });
      return { id, ttlMs };
    });
  }

  async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    checkLease(lease);
    checkCall(options, 'revoke');
    await this.#answer(options, () => this.#cluster.run('revoke', { lease }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.fail(closedError('store'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Applies now and answers later; an abort or a close in between has the last word, as with a store far away. */
  async #answer<T>(options: CallOptions | undefined, run: () => T): Promise<T> {
    if (this.#closed) throw closedError('store');
    const answer = run();
    await Promise.resolve();
    if (this.#closed) throw closedError('store');
    options?.signal?.throwIfAborted();
    return answer;
  }

  #snapshot(query: Query, at?: bigint): Snapshot {
    const { revision, versions } =
      at === undefined
        ? this.#cluster.run('read', { query })
        : this.#cluster.run('readAt', { query, revision: Number(at) });
    return { revision: BigInt(revision), entries: versions.map(toEntry) };
  }
}
