import type { Entry } from 'coterie';
import type { SimulatedWorld, TrueRevision } from 'coterie/testing';

/** What there was under some paths, at one revision. */
export interface Past {
  readonly revision: bigint;
  readonly atMs: number;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** Everything that there ever was under some prefixes, by the store's own log: what clients say of a revision is held against it. */
export class History {
  readonly #prefixes: readonly string[];
  readonly #pasts = new Map<number, Past[]>();

  constructor(world: SimulatedWorld, prefixes: readonly string[]) {
    this.#prefixes = prefixes;
    world.truth.follow((revision) => this.#follow(revision));
  }

  /** What there was in this cluster at this revision. */
  at(generation: number, revision: bigint): ReadonlyMap<string, Entry> {
    return this.#pasts.get(generation)?.findLast((past) => past.revision <= revision)?.entries ?? new Map();
  }

  now(generation: number): ReadonlyMap<string, Entry> {
    return this.#pasts.get(generation)?.at(-1)?.entries ?? new Map();
  }

  /** The first change after a revision; undefined where there was none. */
  after(generation: number, revision: bigint): Past | undefined {
    const pasts = this.#pasts.get(generation) ?? [];
    // Whoever asks is nearly up to date.
    let found: Past | undefined;
    for (let n = pasts.length - 1; n >= 0; n--) {
      const past = pasts[n];
      if (past === undefined || past.revision <= revision) break;
      found = past;
    }
    return found;
  }

  #follow({ revision, atMs, generation, changes }: TrueRevision): void {
    const own = changes.filter(({ key }) => this.#prefixes.some((prefix) => key.startsWith(prefix)));
    if (own.length === 0) return;
    const entries = new Map(this.now(generation));
    for (const { key, after } of own) {
      if (after === undefined) entries.delete(key);
      else entries.set(key, after);
    }
    const pasts = this.#pasts.get(generation) ?? [];
    pasts.push({ revision, atMs, entries });
    this.#pasts.set(generation, pasts);
  }
}
