import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Store } from '../../src/core/store.js';
import { type ContractWorld, realTime, storeContract } from '../../src/testing/contract.js';
import { createConsulStore } from '../../src/transport/consul/store.js';
import { type Cluster, startConsul } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { ProxiedStores } from '../servers/proxied-stores.js';
import { shortTtl } from './tools.js';

for (const nodes of [1, 3] as const)
  describe.skipIf(!(await hasServer('consul-1.8')))(
    `consul 1.8, ${nodes === 1 ? 'one server' : 'three servers'}`,
    () => {
      const stores = new ProxiedStores();
      let cluster: Cluster;
      let cases = 0;

      beforeAll(async () => {
        cluster = await startConsul({ nodes, flags: [shortTtl] });
      });

      afterAll(() => cluster?.stop());

      function open(): Promise<Store> {
        // Each client of a case talks to the next server, so that all roles are seen.
        const endpoint = cluster.endpoints[stores.count % nodes];
        return stores.open(endpoint, (address) => createConsulStore({ address, session: { minTtlMs: 1_000 } }));
      }

      function world(): ContractWorld {
        const prefix = `/contract/${++cases}/`;
        // Consul keeps no history that could be compacted.
        return { ...realTime(), ...stores.faults, open, prefix, shortTtlMs: 2_000, compact: async () => {} };
      }

      for (const { name, run } of storeContract) it(name, () => run(world()));
    },
  );
