/**
 * The store contract: the narrowest set of verbs that etcd, Consul and the embedded store keep exactly. Recipes are
 * written on it and on nothing else; a transport is done when the contract suite of `coterie/testing` passes on it.
 */

/** Names a lease (etcd, as lower-case hex) or a session (Consul, a UUID). Opaque; fit to be part of a key. */
export type LeaseId = string;

/**
 * One key, or all keys that begin with a prefix. A prefix always ends in `/`, so that `foo/` never matches `foobar/x`.
 *
 * Keys are strings; on the wire they are UTF-8. A stored key whose bytes are not UTF-8 is shown with each offending
 * byte `0xNN` as the lone surrogate U+DCNN, and such a string is written back as the same bytes.
 */
export type Range = { readonly key: string } | { readonly prefix: string };

/** Which entries of a range to read, and in which order. */
export type Query = Range & {
  /**
   * `key`: by the bytes of the key, ascending. `oldest`, `newest`: by `created`, ascending or descending; entries
   * created in one commit follow by key. Default `key`.
   */
  readonly order?: 'key' | 'oldest' | 'newest';
  /** At most this many entries; an integer from 1. Default: all. */
  readonly limit?: number;
  /** Only entries whose `created` is below this. */
  readonly createdBefore?: bigint;
};

/** A key with its value, as the store holds it. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /**
   * The revision at which the key came into being (etcd create_revision, Consul CreateIndex). Orders a waiting line,
   * and is the fencing token of a ticket: it only ever grows over the life of the store, across deletes too.
   */
  readonly created: bigint;
  /** The revision of the last write to the key (etcd mod_revision, Consul ModifyIndex). */
  readonly modified: bigint;
  /** The lease with whose end the store deletes the key. */
  readonly lease?: LeaseId;
}

/** What a read found, and the revision of the store at which it is the truth. */
export interface Snapshot {
  readonly revision: bigint;
  readonly entries: readonly Entry[];
}

/**
 * A condition of a commit.
 *
 * - `absent`: the key does not exist.
 * - `unchanged`: the key exists and was last written at `modified`.
 * - `held`: the ticket that came into being at `created` under `lease` still exists. `lease` has to be the one that it came
 *   into being under; a store need not compare both: see {@link StoreTraits.exactHeld}.
 * - `untouched`: no key of the range was written after `revision`. It does not notice deletes: guard the keys that were
 *   there with `unchanged`. Only where {@link StoreTraits.rangeGuards} says so, else `UNSUPPORTED`.
 */
export type Guard =
  | { readonly kind: 'absent'; readonly key: string }
  | { readonly kind: 'unchanged'; readonly key: string; readonly modified: bigint }
  | { readonly kind: 'held'; readonly key: string; readonly created: bigint; readonly lease: LeaseId }
  | ({ readonly kind: 'untouched'; readonly revision: bigint } & Range);

/**
 * A step of a commit. Steps are carried out in order: a `read` sees the steps before it. A commit that puts a key may
 * not touch the same key with another put or delete.
 */
export type Op =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: LeaseId }
  | { readonly kind: 'delete'; readonly range: Range }
  | { readonly kind: 'read'; readonly query: Query };

/**
 * How a commit ended. `ok`: all guards held and all steps were applied, atomically, at `revision`; everything it put
 * has that revision as `modified`, and as `created` where the key is new. Not `ok`: some guard did not hold and nothing
 * was applied.
 *
 * `reads` has one list of entries for each `read` step, in order, or for each `otherwise` query where the commit was
 * refused.
 */
export interface Commit {
  readonly ok: boolean;
  /**
   * The store's revision right after the commit, or at the refusal. Where nothing was written, Consul does not tell it:
   * then it is the newest one that is known not to be later.
   */
  readonly revision: bigint;
  readonly reads: readonly (readonly Entry[])[];
}

/** A lease that the store granted, with the time to live that it really granted, which can be longer than asked. */
export interface Lease {
  readonly id: LeaseId;
  readonly ttlMs: number;
}

/**
 * One step of a watch. `snapshot`: the full state of the range at `revision`; forget what was known. `changes`: what
 * happened since the last batch, up to `revision`; each key at most once, with its last state. The changes of one
 * commit are never spread over two batches.
 */
export type Batch =
  | { readonly kind: 'snapshot'; readonly revision: bigint; readonly entries: readonly Entry[] }
  | {
      readonly kind: 'changes';
      readonly revision: bigint;
      readonly puts: readonly Entry[];
      readonly deletes: readonly string[];
    };

/**
 * A running watch. The first batch is a snapshot, and so is any later one after which nothing can be missing
 * (compaction, a lost connection that could not be resumed, a consumer that fell behind). It never just stops: a pending
 * `next()` rejects with the reason of the signal, with `CLOSED` when the store was closed, or with the coded error that
 * ended it. Only after `return()`, which `break` in `for await` calls, is it `done`. One `next()` at a time.
 */
export interface Watch extends AsyncIterableIterator<Batch> {
  /** Ends the watch. Never rejects; a pending `next()` resolves as done. */
  return(): Promise<IteratorResult<Batch>>;
}

/** What every call takes. */
export interface CallOptions {
  /** Aborts the call, which then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the call may take, in milliseconds, above 0. A read that takes longer rejects with `TIMEOUT`, a commit that
   * may have reached the store with `UNKNOWN_OUTCOME`. For a watch: the time to the first batch. Default: the
   * transport's own (5,000), none for a watch.
   */
  readonly timeoutMs?: number | undefined;
}

export interface ReadOptions extends CallOptions {
  /**
   * Read the state as it was at this revision of the store, from 1. Default: the present one. Only where
   * {@link StoreTraits.pastReads} says so, else `UNSUPPORTED`.
   */
  readonly revision?: bigint | undefined;
}

export interface CommitOptions extends CallOptions {
  /** What to read instead, at the same revision where the store can (etcd, embedded), when a guard does not hold. */
  readonly otherwise?: readonly Query[] | undefined;
}

/** What differs between stores, as facts that a recipe may compute with. */
export interface StoreTraits {
  /** For messages and metrics: `memory`, `etcd`, `consul`. */
  readonly name: string;
  /** Guards and steps that one commit may have, together. */
  readonly maxOps: number;
  /** Longest value, in bytes. */
  readonly maxValueBytes: number;
  /** Shortest and longest time to live that can be asked for, in milliseconds. */
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /**
   * Whether `held` compares `created` itself. Then a ticket key may be used again once nothing that was sent about its
   * last use can still be under way, which spares etcd: every key that ever was stands in its index until the next
   * compaction, and is walked over by each read of the line; and Consul, which keeps deleted keys for a quarter of an hour.
   * Where only the lease can be compared, a ticket key is used once.
   */
  readonly exactHeld: boolean;
  /** Whether a commit takes `untouched` guards. Consul has no comparison for them. */
  readonly rangeGuards: boolean;
  /** Whether a read can be of a revision of the past. Consul keeps none. */
  readonly pastReads: boolean;
  /**
   * Whether keys may hold bytes that are not UTF-8, as {@link Range} describes. Where not (Consul, whose interface is
   * JSON), such a key is refused with `INVALID_KEY`.
   */
  readonly binaryKeys: boolean;
  /** A lease that is not renewed ends after at most this many times its TTL, plus a second: etcd 1, Consul 2. */
  readonly ttlFactor: number;
}

/**
 * A linearizable key-value store with leases and watches.
 *
 * Errors common to all methods: bad input is refused before anything is sent (`INVALID_*`, `TOO_MANY_OPS`,
 * `VALUE_TOO_LARGE`, `DUPLICATE_KEY`), a closed store with `CLOSED`; `UNAVAILABLE`, `OVERLOADED`, `TIMEOUT`,
 * `UNAUTHENTICATED`, `PERMISSION_DENIED`, `NO_SPACE`, `CLUSTER_CHANGED` as the store and the way to it fail. An aborted
 * call rejects with the reason of its signal.
 */
export interface Store extends AsyncDisposable {
  readonly traits: StoreTraits;

  /**
   * Reads entries. Linearizable: it sees every commit that had ended before it began. With `revision`, it sees what there
   * was at that revision, which is then the one of the snapshot. One round trip.
   *
   * Rejects with `COMPACTED` when the store has forgotten the revision, with `INVALID_OPTION` when it is still to come.
   */
  read(query: Query, options?: ReadOptions): Promise<Snapshot>;

  /**
   * Applies all of `ops` atomically if all of `guards` hold, else nothing. One round trip (Consul: a second one for
   * `otherwise` after a refusal).
   *
   * Rejects with `UNKNOWN_OUTCOME` when it cannot be told whether the commit was applied, now or later. It is never sent
   * twice, unless nothing of it was sent the first time. Any other rejection means that nothing was applied, except an
   * abort, and `CLOSED` where the store is closed under it: then the outcome is unknown as well, and the commit may even be
   * applied after a later one of the same client.
   * A put under a lease that has ended rejects with `LEASE_NOT_FOUND`. A commit that only reads may be repeated, and
   * rejects as a read does.
   */
  commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit>;

  /**
   * Follows a range: see {@link Watch}. Throws what is wrong with its arguments, and `CLOSED`, at once. Costs one request
   * and one read to start, nothing while nothing changes.
   */
  watch(range: Range, options?: CallOptions): Watch;

  /** Asks for a lease. `ttlMs` within the store's bounds, else `INVALID_TTL`. One round trip. */
  grant(ttlMs: number, options?: CallOptions): Promise<Lease>;

  /**
   * Makes a lease live for its full time to live again, counted from no earlier than the call. Rejects with
   * `LEASE_NOT_FOUND` when it has ended. One round trip.
   */
  renew(lease: LeaseId, options?: CallOptions): Promise<Lease>;

  /** Ends a lease and deletes its keys. Revoking one that has ended already succeeds. One round trip. */
  revoke(lease: LeaseId, options?: CallOptions): Promise<void>;

  /** Ends every watch and open call with `CLOSED` and frees everything. Idempotent. Does not revoke leases. */
  close(): Promise<void>;
}

/** Guard: the key does not exist. */
export function absent(key: string): Guard {
  return { kind: 'absent', key };
}

/** Guard: the key exists and was last written at this revision. */
export function unchanged(key: string, modified: bigint): Guard {
  return { kind: 'unchanged', key, modified };
}

/** Guard: the ticket of this `created` and lease still exists. */
export function held(key: string, created: bigint, lease: LeaseId): Guard {
  return { kind: 'held', key, created, lease };
}

/** Guard: no key of the range was written after this revision; see {@link Guard}. */
export function untouched(range: Range, revision: bigint): Guard {
  return { kind: 'untouched', ...range, revision };
}

const utf8 = new TextEncoder();

/** Step: write a key. Text is stored as UTF-8. With a lease, the store deletes the key when the lease ends. */
export function put(key: string, value: Uint8Array | string, lease?: LeaseId): Op {
  const bytes = typeof value === 'string' ? utf8.encode(value) : value;
  return lease === undefined ? { kind: 'put', key, value: bytes } : { kind: 'put', key, value: bytes, lease };
}

/** Step: delete a key, or all keys under a prefix. Deleting what does not exist is no error. */
export function remove(range: Range | string): Op {
  return { kind: 'delete', range: typeof range === 'string' ? { key: range } : range };
}

/** Step: read entries as they are at this point of the commit. */
export function read(query: Query): Op {
  return { kind: 'read', query };
}
