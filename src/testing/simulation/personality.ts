import type { StoreTraits } from '../../core/store.js';

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
