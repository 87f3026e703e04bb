import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  absent,
  type Commit,
  type Entry,
  type Guard,
  held,
  type Op,
  put,
  type Query,
  read,
  remove,
  type Store,
  unchanged,
} from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { createMemoryCluster } from '../../../src/transport/memory/cluster.js';
import { fakeConsul, storeOn, tidyUp } from './tools.js';

tidyUp();

const keys = ['/a', '/a/', '/a/a', '/a/a/b', '/a/b', '/a/b/', '/a//', '/ab', '/b/a'] as const;
const prefixes = ['/a/', '/a/a/', '/a/b/', '/b/', '/a//'] as const;

/** A step or a guard that does not yet know the revisions and leases of its store. */
type Draft =
  | { readonly what: 'put'; readonly key: string; readonly lease: number }
  | { readonly what: 'delete' | 'read' | 'absent' | 'unchanged' | 'stale' | 'held' | 'other'; readonly key: string }
  | { readonly what: 'delete-all' | 'read-all'; readonly prefix: string };

const key = fc.constantFrom(...keys);
const prefix = fc.constantFrom(...prefixes);
const guard: fc.Arbitrary<Draft> = fc.record({
  what: fc.constantFrom('absent', 'unchanged', 'stale', 'held', 'other'),
  key,
});
const step: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('put' as const), key, lease: fc.integer({ min: -2, max: 1 }) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('delete', 'read'), key }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('delete-all', 'read-all'), prefix }) },
);
const commits = fc.array(
  fc.record({
    guards: fc.array(guard, { maxLength: 2 }),
    ops: fc.array(step, { maxLength: 7 }),
    otherwise: fc.array(key, { maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 8 },
);

/** One store, with the names that revisions and leases have in every store alike. */
class Side {
  readonly #store: Store;
  readonly #leases: string[] = [];
  readonly #names = new Map<bigint, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Two leases, each as long as the test. */
  async begin(): Promise<void> {
    for (let n = 0; n < 2; n++) this.#leases.push((await this.#store.grant(60_000)).id);
  }

  /** What became of a commit, in words that do not depend on the store. */
  async commit(
    n: number,
    guards: readonly Draft[],
    ops: readonly Draft[],
    otherwise: readonly Query[],
  ): Promise<unknown> {
    const before = await this.#store.read({ prefix: '/' });
    const found = new Map(before.entries.map((entry) => [entry.key, entry]));
    let done: Commit;
    try {
      const steps = ops.map((draft) => this.#step(draft, n));
      done = await this.#store.commit(
        guards.map((draft) => this.#guard(draft, found)),
        steps,
        { otherwise },
      );
    } catch (error) {
      if (isCoordinationError(error)) return error.code;
      throw error;
    }
    if (!this.#names.has(done.revision)) this.#names.set(done.revision, n);
    const after = await this.#store.read({ prefix: '/' });
    return { ok: done.ok, reads: done.reads.map((all) => this.#show(all)), after: this.#show(after.entries) };
  }

  #show(entries: readonly Entry[]): unknown[] {
    return entries.map(({ key, value, created, modified, lease }) => {
      const revisions = [created, modified].map((revision) => this.#names.get(revision));
      return [key, Buffer.from(value).toString(), ...revisions, lease === undefined ? -1 : this.#leases.indexOf(lease)];
    });
  }

  #step(draft: Draft, n: number): Op {
    switch (draft.what) {
      case 'put':
        return put(draft.key, String(n % 2), this.#leases[draft.lease]);
      case 'delete':
        return remove(draft.key);
      case 'delete-all':
        return remove({ prefix: draft.prefix });
      case 'read-all':
        return read({ prefix: draft.prefix });
      default:
        return read({ key: 'key' in draft ? draft.key : '/' });
    }
  }

  #guard(draft: Draft, found: ReadonlyMap<string, Entry>): Guard {
    const key = 'key' in draft ? draft.key : '/';
    const { created = 1n, modified = 1n, lease = 'none' } = found.get(key) ?? {};
    if (draft.what === 'unchanged') return unchanged(key, modified);
    if (draft.what === 'stale') return unchanged(key, modified - 1n);
    if (draft.what === 'held') return held(key, created, lease);
    if (draft.what === 'other') return held(key, created + 1n, lease);
    return absent(key);
  }
}

describe('commits of whatever steps', () => {
  it('do and say the same as on the embedded store', { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(commits, async (all) => {
      const fake = await fakeConsul();
      const stores = [createMemoryCluster().store(), storeOn(fake)];
      const [memory, consul] = stores.map((store) => new Side(store)) as [Side, Side]; // As many as there are stores.
      await Promise.all([memory.begin(), consul.begin()]);
      for (const [n, { guards, ops, otherwise }] of all.entries()) {
        const queries = otherwise.map((each) => ({ key: each }));
        const [expected, actual] = [
          await memory.commit(n, guards, ops, queries),
          await consul.commit(n, guards, ops, queries),
        ];
        expect(actual).toEqual(expected);
      }
      await Promise.all(stores.map((store) => store.close()));
      fake.stop();
    });
    await fc.assert(property, { numRuns: 150, seed: 71 });
  });
});
