/** Random commits and reads, made on Consul and on the embedded store, must come to the same. */
import { describe, expect, it } from 'vitest';
import {
  absent,
  type Entry,
  type Guard,
  held,
  type Op,
  put,
  type Query,
  type Range,
  read,
  remove,
  type Store,
  unchanged,
} from '../../src/core/store.js';
import { isCoordinationError } from '../../src/errors.js';
import { memoryCluster } from '../../src/memory.js';
import { hasServer } from '../servers/find.js';
import { ConsulFixture, shortTtl } from './tools.js';

/** The same numbers for the same seed, by the method of Lehmer. */
function numbersFrom(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

/** Names that are beginnings of each other, above and below each other, and ones that HTTP would mangle. */
const names = ['a', 'aa', 'a/', 'a/b', 'a/b/c', 'a/b/', 'b', 'b//c', 'c/./d', 'c/\u{1f600}'];
const folders = ['', 'a/', 'a/b/', 'b/', 'c/'];

/** One store, and how what it says translates: revisions into numbers of commits, leases into numbers of grants. */
class Side {
  readonly store: Store;
  readonly leases: string[] = [];
  now = new Map<string, Entry>();
  readonly #commits = new Map<bigint, number>();

  constructor(store: Store) {
    this.store = store;
  }

  /** Reads everything after this commit. What it wrote has a revision that was never seen before. */
  async look(prefix: string, commit: number): Promise<readonly string[]> {
    const { entries } = await this.store.read({ prefix });
    this.now = new Map(entries.map((entry) => [entry.key, entry]));
    for (const { modified } of entries) this.#learn(modified, commit);
    return entries.map((entry) => this.#show(entry));
  }

  /** Makes a commit and tells what came of it. */
  async commit({ guards, ops, otherwise }: Parts, commit: number): Promise<readonly unknown[]> {
    try {
      const { ok, revision, reads } = await this.store.commit(guards, ops, { otherwise });
      if (ok && ops.some(({ kind }) => kind === 'put')) this.#learn(revision, commit);
      return [ok, reads.map((entries) => entries.map((entry) => this.#show(entry)))];
    } catch (error) {
      if (isCoordinationError(error)) return [error.code];
      throw error;
    }
  }

  #learn(revision: bigint, commit: number): void {
    if (!this.#commits.has(revision)) this.#commits.set(revision, commit);
  }

  #show({ key, value, created, modified, lease }: Entry): string {
    const [from, last] = [this.#commits.get(created), this.#commits.get(modified)];
    return `${key}=${Buffer.from(value)} ${from}..${last} ${lease === undefined ? '-' : this.leases.indexOf(lease)}`;
  }
}

interface Parts {
  readonly guards: readonly Guard[];
  readonly ops: readonly Op[];
  readonly otherwise: readonly Query[];
}

/** The same choices for both sides, each of which has revisions and leases of its own. */
class Generator {
  readonly #next: () => number;
  readonly #prefix: string;
  #values = 0;

  constructor(seed: number, prefix: string) {
    this.#next = numbersFrom(seed);
    this.#prefix = prefix;
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  commit(): (side: Side) => Parts {
    const guards = this.#some(2, () => this.#guard());
    const steps = this.#some(5, () => this.#step());
    const otherwise = this.#some(2, () => this.#query());
    return (side) => ({ guards: guards.map((make) => make(side)), ops: steps.map((make) => make(side)), otherwise });
  }

  #some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T; // It is never asked about an empty list.
  }

  #key(): string {
    return this.#prefix + this.#pick(names);
  }

  #range(): Range {
    return this.chance(0.6) ? { key: this.#key() } : { prefix: this.#prefix + this.#pick(folders) };
  }

  #query(): Query {
    const order = this.#pick(['key', 'oldest', 'newest'] as const);
    return { ...this.#range(), order, ...(this.chance(0.3) && { limit: 1 + this.below(3) }) };
  }

  #guard(): (side: Side) => Guard {
    const [key, kind, off] = [this.#key(), this.#pick(['absent', 'unchanged', 'held']), this.chance(0.2) ? 1n : 0n];
    return ({ now }) => {
      const entry = now.get(key);
      if (kind === 'held' && entry?.lease !== undefined) return held(key, entry.created, entry.lease);
      if (kind === 'absent' || entry === undefined) return absent(key);
      return unchanged(key, entry.modified - off);
    };
  }

  #step(): (side: Side) => Op {
    const kind = this.#next();
    if (kind < 0.3) {
      const query = this.#query();
      return () => read(query);
    }
    if (kind < 0.45) {
      const range = this.#range();
      return () => remove(range);
    }
    const [key, value] = [this.#key(), this.chance(0.3) ? 'same' : `v${++this.#values}`];
    const lease = this.chance(0.4) ? this.below(3) : undefined;
    return (side) => put(key, value, lease === undefined ? undefined : side.leases.at(-1 - lease));
  }
}

describe.skipIf(!(await hasServer('consul-1.8')))('on Consul', () => {
  const consul = new ConsulFixture(() => ({ nodes: 1, flags: [shortTtl] }));

  for (const seed of [1, 2, 3, 4]) {
    it(`random commits do what they do on the embedded store, seed ${seed}`, async () => {
      const prefix = `/random/${seed}/`;
      const sides = [new Side(consul.open()), new Side(memoryCluster().store())] as const;
      const generator = new Generator(seed, prefix);
      const each = <T>(run: (side: Side) => Promise<T>): Promise<T[]> => Promise.all(sides.map(run));
      const grant = (): Promise<unknown> => each(async (s) => s.leases.push((await s.store.grant(60_000)).id));
      for (let n = 0; n < 3; n++) await grant();
      const seen = new Map<unknown, number>();
      for (let n = 1; n <= 250; n++) {
        if (generator.chance(0.05)) {
          const lease = generator.below(3);
          await each((side) => side.store.revoke(side.leases.at(-1 - lease) ?? ''));
          // Its keys are gone; most of the time another one takes its place.
          if (generator.chance(0.8)) await grant();
        } else {
          const parts = generator.commit();
          const [ours, theirs] = await each((side) => side.commit(parts(side), n));
          expect(ours, `commit ${n}`).toEqual(theirs);
          seen.set(ours?.[0], (seen.get(ours?.[0]) ?? 0) + 1);
        }
        const [ours, theirs] = await each((side) => side.look(prefix, n));
        expect(ours, `after commit ${n}`).toEqual(theirs);
      }
      // A test in which nothing ever succeeds, or nothing ever fails, would say little.
      for (const outcome of [true, false, 'LEASE_NOT_FOUND', 'DUPLICATE_KEY'])
        expect(seen.get(outcome)).toBeGreaterThan(3);
      await each((side) => Promise.all(side.leases.map((lease) => side.store.revoke(lease))));
    });
  }
});
