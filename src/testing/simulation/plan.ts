import type { FaultName } from './faults.js';
import type { SeededRandom } from './seeded-random.js';

/** One fault, at one time. */
export interface Strike {
  readonly atMs: number;
  readonly fault: FaultName;
  /** The node that it strikes, as an index; it wraps around. */
  readonly node: number;
  /** How long it lasts, where it lasts. */
  readonly forMs: number;
  /** What it draws its own choices from. */
  readonly seed: number;
}

/** What a plan is drawn for. */
export interface PlanOptions {
  readonly durationMs: number;
  /** What paces are measured by: the time to live of sessions. */
  readonly ttlMs: number;
  /** Which faults may strike. */
  readonly faults: readonly FaultName[];
}

/** Everybody begins anew after that: once is enough, or nothing else would be seen. */
const isRebuild = ({ fault }: Strike): boolean => fault === 'rebuild';

/** At most so many, however fast they come. */
const mostStrikes = 300;

/**
 * Draws which faults strike when: a random few of them, each with a random weight, at a random pace, for random times
 * (swarm testing, Groce et al., ISSTA 2012). It is drawn before anything happens, so that it can be cut down afterwards to
 * what it takes for a failure.
 */
export function drawPlan(random: SeededRandom, { durationMs, ttlMs, faults }: PlanOptions): Strike[] {
  const bag: FaultName[] = [];
  for (const fault of faults) {
    const weight = random.chance(0.3) ? random.whole(1, 4) : 0;
    for (let i = 0; i < weight; i++) bag.push(fault);
  }
  const paceMs = ttlMs * random.pick([0.1, 0.4, 1]);
  const lengthMs = ttlMs * random.pick([0.1, 0.5, 1.5]);
  const strikes: Strike[] = [];
  let atMs = 0;
  while (bag.length > 0 && strikes.length < mostStrikes) {
    atMs += 2 * paceMs * random.next();
    if (atMs >= durationMs) break;
    const forMs = Math.ceil(2 * lengthMs * random.next());
    strikes.push({ atMs, fault: random.pick(bag), node: random.whole(0, 99), forMs, seed: random.whole(0, 2 ** 31) });
  }
  return strikes.filter(({ fault }, at) => fault !== 'rebuild' || strikes.findIndex(isRebuild) === at);
}
