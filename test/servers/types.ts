import type { ChildProcess } from 'node:child_process';
import type { RunOptions, RunResult } from './run.js';

export type Mode = 'container' | 'process';

export interface ClusterNode {
  readonly name: string;
  /** Where clients reach the node; the same over kill and start. */
  readonly endpoint: string;
  /** The process on this machine, while the node runs and its id can be told. */
  readonly pid: number | undefined;
  readonly state: 'running' | 'paused' | 'stopped';
  /** Starts a stopped node on its old data. Does not wait until it serves: see waitHealthy. */
  start(): Promise<void>;
  /** Asks the node to end and waits until it has. */
  stop(): Promise<void>;
  /** Ends the node at once (SIGKILL), as a crash would. */
  kill(): Promise<void>;
  /** Stop, then start. */
  restart(): Promise<void>;
  /** Freezes the node: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Waits until the node serves linearizable reads, so also until there is a leader. */
  waitHealthy(timeoutMs?: number): Promise<void>;
  logs(): string;
}

export interface Cluster extends AsyncDisposable {
  readonly kind: 'etcd' | 'consul';
  /** The full version, e.g. 3.5.30. */
  readonly version: string;
  readonly mode: Mode;
  readonly endpoints: readonly string[];
  readonly nodes: readonly ClusterNode[];
  /** Waits until every running node is healthy. */
  waitHealthy(timeoutMs?: number): Promise<void>;
  /** Waits until a running node is the leader, confirmed by a majority, and gives it. */
  leader(timeoutMs?: number): Promise<ClusterNode>;
  /** Ends everything and removes the data. */
  stop(): Promise<void>;
}

export interface EtcdCluster extends Cluster {
  readonly kind: 'etcd';
  /** Runs the etcdctl of the same version; endpoints and certificates are given unless args name them. */
  etcdctl(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** For what runs long (lock, elect, watch): the caller ends it, and stop() whatever is left. */
  spawnEtcdctl(args: readonly string[]): ChildProcess;
}

export interface ConsulCluster extends Cluster {
  readonly kind: 'consul';
  /** Runs the consul program as a client of the first node unless args name an address. */
  consul(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** One server, however it runs. */
export interface Runner {
  readonly pid: number | undefined;
  readonly state: ClusterNode['state'];
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Whether the server still runs; it may have ended by itself. */
  isAlive(): Promise<boolean>;
  logs(): string;
  /** Ends the server and removes all that belongs to it. */
  remove(): Promise<void>;
}
