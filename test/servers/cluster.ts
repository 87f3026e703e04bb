export { startConsul } from './consul.js';
export { startDev } from './dev.js';
export { startEtcd } from './etcd.js';
export type { Cluster, ClusterNode, ConsulCluster, EtcdCluster } from './types.js';
