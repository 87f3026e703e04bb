import { type DevServer, startDevServer } from 'coterie/dev';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Store } from '../../src/core/store.js';
import { type ContractWorld, realTime, storeContract } from '../../src/testing/contract.js';
import { createEtcdStore } from '../../src/transport/etcd/store.js';
import { ProxiedStores } from '../servers/proxied-stores.js';
import { RawClient } from './wire.js';

describe('the etcd transport on the dev server', () => {
  const stores = new ProxiedStores();
  let server: DevServer;
  let raw: RawClient;
  let cases = 0;

  beforeAll(async () => {
    server = await startDevServer();
    raw = new RawClient(server.endpoint);
  });

  afterAll(async () => {
    raw?.close();
    await server?.close();
  });

  function open(): Promise<Store> {
    return stores.open(server.endpoint, (endpoints) => createEtcdStore({ endpoints }));
  }

  function world(): ContractWorld {
    const compact = async (): Promise<void> => {
      const store = await open();
      const { revision } = await store.read({ key: 'any' });
      await raw.compact(revision);
    };
    const prefix = `/contract/${++cases}/`;
    return { ...realTime(), ...stores.faults, open, prefix, shortTtlMs: 2_000, compact };
  }

  for (const { name, run } of storeContract) it(name, () => run(world()));
});
