import { nameOf } from '../../core/ranges.js';
import type { Guard, Op, Query, Range, StoreTraits } from '../../core/store.js';
import { CoordinationError, printable } from '../../errors.js';

/** Which store is simulated: how it keeps the contract where the contract leaves room. */
export type PersonalityName = 'etcd' | 'consul';

/** How a store behaves, beyond its traits. */
export interface Personality {
  readonly traits: StoreTraits;
  /** A lease that was asked for less is granted this. */
  readonly shortestTtlMs: number;
  /** A lease that is not renewed lives on for up to this part of its time. */
  readonly grace: number;
  /** `history`: each change is sent, in order. `state`: what is different, whenever it is asked for again (blocking queries). */
  readonly watches: 'history' | 'state';
  /** What a refused commit reads instead is read by a second call, at a later revision. */
  readonly readsApart: boolean;
}

const etcd: Personality = {
  traits: Object.freeze({
    name: 'etcd',
    maxOps: 128,
    maxValueBytes: 1_472 * 1_024,
    minTtlMs: 1_000,
    maxTtlMs: 365 * 86_400_000,
    ttlFactor: 1,
    exactHeld: true,
    rangeGuards: true,
    pastReads: true,
    binaryKeys: true,
  }),
  shortestTtlMs: 2_000,
  grace: 0,
  watches: 'history',
  readsApart: false,
};

const consul: Personality = {
  traits: Object.freeze({
    name: 'consul',
    maxOps: 64,
    maxValueBytes: 380 * 1_024,
    minTtlMs: 10_000,
    maxTtlMs: 86_400_000,
    ttlFactor: 2,
    exactHeld: true,
    rangeGuards: false,
    pastReads: false,
    binaryKeys: false,
  }),
  shortestTtlMs: 10_000,
  grace: 1,
  watches: 'state',
  readsApart: true,
};

/** The stores that can be simulated. */
export const personalities: Readonly<Record<PersonalityName, Personality>> = { etcd, consul };

/** A personality whose servers grant leases of so short a time: Consul's `session_ttl_min`. */
export function withShortestTtl(personality: Personality, minTtlMs: number): Personality {
  return { ...personality, shortestTtlMs: minTtlMs, traits: Object.freeze({ ...personality.traits, minTtlMs }) };
}

/** Throws `INVALID_KEY` for a name that a store of these traits cannot keep. */
export function checkNames(
  { name, binaryKeys }: StoreTraits,
  ...ranges: readonly (Range | Query | Guard | Op)[]
): void {
  if (binaryKeys) return;
  for (const range of ranges) {
    const text = textOf(range);
    if (text.isWellFormed()) continue;
    const sentence = `${name} keeps only keys that are Unicode: "${printable(text)}".`;
    throw new CoordinationError('INVALID_KEY', sentence, { key: text, field: 'key', problem: 'not-unicode' });
  }
}

function textOf(named: Range | Query | Guard | Op): string {
  if ('range' in named) return nameOf(named.range);
  return 'query' in named ? nameOf(named.query) : nameOf(named);
}
