export { startConsul } from './consul.js';
export { startEtcd } from './etcd.js';
export type { Cluster, ClusterNode, EtcdCluster } from './types.js';
