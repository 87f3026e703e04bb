import { compareKeys } from '../../core/keys.js';
import type { Entry, Query } from '../../core/store.js';
import { garbled, listOf, objectOf, wholeNumber } from './json.js';
import { covers, type WireRange } from './keys.js';

/** A key as it stands in an answer, its value still in base64. */
export interface WireEntry {
  readonly key: string;
  readonly value: string;
  readonly flags: bigint;
  readonly session: string | undefined;
  readonly created: bigint;
  readonly modified: bigint;
}

/** Reads one key of an answer. Throws `PROTOCOL_ERROR`. */
export function wireEntry(value: unknown): WireEntry {
  const { Key, Value, Flags, Session, CreateIndex, ModifyIndex } = objectOf(value, 'an entry');
  if (typeof Key !== 'string') throw garbled('an entry has no key');
  if (Value !== null && typeof Value !== 'string') throw garbled('a value is no text');
  if (Session !== undefined && typeof Session !== 'string') throw garbled('a session is no text');
  return {
    key: Key,
    value: Value ?? '',
    flags: wholeNumber(Flags, 'Flags'),
    session: Session === '' ? undefined : Session,
    created: wholeNumber(CreateIndex, 'CreateIndex'),
    modified: wholeNumber(ModifyIndex, 'ModifyIndex'),
  };
}

/** Reads a list of keys. */
export function wireEntries(body: unknown): readonly WireEntry[] {
  return listOf(body, 'a list of entries').map(wireEntry);
}

/** The entry as users see it, with a buffer of its own. Throws `PROTOCOL_ERROR` where its value is no strict base64. */
export function toEntry(wire: WireEntry, slash: boolean): Entry {
  const bytes = Buffer.from(wire.value, 'base64');
  // Node skips over what is no base64; what comes back the same was all there is.
  if (bytes.toString('base64') !== wire.value) throw garbled(`the value of a key is no base64`);
  // A copy: small buffers of Node share their memory.
  const value = new Uint8Array(bytes);
  const { session, created, modified } = wire;
  const key = slash ? `/${wire.key}` : wire.key;
  return session === undefined ? { key, value, created, modified } : { key, value, created, modified, lease: session };
}

/** Chooses and orders entries as a query says: Consul itself knows neither orders nor limits. */
export function select(found: readonly WireEntry[], range: WireRange, query: Query): readonly Entry[] {
  const { order = 'key', limit, createdBefore } = query;
  const chosen = found.filter(({ key, created }) => {
    return covers(range, key) && (createdBefore === undefined || created < createdBefore);
  });
  chosen.sort(comparisons[order]);
  return (limit === undefined ? chosen : chosen.slice(0, limit)).map((entry) => toEntry(entry, range.slash));
}

function sign(difference: bigint): number {
  return difference < 0n ? -1 : Number(difference > 0n);
}

type Comparison = (a: WireEntry, b: WireEntry) => number;

const comparisons: Readonly<Record<NonNullable<Query['order']>, Comparison>> = {
  key: (a, b) => compareKeys(a.key, b.key),
  oldest: (a, b) => sign(a.created - b.created) || compareKeys(a.key, b.key),
  newest: (a, b) => sign(b.created - a.created) || compareKeys(a.key, b.key),
};
