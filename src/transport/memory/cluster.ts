import { checkKnown } from '../../core/checks.js';
import { type Cancel, type Clock, systemClock } from '../../core/clock.js';
import { type Entry, type LeaseId, put, type Range, remove } from '../../core/store.js';
import type { HistoryLimits, Revision } from './history.js';
import { apply, emptyState, type Kind, type Requests, type Responses, type State } from './state.js';
import { MemoryStore } from './store.js';
import { type Follower, toEntry, Watchers } from './watchers.js';

export interface MemoryClusterOptions {
  /** What leases are timed by. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** How much history is kept for reads in the past. Default: 10,000 revisions, and no more than 64 MiB of them. */
  readonly history?: HistoryLimits | undefined;
}

/** A lease as an operator sees it. */
export interface LeaseInfo {
  readonly id: LeaseId;
  /** The time to live that was granted. */
  readonly ttlMs: number;
  /** How much of it is left. */
  readonly leftMs: number;
  /** The keys that end with it. */
  readonly keys: readonly string[];
}

/** @internal Makes an embedded store that lives in this process and is empty. Cheap; nothing runs until it is used. */
export function createMemoryCluster(options: MemoryClusterOptions = {}): MemoryCluster {
  return new MemoryCluster(options);
}

/**
 * What the clients of one embedded store share. {@link store} makes a client; all other verbs are those of an operator:
 * they act at once, whoever holds what.
 *
 * Its one timer runs only while there is both a lease to end and a watch to tell of it. Without a watch leases end just
 * as exactly, at the next call.
 */
export class MemoryCluster {
  /** What leases are timed by. */
  readonly clock: Clock;
  readonly #state: State;
  readonly #watchers = new Watchers();
  readonly #unpublished: Revision[] = [];
  readonly #observers: ((revision: Revision) => void)[] = [];
  #publishing = false;
  #granted = 0;
  #timer: { readonly atMs: number; readonly cancel: Cancel } | undefined;

  constructor(options: MemoryClusterOptions = {}) {
    checkKnown(options, ['clock', 'history'], 'a memory cluster');
    this.clock = options.clock ?? systemClock;
    this.#state = emptyState(options.history);
  }

  /** A new client of this cluster, independent of the others. */
  store(): MemoryStore {
    return new MemoryStore(this);
  }

  /** Writes a key without a lease, as any other program could. Returns the revision. */
  putKey(key: string, value: Uint8Array | string): bigint {
    return this.#commit(put(key, value));
  }

  /** Deletes a key, as any other program could. Returns the revision. */
  deleteKey(key: string): bigint {
    return this.#commit(remove(key));
  }

  /** Ends a lease now, and with it its keys. Returns whether there was such a lease. */
  revokeLease(id: LeaseId): boolean {
    return this.run('revoke', { lease: id });
  }

  /** Ends every lease now, as an etcd leader does that was stuck for long (etcd #15247). */
  revokeAll(): void {
    for (const { id } of this.leases()) this.revokeLease(id);
  }

  /** Forgets what changed up to this revision. Default: up to the present one. */
  compact(revision?: bigint): void {
    this.run('compact', { revision: revision === undefined ? this.#state.revision : Number(revision) });
  }

  /** All leases, the oldest first. */
  leases(): LeaseInfo[] {
    this.run('expire', {});
    const now = this.clock.now();
    return this.#state.leases.all().map(({ id, ttlMs, deadlineMs, keys }) => {
      return { id, ttlMs, leftMs: deadlineMs - now, keys: [...keys] };
    });
  }

  /** All entries of all keys, by key. */
  entries(): Entry[] {
    this.run('expire', {});
    return this.#state.keys.all().map(toEntry);
  }

  /** @internal Carries out a request now, and tells those who watch. */
  run<K extends Kind>(kind: K, request: Requests[K]): Responses[K] {
    const { outcome, events } = apply(this.#state, kind, request, this.clock.now());
    if (events.length > 0) this.#publish(events);
    this.#arm();
    if ('error' in outcome) throw outcome.error;
    return outcome.response;
  }

  /** @internal An id that no lease has had. */
  nextLeaseId(): LeaseId {
    return (0x1000 + ++this.#granted).toString(16);
  }

  /** @internal From now on, tells of every revision, before those who watch. */
  observe(observer: (revision: Revision) => void): void {
    this.#observers.push(observer);
    this.#arm();
  }

  /** @internal What changed after this revision, oldest first; undefined where that is compacted. */
  since(revision: number): readonly Revision[] | undefined {
    return this.#state.history.since(revision);
  }

  /** @internal From now on, tells the queue of every change in the range. */
  follow(range: Range, queue: Follower): void {
    this.#watchers.add(range, queue);
    this.#arm();
  }

  /** @internal */
  unfollow(range: Range, queue: Follower): void {
    this.#watchers.delete(range, queue);
    this.#arm();
  }

  #commit(op: ReturnType<typeof put>): bigint {
    return BigInt(this.run('commit', { guards: [], ops: [op], otherwise: [] }).revision);
  }

  /** In order, even if telling one watch makes it read, and that read ends a lease. */
  #publish(events: readonly Revision[]): void {
    this.#unpublished.push(...events);
    if (this.#publishing) return;
    this.#publishing = true;
    try {
      for (let next = this.#unpublished.shift(); next !== undefined; next = this.#unpublished.shift()) {
        for (const observer of this.#observers) observer(next);
        this.#watchers.publish(next);
      }
    } finally {
      this.#publishing = false;
    }
  }

  /** Sees to it that the timer stands at the next end of a lease, if that concerns anybody. */
  #arm(): void {
    const concerns = this.#watchers.any || this.#observers.length > 0;
    const atMs = concerns ? this.#state.leases.next()?.deadlineMs : undefined;
    // A timer that stands too early is left: it moves on when it fires. Renewals would else re-arm it each time.
    if (this.#timer !== undefined && atMs !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (atMs === undefined) return;
    const cancel = this.clock.after(atMs - this.clock.now(), () => {
      this.#timer = undefined;
      this.run('expire', {});
    });
    this.#timer = { atMs, cancel };
  }
}
