import { memoryCluster } from '../../../src/memory.js';
import { createConsulStore } from '../../../src/transport/consul/store.js';
import { createEtcdStore } from '../../../src/transport/etcd/store.js';
import { startConsul, startDev, startEtcd } from '../../servers/cluster.js';
import type { EtcdCluster } from '../../servers/types.js';
import type { OpenStore } from './differ.js';

/** A server, and stores of it. */
export interface StoreServer {
  readonly open: OpenStore;
  stop(): Promise<void>;
}

/** A store of its own in this process each time. */
export const onMemory: OpenStore = () => memoryCluster().store();

/** Each server that the embedded store is compared with, by its name. */
export const storeServers: Readonly<Record<'consul' | 'etcd' | 'dev', () => Promise<StoreServer>>> = {
  consul: async () => {
    const cluster = await startConsul({ nodes: 1, flags: ['-hcl=session_ttl_min = "1s"'] });
    const address = cluster.endpoints[0] ?? '';
    return { open: () => createConsulStore({ address, session: { minTtlMs: 1_000 } }), stop: () => cluster.stop() };
  },
  etcd: async () => onEtcd(await startEtcd({ version: '3.5', nodes: 1 })),
  dev: async () => onEtcd(await startDev('3.5')),
};

function onEtcd(cluster: EtcdCluster): StoreServer {
  return { open: () => createEtcdStore({ endpoints: cluster.endpoints }), stop: () => cluster.stop() };
}
