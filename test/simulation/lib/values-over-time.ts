import type { SimulatedWorld } from 'coterie/testing';

interface Held {
  readonly revision: bigint;
  readonly value: string | undefined;
}

const decoder = new TextDecoder();

/** What each key was, at each revision of each cluster. */
export class ValuesOverTime {
  readonly #keys = new Map<string, Held[]>();

  /** Of keys that begin so. */
  constructor(world: SimulatedWorld, prefix: string) {
    world.truth.follow(({ revision, generation, changes }) => {
      for (const { key, after } of changes) {
        if (!key.startsWith(prefix)) continue;
        const name = `${generation} ${key}`;
        const held = this.#keys.get(name) ?? [];
        this.#keys.set(name, held);
        held.push({ revision, value: after === undefined ? undefined : decoder.decode(after.value) });
      }
    });
  }

  /** What a key was at a revision; undefined where it did not exist. */
  at(generation: number, key: string, revision: bigint): string | undefined {
    const held = this.#keys.get(`${generation} ${key}`) ?? [];
    let [low, high] = [0, held.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((held[middle]?.revision ?? 0n) <= revision) low = middle + 1;
      else high = middle;
    }
    return held[low - 1]?.value;
  }

  /** The keys under a prefix that existed at a revision, in order. */
  under(generation: number, prefix: string, revision: bigint): [key: string, value: string][] {
    const start = `${generation} ${prefix}`;
    const keys = [...this.#keys.keys()].filter((name) => name.startsWith(start)).sort();
    return keys.flatMap((name): [string, string][] => {
      const key = name.slice(name.indexOf(' ') + 1);
      const value = this.at(generation, key, revision);
      return value === undefined ? [] : [[key, value]];
    });
  }

  /** The revisions at which any of these keys changed, oldest first, and the one before them all. */
  revisions(generation: number, keys: readonly string[]): bigint[] {
    const all = keys.flatMap((key) => (this.#keys.get(`${generation} ${key}`) ?? []).map(({ revision }) => revision));
    return [0n, ...new Set(all)].sort((a, b) => (a < b ? -1 : 1));
  }
}
