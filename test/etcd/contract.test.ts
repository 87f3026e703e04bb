import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import type { Store } from '../../src/core/store.js';
import { type ContractWorld, realTime, storeContract } from '../../src/testing/contract.js';
import { createEtcdStore } from '../../src/transport/etcd/store.js';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { type FaultProxy, startProxy } from '../servers/proxy.js';

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`etcd ${version}`, () => {
    let cluster: EtcdCluster;
    let cases = 0;
    const opened = new Map<Store, FaultProxy>();

    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 1 });
    });

    afterAll(() => cluster?.stop());

    afterEach(async () => {
      for (const [store, proxy] of opened) {
        await store.close();
        await proxy[Symbol.asyncDispose]();
      }
      opened.clear();
    });

    async function open(): Promise<Store> {
      const { hostname, port } = new URL(cluster.endpoints[0] ?? '');
      const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
      const store = createEtcdStore({ endpoints: `127.0.0.1:${proxy.port}` });
      opened.set(store, proxy);
      return store;
    }

    function proxyOf(store: Store): FaultProxy {
      return opened.get(store) as FaultProxy; // Each store of the world is opened above.
    }

    function world(): ContractWorld {
      return {
        ...realTime(),
        open,
        prefix: `/contract/${++cases}/`,
        shortTtlMs: 2_000,
        compact: async () => {
          const store = await open();
          const { revision } = await store.read({ key: 'any' });
          await cluster.etcdctl(['compact', String(revision)]);
        },
        interrupt: async (store) => proxyOf(store).cut(),
        stall: async (store) => {
          const proxy = proxyOf(store);
          proxy.dropAll();
          return async () => proxy.heal();
        },
      };
    }

    for (const { name, run } of storeContract) it(name, () => run(world()));
  });
