import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Store } from '../../src/core/store.js';
import { type ContractWorld, realTime, storeContract } from '../../src/testing/contract.js';
import { createEtcdStore } from '../../src/transport/etcd/store.js';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { ProxiedStores } from '../servers/proxied-stores.js';

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`etcd ${version}`, () => {
    const stores = new ProxiedStores();
    let cluster: EtcdCluster;
    let cases = 0;

    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 1 });
    });

    afterAll(() => cluster?.stop());

    function open(): Promise<Store> {
      return stores.open(cluster.endpoints[0], (endpoints) => createEtcdStore({ endpoints }));
    }

    function world(): ContractWorld {
      const compact = async (): Promise<void> => {
        const store = await open();
        const { revision } = await store.read({ key: 'any' });
        await cluster.etcdctl(['compact', String(revision)]);
      };
      const prefix = `/contract/${++cases}/`;
      return { ...realTime(), ...stores.faults, open, prefix, shortTtlMs: 2_000, compact };
    }

    for (const { name, run } of storeContract) it(name, () => run(world()));
  });
