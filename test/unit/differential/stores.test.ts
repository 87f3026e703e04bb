/** The comparison of stores finds what it is there to find, and says it in few steps. */
import { describe, expect, it } from 'vitest';
import type { Batch, Commit, Store, Watch } from '../../../src/core/store.js';
import { memoryCluster } from '../../../src/memory.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import { differStores, type StoreVerdict } from '../../differential/store/differ.js';

const open = (): Store => memoryCluster().store();

/** The embedded store with some of its methods replaced. */
function altered(change: (store: Store) => Partial<Store>): () => Store {
  return () => {
    const store = open();
    const changed = change(store);
    return new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
}

function compare(other: () => Store): Promise<StoreVerdict> {
  // What is in this process is shown by a watch at once, or never.
  return differStores({ stores: [open, other], seed: 1, ops: 2_000, shrinkMs: 5_000, patienceMs: 200 });
}

/** A watch of which some batches are not shown. */
function filtered(watch: Watch, keeps: (batch: Batch) => boolean): Watch {
  const next = async (): Promise<IteratorResult<Batch>> => {
    for (;;) {
      const result = await watch.next();
      if (result.done === true || keeps(result.value)) return result;
    }
  };
  return { next, return: () => watch.return(), [Symbol.asyncIterator]: () => filtered(watch, keeps) };
}

describe('the comparison of stores', { timeout: 60_000 }, () => {
  it('finds nothing where there is nothing', async () => {
    expect((await compare(open)).finding).toBeUndefined();
    expect((await compare(() => new FaultyStore(open()))).finding).toBeUndefined();
  });

  it.each<[string, (store: Store) => Partial<Store>]>([
    [
      'a refused commit that says it was done',
      (store) => ({ commit: async (...all) => ({ ...(await store.commit(...all)), ok: true }) }),
    ],
    ['a lost read step', (store) => ({ commit: async (...all) => without(await store.commit(...all)) })],
    ['guards that are ignored', (store) => ({ commit: (_, ops, options) => store.commit([], ops, options) })],
    [
      'a step too few',
      (store) => ({ commit: (guards, ops, options) => store.commit(guards, ops.slice(0, 4), options) }),
    ],
    [
      'an order that is ignored',
      (store) => ({ read: (query, options) => store.read({ ...query, order: 'key' }, options) }),
    ],
    [
      'a limit that is one too high',
      (store) => ({
        read: ({ limit = 999, ...query }, options) => store.read({ ...query, limit: limit + 1 }, options),
      }),
    ],
    ['the present for the past', (store) => ({ read: (query) => store.read(query) })],
    [
      'renewals of what is gone',
      (store) => ({ renew: (lease) => store.renew(lease).catch(() => ({ id: lease, ttlMs: 60_000 })) }),
    ],
    ['leases that do not end', () => ({ revoke: async () => {} })],
  ])('finds %s', async (_, change) => {
    const { finding } = await compare(altered(change));
    expect(finding?.sentence).toMatch(/on one store and .* on the other/);
    expect(finding?.steps.length).toBeLessThanOrEqual(6);
  });

  it('finds a watch that leaves out deletes', async () => {
    const keeps = (batch: Batch): boolean => batch.kind === 'snapshot' || batch.deletes.length === 0;
    const { finding } = await compare(
      altered((store) => ({ watch: (...all) => filtered(store.watch(...all), keeps) })),
    );
    expect(finding?.sentence).toMatch(/is not up to date/);
  });
});

function without(commit: Commit): Commit {
  return { ...commit, reads: commit.reads.slice(1) };
}
