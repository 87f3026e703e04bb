import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import type { Store } from '../../src/core/store.js';
import { type ContractWorld, realTime, storeContract } from '../../src/testing/contract.js';
import { createConsulStore } from '../../src/transport/consul/store.js';
import { type Cluster, startConsul } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { type FaultProxy, startProxy } from '../servers/proxy.js';

for (const nodes of [1, 3] as const)
  describe.skipIf(!(await hasServer('consul-1.8')))(
    `consul 1.8, ${nodes === 1 ? 'one server' : 'three servers'}`,
    () => {
      let cluster: Cluster;
      let cases = 0;
      const opened = new Map<Store, FaultProxy>();

      beforeAll(async () => {
        cluster = await startConsul({ nodes, flags: ['-hcl=session_ttl_min = "1s"'] });
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
        // Each client of a case talks to the next server, so that all roles are seen.
        const { hostname, port } = new URL(cluster.endpoints[opened.size % nodes] ?? '');
        const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
        const store = createConsulStore({ address: `127.0.0.1:${proxy.port}`, session: { minTtlMs: 1_000 } });
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
          // Consul keeps no history.
          compact: async () => {},
          interrupt: async (store) => proxyOf(store).cut(),
          stall: async (store) => {
            const proxy = proxyOf(store);
            proxy.dropAll();
            return async () => proxy.heal();
          },
        };
      }

      for (const { name, run } of storeContract) it(name, () => run(world()));
    },
  );
