/** What the file of a store says: first what there was when it was made, then each change. */
import { keyBytes, keyText } from '../core/keys.js';
import { Event, type KeyValue, LogRecord } from '../transport/etcd/codec/etcd.js';
import { decodeWith, finished } from '../transport/etcd/methods.js';
import type { Change, HistoryLimits, Version } from '../transport/memory/history.js';
import { type Machine, machineAt, type Step } from './machine.js';
import type { Origin } from './store.js';
import { int64, keyValue, leaseOf, number, wireLease } from './wire.js';

const { PUT, DELETE } = Event.EventType;

function encode(record: LogRecord.$Properties): Buffer {
  return finished(LogRecord.encode(record));
}

/** The present state, without its history. */
export function baseRecord({ state, compactedTo }: Machine, origin: Origin): Buffer {
  return encode({
    origin,
    revision: int64(state.revision),
    events: state.keys.all().map((version) => ({ type: PUT, kv: keyValue(version) })),
    granted: state.leases.all().map(({ id, ttlMs }) => ({ id: wireLease(id), ttlMs: int64(ttlMs) })),
    compacted: compactedTo === -1 ? null : { revision: int64(compactedTo) },
  });
}

export function stepRecord({ revision, granted, ended, compacted }: Step): Buffer {
  const events = (revision?.changes ?? []).map(({ key, next }) =>
    next === undefined ? { type: DELETE, kv: { key: keyBytes(key) } } : { type: PUT, kv: keyValue(next) },
  );
  return encode({
    ...(revision !== undefined && { revision: int64(revision.revision), events }),
    ...(granted !== undefined && { granted: [{ id: wireLease(granted.id), ttlMs: int64(granted.ttlMs) }] }),
    ...(ended !== undefined && { ended: [wireLease(ended)] }),
    ...(compacted !== undefined && { compacted: { revision: int64(compacted) } }),
  });
}

function versionOf(kv: KeyValue.$Properties): Version {
  return {
    key: keyText(kv.key ?? new Uint8Array()),
    // A copy: the file that it was read from is not to be kept for it.
    value: new Uint8Array(kv.value ?? []),
    created: number(kv.createRevision),
    modified: number(kv.modRevision),
    version: number(kv.version),
    lease: leaseOf(kv.lease),
  };
}

/** What a file says so far. */
export interface Restored {
  readonly machine: Machine;
  readonly origin: Origin;
}

/** Begins with the first record. Undefined where it is not one that a file begins with. */
export function restore(payload: Buffer, limits: HistoryLimits, now: number): Restored | undefined {
  const record = read(payload);
  const { clusterId, memberId } = record?.origin ?? {};
  if (record === undefined || !clusterId || !memberId) return undefined;
  const machine = machineAt(number(record.revision), limits);
  const { keys, leases } = machine.state;
  grantAll(machine, record, now);
  for (const { kv } of record.events) {
    const version = versionOf(kv ?? {});
    keys.set(version.key, version);
    leases.move(version.key, undefined, version.lease);
  }
  if (record.compacted) machine.compactedTo = number(record.compacted.revision);
  return { machine, origin: { clusterId, memberId } };
}

/** Makes the change of a record again. Says whether it is one that can follow. */
export function redo(machine: Machine, payload: Buffer, now: number): boolean {
  const record = read(payload);
  if (record === undefined) return false;
  const { state } = machine;
  if (record.events.length > 0) {
    const revision = number(record.revision);
    if (revision !== state.revision + 1) return false;
    state.revision = revision;
    state.history.push({ revision, changes: record.events.map((event) => change(machine, event)) });
  }
  grantAll(machine, record, now);
  for (const id of record.ended) state.leases.remove(leaseOf(id) ?? '');
  if (record.compacted) {
    machine.compactedTo = number(record.compacted.revision);
    state.history.compact(machine.compactedTo);
  }
  return true;
}

function read(payload: Buffer): LogRecord | undefined {
  try {
    return decodeWith(LogRecord)(payload);
  } catch {
    // Its checksum is right, so it was written so: by another version.
    return undefined;
  }
}

/** Leases have their whole time again, as after a restart of etcd. */
function grantAll({ state }: Machine, { granted }: LogRecord, now: number): void {
  for (const { id, ttlMs } of granted) {
    const lease = leaseOf(id);
    if (lease !== undefined) state.leases.grant(lease, number(ttlMs), now);
  }
}

function change({ state }: Machine, { type, kv }: Event.$Properties): Change {
  const made = versionOf(kv ?? {});
  const next = type === DELETE ? undefined : made;
  const previous = state.keys.get(made.key);
  if (next === undefined) state.keys.delete(made.key);
  else state.keys.set(made.key, next);
  state.leases.move(made.key, previous?.lease, next?.lease);
  return { key: made.key, next, previous };
}
