/**
 * The embedded store as a state machine: multi-version keys, leases and history, much as etcd keeps them. It has no
 * clock, does no I/O and draws no random numbers: what {@link apply} does depends on the state, the request and `now`
 * alone, so that the same requests at the same times always give the same answers. For speed the state is changed in
 * place and belongs to whoever made it; it is not a value that can be kept and returned to.
 */

import { inRange } from '../../core/checks.js';
import { compareKeys } from '../../core/keys.js';
import type { Guard, LeaseId, Op, Query, Range } from '../../core/store.js';
import { CoordinationError, printable } from '../../errors.js';
import { type Change, History, type HistoryLimits, type Revision, type Version } from './history.js';
import { KeyIndex } from './key-index.js';
import { type LeaseRecord, LeaseTable } from './leases.js';
import { select } from './query.js';

/** What the machine knows. To be read by all, changed by {@link apply} only. */
export interface State {
  /** The revision of the last change. An empty store is at 1, as in etcd. */
  revision: number;
  readonly keys: KeyIndex<Version>;
  readonly leases: LeaseTable;
  readonly history: History;
}

/** An empty store. */
export function emptyState(limits?: HistoryLimits): State {
  return { revision: 1, keys: new KeyIndex(), leases: new LeaseTable(), history: new History(1, limits) };
}

/** What can be asked of the machine. Input is taken to be checked. */
export interface Requests {
  read: { readonly query: Query };
  /** As {@link Requests.read}, but as it was at a revision of the past. */
  readAt: { readonly query: Query; readonly revision: number };
  commit: { readonly guards: readonly Guard[]; readonly ops: readonly Op[]; readonly otherwise: readonly Query[] };
  /** `graceMs`: how much later than promised the lease ends, as Consul allows itself. Default 0. */
  grant: { readonly lease: LeaseId; readonly ttlMs: number; readonly graceMs?: number };
  renew: { readonly lease: LeaseId };
  /** Renews every lease, as a new leader of etcd does; as if it were so much later. */
  refresh: { readonly inMs: number };
  revoke: { readonly lease: LeaseId };
  compact: { readonly revision: number };
  /** Asks for nothing but that time has passed. */
  expire: Readonly<Record<never, never>>;
}

export interface Found {
  readonly revision: number;
  readonly versions: readonly Version[];
}

export interface Committed {
  readonly ok: boolean;
  readonly revision: number;
  readonly reads: readonly (readonly Version[])[];
}

export interface Responses {
  read: Found;
  readAt: Found;
  commit: Committed;
  grant: LeaseRecord;
  renew: LeaseRecord;
  refresh: undefined;
  /** Whether there was such a lease. */
  revoke: boolean;
  compact: undefined;
  expire: undefined;
}

export type Kind = keyof Requests;

/** What a request led to. `events` has every new revision, also those of leases that ended before the request. */
export interface Applied<K extends Kind> {
  readonly outcome: { readonly response: Responses[K] } | { readonly error: CoordinationError };
  readonly events: readonly Revision[];
}

/**
 * Carries out one request. Leases whose time has come by `now` end first, in the order of their deadlines, each in a
 * revision of its own; `now` must never go back.
 */
export function apply<K extends Kind>(state: State, kind: K, request: Requests[K], now: number): Applied<K> {
  const events: Revision[] = [];
  for (let next = state.leases.next(); next !== undefined && next.deadlineMs <= now; next = state.leases.next()) {
    endLease(state, next, events);
  }
  const handle: Handler<K> = handlers[kind];
  try {
    return { outcome: { response: handle(state, request, now, events) }, events };
  } catch (error) {
    if (error instanceof CoordinationError) return { outcome: { error }, events };
    throw error;
  }
}

type Handler<K extends Kind> = (state: State, request: Requests[K], now: number, events: Revision[]) => Responses[K];

const handlers: { readonly [K in Kind]: Handler<K> } = {
  read: (state, { query }) => ({ revision: state.revision, versions: find(state, query) }),
  readAt,
  commit,
  grant,
  renew: (state, { lease }, now) => state.leases.renew(lease, now) ?? fail(leaseNotFound(lease)),
  refresh: (state, { inMs }, now) => {
    for (const { id } of state.leases.all()) state.leases.renew(id, now + inMs);
    return undefined;
  },
  revoke: (state, { lease }, _now, events) => {
    const record = state.leases.get(lease);
    if (record !== undefined) endLease(state, record, events);
    return record !== undefined;
  },
  compact: (state, { revision }) => {
    state.history.compact(Math.min(revision, state.revision));
    return undefined;
  },
  expire: () => undefined,
};

function fail(error: CoordinationError): never {
  throw error;
}

function leaseNotFound(lease: LeaseId): CoordinationError {
  return new CoordinationError('LEASE_NOT_FOUND', `The lease ${printable(lease)} has ended or never was.`, { lease });
}

function compacted(revision: number): CoordinationError {
  return new CoordinationError('COMPACTED', `Revision ${revision} is no longer kept: the store has compacted it.`);
}

function future(revision: number, newest: number): CoordinationError {
  const sentence = `Revision ${revision} is still to come; the store is at ${newest}.`;
  return new CoordinationError('INVALID_OPTION', sentence, { field: 'revision', problem: 'future' });
}

function find(state: State, query: Query): Version[] {
  return select(state.keys.in(query), query);
}

function readAt(state: State, { query, revision }: Requests['readAt']): Found {
  if (revision > state.revision) throw future(revision, state.revision);
  const later = state.history.since(revision) ?? fail(compacted(revision));
  const past = new KeyIndex<Version>();
  for (const version of state.keys.in(query)) past.set(version.key, version);
  for (const { changes } of later.reverse()) {
    for (const { key, previous } of changes) {
      if (!inRange(query, key)) continue;
      if (previous === undefined) past.delete(key);
      else past.set(key, previous);
    }
  }
  return { revision, versions: select(past.in(query), query) };
}

function holds(state: State, guard: Guard): boolean {
  if (guard.kind === 'untouched') {
    for (const { modified } of state.keys.in(guard)) if (BigInt(modified) > guard.revision) return false;
    return true;
  }
  const version = state.keys.get(guard.key);
  if (guard.kind === 'absent') return version === undefined;
  if (version === undefined) return false;
  if (guard.kind === 'unchanged') return BigInt(version.modified) === guard.modified;
  // Stricter than etcd, which compares `created`, and than Consul, which checks the lease: what holds here holds there.
  return BigInt(version.created) === guard.created && version.lease === guard.lease;
}

function commit(state: State, request: Requests['commit'], _now: number, events: Revision[]): Committed {
  const { guards, ops, otherwise } = request;
  if (!guards.every((guard) => holds(state, guard))) {
    return { ok: false, revision: state.revision, reads: otherwise.map((query) => find(state, query)) };
  }
  for (const op of ops) {
    if (op.kind !== 'put' || op.lease === undefined) continue;
    if (state.leases.get(op.lease) === undefined) throw leaseNotFound(op.lease);
  }
  const changes: Change[] = [];
  const reads: Version[][] = [];
  for (const op of ops) {
    if (op.kind === 'put') put(state, op, changes);
    else if (op.kind === 'delete') remove(state, op.range, changes);
    else reads.push(find(state, op.query));
  }
  seal(state, changes, events);
  return { ok: true, revision: state.revision, reads };
}

/** Puts a key into the revision that is being made. The lease must be there. */
export function put(state: State, { key, value, lease }: Op & { kind: 'put' }, changes: Change[]): void {
  const previous = state.keys.get(key);
  const modified = state.revision + 1;
  const next: Version = {
    key,
    // A copy: the caller may use the buffer again.
    value: new Uint8Array(value),
    created: previous?.created ?? modified,
    modified,
    version: (previous?.version ?? 0) + 1,
    lease,
  };
  state.keys.set(key, next);
  state.leases.move(key, previous?.lease, lease);
  changes.push({ key, next, previous });
}

function remove(state: State, range: Range, changes: Change[]): void {
  drop(state, state.keys.in(range), changes);
}

/** Deletes keys, given as what they are now, in the revision that is being made. */
export function drop(state: State, versions: readonly Version[], changes: Change[]): void {
  for (const previous of versions) {
    state.keys.delete(previous.key);
    state.leases.move(previous.key, previous.lease, undefined);
    changes.push({ key: previous.key, next: undefined, previous });
  }
}

/** Closes a revision. One in which nothing changed is none. */
export function seal(state: State, changes: readonly Change[], events: Revision[]): void {
  if (changes.length === 0) return;
  const revision = { revision: ++state.revision, changes };
  state.history.push(revision);
  events.push(revision);
}

/** Ends a lease, in a revision of its own where that deletes keys; by key, as etcd does. */
export function endLease(state: State, lease: LeaseRecord, events: Revision[]): void {
  const changes: Change[] = [];
  for (const key of [...lease.keys].sort(compareKeys)) remove(state, { key }, changes);
  state.leases.remove(lease.id);
  seal(state, changes, events);
}

function grant(state: State, { lease, ttlMs, graceMs }: Requests['grant'], now: number): LeaseRecord {
  state.leases.grant(lease, ttlMs, now, graceMs);
  return state.leases.get(lease) ?? fail(leaseNotFound(lease));
}
