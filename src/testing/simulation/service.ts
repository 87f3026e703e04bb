import type { Guard, Lease, LeaseId, Op, Query, Range, Snapshot } from '../../core/store.js';
import { CoordinationError } from '../../errors.js';
import { MemoryCluster } from '../../transport/memory/cluster.js';
import type { Revision } from '../../transport/memory/history.js';
import { type Follower, toEntry } from '../../transport/memory/watchers.js';
import type { Personality } from './personality.js';
import type { Timeline } from './scheduler.js';
import type { SeededRandom } from './seeded-random.js';

/** What a commit came to at the store. */
export interface Served {
  readonly ok: boolean;
  readonly revision: bigint;
  readonly reads: Snapshot['entries'][];
}

/** Hears of each revision, in the moment in which it comes to be; `generation` counts the clusters that there were. */
export type RevisionListener = (revision: Revision, generation: number) => void;

/**
 * The store as its servers have it: the embedded store's state machine, with the ways of another one, and with what can
 * happen to it.
 */
export class SimulatedService {
  readonly personality: Personality;
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  readonly #listener: RevisionListener;
  readonly #waiting: (() => void)[] = [];
  readonly #delayed = new Map<string, number>();
  #cluster: MemoryCluster;
  #generation = 1;
  #leaderlessUntilMs = 0;
  /** Whether its quota is exceeded: what takes room is refused. */
  full = false;
  /** For how long a key whose lease ended early is kept from the next one that wants it (Consul's lock-delay). */
  lockDelayMs = 0;

  constructor(timeline: Timeline, personality: Personality, random: SeededRandom, listener: RevisionListener) {
    this.#timeline = timeline;
    this.personality = personality;
    this.#random = random;
    this.#listener = listener;
    this.#cluster = this.#found();
  }

  /** What is in it, for those who may look behind the curtain. */
  get cluster(): MemoryCluster {
    return this.#cluster;
  }

  /** How many clusters there were, this one included. */
  get generation(): number {
    return this.#generation;
  }

  get leaderless(): boolean {
    return this.#timeline.now() < this.#leaderlessUntilMs;
  }

  /** Takes in what is to be served once there is a leader. */
  receive(serve: () => void): void {
    if (this.leaderless) this.#waiting.push(serve);
    else serve();
  }

  /** As {@link receive}, for a request that has to go through the leader: some of those that come too late for it are lost. */
  propose(serve: () => void): void {
    if (!this.leaderless || this.#random.chance(0.8)) this.receive(serve);
  }

  /** The leader is gone; there is another one after so long, who gives every lease its full time again. */
  failOver(forMs: number): void {
    if (this.leaderless) return;
    this.#leaderlessUntilMs = this.#timeline.now() + forMs;
    this.#cluster.run('refresh', { inMs: forMs });
    this.#timeline.after(forMs, () => {
      for (const serve of this.#waiting.splice(0)) serve();
    });
  }

  /** All is lost, and another cluster stands in the same place. */
  rebuild(): void {
    this.#generation++;
    this.full = false;
    this.#cluster = this.#found();
  }

  /** Whether a lease came to its end by itself or by an operator, the keys of it cannot be had at once on Consul. */
  revokeLease(lease: LeaseId): boolean {
    for (const { id, keys } of this.#cluster.leases()) {
      if (id !== lease) continue;
      for (const key of keys) this.#delayed.set(key, this.#timeline.now() + this.lockDelayMs);
    }
    return this.#cluster.revokeLease(lease);
  }

  /** How long a commit has to wait for a lock-delay. */
  delayOf(ops: readonly Op[]): number {
    let untilMs = 0;
    if (this.#delayed.size === 0) return 0;
    for (const op of ops) {
      if (op.kind === 'put' && op.lease !== undefined) untilMs = Math.max(untilMs, this.#delayed.get(op.key) ?? 0);
    }
    return Math.max(0, untilMs - this.#timeline.now());
  }

  read(query: Query, at?: bigint): Snapshot {
    const { revision, versions } =
      at === undefined
        ? this.#cluster.run('read', { query })
        : this.#cluster.run('readAt', { query, revision: Number(at) });
    return { revision: BigInt(revision), entries: versions.map(toEntry) };
  }

  commit(guards: readonly Guard[], ops: readonly Op[], otherwise: readonly Query[]): Served {
    if (this.full && ops.some(({ kind }) => kind === 'put')) throw noSpace();
    const { ok, revision, reads } = this.#cluster.run('commit', { guards, ops, otherwise });
    return { ok, revision: BigInt(revision), reads: reads.map((versions) => versions.map(toEntry)) };
  }

  grant(askedMs: number): Lease {
    if (this.full) throw noSpace();
    const { shortestTtlMs, grace } = this.personality;
    const ttlMs = Math.max(askedMs, shortestTtlMs);
    const lease = this.#cluster.nextLeaseId();
    this.#cluster.run('grant', { lease, ttlMs, graceMs: grace * ttlMs * this.#random.next() });
    return { id: lease, ttlMs };
  }

  renew(lease: LeaseId): Lease {
    const { id, ttlMs } = this.#cluster.run('renew', { lease });
    return { id, ttlMs };
  }

  revoke(lease: LeaseId): void {
    this.#cluster.run('revoke', { lease });
  }

  follow(range: Range, follower: Follower): () => void {
    const cluster = this.#cluster;
    cluster.follow(range, follower);
    return () => cluster.unfollow(range, follower);
  }

  #found(): MemoryCluster {
    const cluster = new MemoryCluster({ clock: this.#timeline });
    const generation = this.#generation;
    cluster.observe((revision) => this.#listener(revision, generation));
    return cluster;
  }
}

function noSpace(): CoordinationError {
  return new CoordinationError('NO_SPACE', 'The store is full: it takes no writes until room is made.');
}
