import type { Entry, LeaseId } from '../core/store.js';
import type { Item } from './queue-keys.js';

/** For how long one who was seen to have an item is taken to be at work, in milliseconds. */
const atWorkMs = 5_000;

/** Who takes from a queue, as far as looks have shown. */
export class Consumers {
  /** By lease: when it was last seen to have an item. */
  readonly #seen = new Map<LeaseId, number>();
  /** Leases of this consumer, lost ones among them. */
  readonly #mine = new Set<LeaseId>();

  /** Takes note of the claims that a look has shown. */
  note(claims: readonly Entry[], now: number): void {
    for (const { lease } of claims) if (lease !== undefined) this.#seen.set(lease, now);
    for (const [lease, seen] of this.#seen) if (seen < now - atWorkMs) this.#seen.delete(lease);
    for (const lease of this.#mine) if (!this.#seen.has(lease)) this.#mine.delete(lease);
  }

  /** The others at work. */
  besides(me: LeaseId): readonly LeaseId[] {
    this.#mine.add(me);
    return [...this.#seen.keys()].filter((lease) => !this.#mine.has(lease));
  }
}

/** In the order in which the store accepted them; those of one commit in the order in which they were given. */
export function byAge(a: Item, b: Item): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  return a.header.seq - b.header.seq;
}

/** By priority or time, then by age. */
export function byRank(a: Item, b: Item): number {
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return byAge(a, b);
}

/** One of several, by a random number. */
export function any(items: readonly Item[], random: number): Item {
  // There is at least one, and random is below 1.
  return items[Math.floor(random * items.length)] as Item;
}

/** A number that differs for each pair, with no pattern in it (FNV-1a). */
export function weight(id: string, lease: LeaseId): number {
  let hash = 0x811c_9dc5;
  for (const char of `${lease}/${id}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193);
  // The last step spreads what differs only at the end.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
