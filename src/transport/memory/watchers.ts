import type { Batch, Entry, Range } from '../../core/store.js';
import type { Revision, Version } from './history.js';

/** An entry as callers get it: with a copy of the value, so that nothing they do to it reaches the store. */
export function toEntry({ key, value, created, modified, lease }: Version): Entry {
  const entry = { key, value: new Uint8Array(value), created: BigInt(created), modified: BigInt(modified) };
  return lease === undefined ? entry : { ...entry, lease };
}

/** One who watches. */
export interface Follower {
  changes(batch: Batch & { readonly kind: 'changes' }): void;
}

interface Collected {
  readonly puts: Entry[];
  readonly deletes: string[];
}

/** The prefixes that a key lies under: all that end in `/`, the key itself among them where it does. */
function prefixesOf(key: string): string[] {
  const prefixes: string[] = [];
  for (let at = key.indexOf('/'); at !== -1; at = key.indexOf('/', at + 1)) prefixes.push(key.slice(0, at + 1));
  return prefixes;
}

/** Who watches what. A change costs as many look-ups as its key has segments, however many others watch. */
export class Watchers {
  readonly #byKey = new Map<string, Set<Follower>>();
  readonly #byPrefix = new Map<string, Set<Follower>>();

  /** Whether anybody watches anything. */
  get any(): boolean {
    return this.#byKey.size + this.#byPrefix.size > 0;
  }

  add(range: Range, queue: Follower): void {
    const [table, name] = this.#place(range);
    const queues = table.get(name) ?? new Set();
    table.set(name, queues.add(queue));
  }

  delete(range: Range, queue: Follower): void {
    const [table, name] = this.#place(range);
    const queues = table.get(name);
    queues?.delete(queue);
    if (queues?.size === 0) table.delete(name);
  }

  /** Tells everyone concerned: one batch each. */
  publish({ revision, changes }: Revision): void {
    const batches = new Map<Follower, Collected>();
    for (const { key, next } of changes) {
      for (const queue of this.#watching(key)) {
        const batch = batches.get(queue) ?? { puts: [], deletes: [] };
        batches.set(queue, batch);
        if (next === undefined) batch.deletes.push(key);
        else batch.puts.push(toEntry(next));
      }
    }
    for (const [queue, { puts, deletes }] of batches) {
      const batch = { kind: 'changes' as const, revision: BigInt(revision), puts, deletes };
      queue.changes(batch);
    }
  }

  #place(range: Range): [Map<string, Set<Follower>>, string] {
    return 'prefix' in range ? [this.#byPrefix, range.prefix] : [this.#byKey, range.key];
  }

  *#watching(key: string): Generator<Follower> {
    yield* this.#byKey.get(key) ?? [];
    if (this.#byPrefix.size === 0) return;
    for (const prefix of prefixesOf(key)) yield* this.#byPrefix.get(prefix) ?? [];
  }
}
