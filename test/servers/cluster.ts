export { type ConsulOptions, startConsul } from './consul.js';
export { type EtcdOptions, type EtcdTls, startEtcd } from './etcd.js';
export type { RunOptions, RunResult } from './run.js';
export type { Cluster, ClusterNode, ConsulCluster, EtcdCluster, Mode } from './types.js';
