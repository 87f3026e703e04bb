export { startConsul } from './consul.js';
export { startEtcd } from './etcd.js';
export type { Cluster, ClusterNode, ConsulCluster, EtcdCluster } from './types.js';
