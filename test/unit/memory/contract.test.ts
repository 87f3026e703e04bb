import { afterEach, describe, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import type { Store } from '../../../src/core/store.js';
import { type ContractWorld, realTime, storeContract, virtualTime } from '../../../src/testing/contract.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { createMemoryCluster, type MemoryCluster } from '../../../src/transport/memory/cluster.js';

const stores: Store[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

function opened<S extends Store>(store: S): S {
  stores.push(store);
  return store;
}

const shared = { prefix: '/contract/', shortTtlMs: 200 };

function plainWorld(cluster: MemoryCluster, time: ReturnType<typeof realTime>): ContractWorld {
  return { ...time, ...shared, open: async () => opened(cluster.store()), compact: async () => cluster.compact() };
}

function faultyWorld(clock: VirtualClock, delayMs: number): ContractWorld {
  const cluster = createMemoryCluster({ clock });
  const faulty = new Map<Store, FaultyStore>();
  const open = async (): Promise<Store> => {
    const store = opened(new FaultyStore(cluster.store(), clock));
    store.delay(delayMs);
    faulty.set(store, store);
    return store;
  };
  return {
    ...plainWorld(cluster, virtualTime(clock)),
    open,
    interrupt: async (store) => faulty.get(store)?.interrupt(),
    stall: async (store) => {
      faulty.get(store)?.partition();
      return async () => faulty.get(store)?.heal();
    },
  };
}

describe('embedded store, real time', () => {
  for (const { name, needs, run } of storeContract) {
    // An embedded store has no connection that could break.
    it.skipIf(needs !== undefined)(name, () => run(plainWorld(createMemoryCluster(), realTime(systemClock))));
  }
});

describe('embedded store, virtual time', () => {
  for (const { name, needs, run } of storeContract) {
    it.skipIf(needs !== undefined)(name, () => {
      const clock = new VirtualClock();
      return run(plainWorld(createMemoryCluster({ clock }), virtualTime(clock)));
    });
  }
});

describe('embedded store behind a connection that can break', () => {
  for (const { name, run } of storeContract) it(name, () => run(faultyWorld(new VirtualClock(), 0)));
});

describe('embedded store behind a slow connection', () => {
  for (const { name, run } of storeContract) {
    it(name, async () => {
      const clock = new VirtualClock();
      await clock.runUntil(run(faultyWorld(clock, 2)));
    });
  }
});

it('all cases may run at the same time on one cluster', async () => {
  // On a virtual clock, which moves only when none of them has anything to do: leases must not end while others are busy.
  const clock = new VirtualClock();
  const cluster = createMemoryCluster({ clock });
  const cases = storeContract.filter(({ needs }) => needs === undefined);
  const running = cases.map(({ run }, n) => {
    return run({ ...plainWorld(cluster, realTime(clock)), prefix: `/contract/${n}/` });
  });
  await clock.runUntil(Promise.all(running));
});
