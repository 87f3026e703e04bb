/**
 * The embedded store as etcd: the same keys, leases and history, asked in the words of etcd's v3 API. As the state
 * machine below it, this has no clock, does no I/O and draws no random numbers.
 */
import type { LeaseId } from '../core/store.js';
import { type Change, History, type HistoryLimits, type Revision, type Version } from '../transport/memory/history.js';
import { KeyIndex } from '../transport/memory/key-index.js';
import { emptyState, endLease, type State, seal } from '../transport/memory/state.js';
import { inSpan, type Span, versionsIn } from './span.js';

export interface Machine {
  readonly state: State;
  /** What was asked to be compacted; -1 before the first time. The history can have let go of more by itself. */
  compactedTo: number;
}

/** One change of the store, whole: what has to be kept of it for it to be made again. */
export interface Step {
  readonly revision?: Revision;
  readonly granted?: { readonly id: LeaseId; readonly ttlMs: number };
  readonly ended?: LeaseId;
  readonly compacted?: number;
}

/** Nothing, at a revision of which nothing before is known. An empty store is at 1. */
export function machineAt(revision: number, limits?: HistoryLimits): Machine {
  const history = new History(revision, limits);
  return { state: { ...emptyState(), revision, history }, compactedTo: -1 };
}

/** The oldest revision at which the state can be read; as in etcd -1 where none was ever let go. */
export function compactRevision({ state, compactedTo }: Machine): number {
  return state.history.floor > 1 ? Math.max(compactedTo, state.history.floor) : compactedTo;
}

/** Ends a lease that there is. */
export function end({ state }: Machine, lease: LeaseId, steps: Step[]): void {
  const record = state.leases.get(lease);
  if (record === undefined) return;
  const events: Revision[] = [];
  endLease(state, record, events);
  const revision = events[0];
  steps.push(revision === undefined ? { ended: lease } : { ended: lease, revision });
}

/** Ends the leases whose time has come, in the order of their deadlines. */
export function expire(machine: Machine, now: number, steps: Step[]): void {
  const { leases } = machine.state;
  for (let next = leases.next(); next !== undefined && next.deadlineMs <= now; next = leases.next()) {
    end(machine, next.id, steps);
  }
}

/** Closes the revision that these changes made, if they did. */
export function close({ state }: Machine, changes: readonly Change[], steps: Step[]): void {
  const events: Revision[] = [];
  seal(state, changes, events);
  for (const revision of events) steps.push({ revision });
}

/**
 * What there was of a span at a revision that is still known. `pending`: what the transaction that asks has changed so
 * far.
 */
export function versionsAt({ state }: Machine, span: Span, revision: number, pending: readonly Change[]): Version[] {
  const current = versionsIn(state.keys, span);
  if (revision > state.revision || (revision === state.revision && pending.length === 0)) return current;
  const past = new KeyIndex<Version>();
  for (const version of current) past.set(version.key, version);
  undo(past, span, pending);
  // What is below the floor was refused before.
  for (const { changes } of (state.history.since(revision) ?? []).reverse()) undo(past, span, changes);
  return versionsIn(past, span);
}

/** The last change first: one revision can have touched a key twice. */
function undo(keys: KeyIndex<Version>, span: Span, changes: readonly Change[]): void {
  for (let at = changes.length - 1; at >= 0; at--) {
    const { key, previous } = changes[at] as Change;
    if (!inSpan(span, key)) continue;
    if (previous === undefined) keys.delete(key);
    else keys.set(key, previous);
  }
}
