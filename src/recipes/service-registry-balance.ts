import type { Random } from '../core/clock.js';
import type { Instance } from './service-registry-instance.js';

/** How to choose among several instances. */
export const strategies = ['round-robin', 'random', 'least-loaded', 'sticky'] as const;

/** One of {@link strategies}. */
export type Strategy = (typeof strategies)[number];

/** What a resolver keeps of an instance for as long as it has the same incarnation. */
export interface Candidate<Meta> {
  instance: Instance<Meta>;
  /** Picks that were not released yet. */
  inFlight: number;
  /** Failures reported since the last success, those reported while ejected not counted. */
  failures: number;
  /** Until when it is ejected, on the client's clock. */
  ejectedUntil: number;
  /** Why it may not be picked, where that is so whatever happens here. */
  leftOut: 'unhealthy' | 'drained' | 'filtered' | undefined;
  /** How much of its share it has left, for `round-robin`. */
  turn: number;
  /** Of its id, for `sticky`. */
  readonly hash: number;
}

/**
 * An instance that nothing is known of yet. Its turn begins somewhere within its weight, or all clients that start at
 * once would turn to the same instance first.
 */
export function newCandidate<Meta>(instance: Instance<Meta>, random: Random): Candidate<Meta> {
  const { id, weight } = instance;
  const turn = random() * weight;
  return { instance, inFlight: 0, failures: 0, ejectedUntil: 0, leftOut: undefined, turn, hash: hashText(id) };
}

/** Chooses one of several, of which there is at least one, all with a weight above 0. */
export type Chooser = <Meta>(candidates: readonly Candidate<Meta>[], random: Random, key: string) => Candidate<Meta>;

/** The smooth weighted round-robin of nginx: in proportion to the weights, and never many of one in a row. */
const roundRobin: Chooser = (candidates) => {
  let total = 0;
  for (const candidate of candidates) {
    total += candidate.instance.weight;
    candidate.turn += candidate.instance.weight;
  }
  const chosen = best(candidates, ({ turn }) => turn);
  chosen.turn -= total;
  return chosen;
};

const weighted: Chooser = (candidates, random) => {
  const total = candidates.reduce((sum, { instance }) => sum + instance.weight, 0);
  let left = random() * total;
  for (const candidate of candidates) {
    left -= candidate.instance.weight;
    if (left < 0) return candidate;
  }
  // Rounding has left nothing for the last.
  return candidates[candidates.length - 1] as (typeof candidates)[number];
};

/**
 * The less loaded of two that are chosen by weight: nearly as even as to look at all, and without the herd that runs to
 * the one that reported least (Mitzenmacher, The Power of Two Choices, 2001).
 */
const leastLoaded: Chooser = (candidates, random, key) => {
  const first = weighted(candidates, random, key);
  const others = candidates.filter((one) => one !== first);
  if (others.length === 0) return first;
  const second = weighted(others, random, key);
  return burden(second) < burden(first) ? second : first;
};

/** The load with the call that is to come, for each unit of weight. */
function burden({ instance, inFlight }: Candidate<unknown>): number {
  return (instance.load + inFlight + 1) / instance.weight;
}

/**
 * Weighted rendezvous hashing: each key ranks the instances by a hash of both, and takes the first. One that goes moves
 * only the keys that it had, one that comes only those that it gets.
 */
const sticky: Chooser = (candidates, _random, key) => {
  const hash = hashText(key);
  return best(candidates, (one) => one.instance.weight / -Math.log(unit(hash, one.hash)));
};

/** How each strategy chooses. */
export const choosers: Readonly<Record<Strategy, Chooser>> = {
  'round-robin': roundRobin,
  random: weighted,
  'least-loaded': leastLoaded,
  sticky,
};

/** The one with the highest score; the first of several. */
function best<Meta>(candidates: readonly Candidate<Meta>[], score: (one: Candidate<Meta>) => number): Candidate<Meta> {
  let [chosen] = candidates as readonly [Candidate<Meta>];
  let highest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const points = score(candidate);
    if (points <= highest) continue;
    highest = points;
    chosen = candidate;
  }
  return chosen;
}

/** FNV-1a over UTF-16 code units, 32 bits: the same in every process. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
}

/** The finalizer of MurmurHash3: every bit of the input moves half of those of the result. */
function mix(bits: number): number {
  let hash = bits ^ (bits >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Two hashes as a number between 0 and 1, neither of them included. */
function unit(a: number, b: number): number {
  const high = mix(a ^ Math.imul(b, 0x9e3779b1));
  const low = mix(high ^ b);
  return ((high >>> 5) * 67_108_864 + (low >>> 6) + 0.5) / 9_007_199_254_740_992;
}
