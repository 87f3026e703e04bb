import { type Event, WatchCreateRequest } from '../transport/etcd/codec/etcd.js';
import { toBigint } from '../transport/etcd/int64.js';
import type { Change, Revision } from '../transport/memory/history.js';
import type { Machine } from './machine.js';
import { inSpan, type Span, spanOf } from './span.js';
import { int64, number, wireEvent } from './wire.js';

/** One watch of a stream, as it was asked for and as far as it has got. */
export interface Watcher {
  readonly id: bigint;
  readonly span: Span;
  readonly startRevision: number;
  readonly noPut: boolean;
  readonly noDelete: boolean;
  readonly prevKv: boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  /** The oldest revision that was not told yet. */
  next: number;
  /** Whether the next notice of progress is due: not where something was told since the last. */
  quiet: boolean;
  /** Ended by a compaction. The client has still to say that it knows. */
  compacted: boolean;
}

/** The watch that is asked for. One without a key is of all from the least one on, and an id of 0 is to be chosen. */
export function watcherOf(request: WatchCreateRequest.$Properties, current: number): Watcher {
  const startRevision = number(request.startRevision);
  const filters = request.filters ?? [];
  return {
    id: toBigint(request.watchId ?? int64(0)),
    span: spanOf(request.key?.length ? request.key : Uint8Array.of(0), request.rangeEnd),
    startRevision,
    noPut: filters.includes(WatchCreateRequest.FilterType.NOPUT),
    noDelete: filters.includes(WatchCreateRequest.FilterType.NODELETE),
    prevKv: request.prevKv === true,
    fragment: request.fragment === true,
    progressNotify: request.progressNotify === true,
    next: startRevision === 0 ? current + 1 : startRevision,
    quiet: true,
    compacted: false,
  };
}

/** Whether a watch is to hear of a change of its span. */
export function wants(watcher: Watcher, { next }: Change): boolean {
  return next === undefined ? !watcher.noDelete : !watcher.noPut;
}

/**
 * The events of a revision for a watch. What was there before is told as long as the revision before is known, and as it
 * was then: also where one revision has touched a key twice.
 */
export function eventsFor(watcher: Watcher, { revision, changes }: Revision, oldest: number): Event.$Properties[] {
  return changes.flatMap((change) => {
    if (!inSpan(watcher.span, change.key) || !wants(watcher, change)) return [];
    const told = watcher.prevKv && revision - 1 >= oldest;
    return [wireEvent(change, revision, told ? before(change, changes) : undefined)];
  });
}

function before(change: Change, changes: readonly Change[]): Change['previous'] {
  // A key that is new has nothing before it, though the same revision may have put it.
  if (change.next !== undefined && change.next.created === change.next.modified) return undefined;
  return changes.find(({ key }) => key === change.key)?.previous;
}

/** The revisions from one on that are still known, oldest first. Undefined where some of them are not. */
export function revisionsFrom({ state }: Machine, from: number): readonly Revision[] | undefined {
  const { history } = state;
  if (from > history.floor) return history.since(from - 1);
  if (from < history.floor) return undefined;
  const later = history.since(history.floor) ?? [];
  return history.atFloor === undefined ? later : [history.atFloor, ...later];
}
