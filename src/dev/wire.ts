/** How what the store has looks on the wire. Numbers of the store stay below 2^53; what clients send need not. */
import { keyBytes } from '../core/keys.js';
import type { LeaseId } from '../core/store.js';
import type { Event, Int64, KeyValue } from '../transport/etcd/codec/etcd.js';
import { leaseNumber, leaseText } from '../transport/etcd/int64.js';
import type { Change, Version } from '../transport/memory/history.js';

const twoTo32 = 4_294_967_296;
const zero: Int64 = { low: 0, high: 0, unsigned: false };

/** A whole number of at most 2^53 as the codec takes it. */
export function int64(value: number): Int64 {
  return { low: value | 0, high: Math.floor(value / twoTo32), unsigned: false };
}

/** An int64 as a number. Beyond 2^53 it is only near; nothing here is that large, so that comparisons stay right. */
export function number(value: Int64 | null | undefined): number {
  return value === null || value === undefined ? 0 : (value.high | 0) * twoTo32 + (value.low >>> 0);
}

/** The lease that a request names; none where the number is 0. */
export function leaseOf(value: Int64 | null | undefined): LeaseId | undefined {
  if (value === null || value === undefined || (value.low === 0 && value.high === 0)) return undefined;
  return leaseText(value);
}

export function wireLease(lease: LeaseId | undefined): Int64 {
  return lease === undefined ? zero : leaseNumber(lease);
}

export function keyValue(version: Version, keysOnly = false): KeyValue.$Properties {
  return {
    key: keyBytes(version.key),
    createRevision: int64(version.created),
    modRevision: int64(version.modified),
    version: int64(version.version),
    value: keysOnly ? null : version.value,
    lease: wireLease(version.lease),
  };
}

/** `previous`: what was there before, where that is to be told. */
export function wireEvent({ key, next }: Change, revision: number, previous: Version | undefined): Event.$Properties {
  const prevKv = previous === undefined ? null : keyValue(previous);
  if (next !== undefined) return { type: 0, kv: keyValue(next), prevKv };
  return { type: 1, kv: { key: keyBytes(key), modRevision: int64(revision) }, prevKv };
}
