import { compareKeys } from '../core/keys.js';
import { RangeRequest, type RangeResponse } from '../transport/etcd/codec/etcd.js';
import type { Change, Version } from '../transport/memory/history.js';
import { compactRevision, type Machine, versionsAt } from './machine.js';
import { refusal } from './refusal.js';
import { spanOf } from './span.js';
import { int64, keyValue, number } from './wire.js';

const { SortOrder, SortTarget } = RangeRequest;

const comparers: Readonly<Record<number, (a: Version, b: Version) => number>> = {
  [SortTarget.KEY]: (a, b) => compareKeys(a.key, b.key),
  [SortTarget.VERSION]: (a, b) => a.version - b.version,
  [SortTarget.CREATE]: (a, b) => a.created - b.created,
  [SortTarget.MOD]: (a, b) => a.modified - b.modified,
  [SortTarget.VALUE]: (a, b) => Buffer.compare(a.value, b.value),
};

/** Sorts what is in the order of keys. Where two are equal that order stays; etcd does not promise which comes first. */
function sort(versions: Version[], request: RangeRequest.$Properties): void {
  const target = request.sortTarget ?? SortTarget.KEY;
  const order = request.sortOrder ?? SortOrder.NONE;
  if (target === SortTarget.KEY && order !== SortOrder.DESCEND) return;
  const compare = comparers[target];
  if (compare === undefined) return;
  versions.sort(order === SortOrder.DESCEND ? (a, b) => compare(b, a) : compare);
}

/** Leaves those whose revisions lie within the bounds, of which 0 is none. */
function within(versions: Version[], request: RangeRequest.$Properties): Version[] {
  const least = { mod: number(request.minModRevision), create: number(request.minCreateRevision) };
  const most = { mod: number(request.maxModRevision), create: number(request.maxCreateRevision) };
  if (least.mod === 0 && least.create === 0 && most.mod === 0 && most.create === 0) return versions;
  return versions.filter(
    ({ modified, created }) =>
      (least.mod === 0 || modified >= least.mod) &&
      (most.mod === 0 || modified <= most.mod) &&
      (least.create === 0 || created >= least.create) &&
      (most.create === 0 || created <= most.create),
  );
}

/** Reads a range, and sees what its transaction has changed so far. */
export function range(
  machine: Machine,
  request: RangeRequest.$Properties,
  pending: readonly Change[] = [],
): RangeResponse.$Properties {
  const current = machine.state.revision + (pending.length > 0 ? 1 : 0);
  const asked = number(request.revision);
  if (asked > current) throw refusal('futureRevision');
  const revision = asked <= 0 ? current : asked;
  if (revision < compactRevision(machine)) throw refusal('compacted');
  const all = versionsAt(machine, spanOf(request.key, request.rangeEnd), revision, pending);
  const header = { revision: int64(current) };
  const count = int64(all.length);
  if (request.countOnly) return { header, count };
  const found = within(all, request);
  sort(found, request);
  const limit = number(request.limit);
  const more = limit > 0 && found.length > limit;
  const kept = more ? found.slice(0, limit) : found;
  return { header, count, more, kvs: kept.map((version) => keyValue(version, request.keysOnly === true)) };
}
