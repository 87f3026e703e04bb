/**
 * The embedded store: everything in this process, nothing to install. For tests, for development, and for services of
 * one process that want the same recipes. It keeps the same promises as etcd, and forgets everything with the process.
 */
import { Client, type ClientOptions } from './client.js';
import { MemoryCluster, type MemoryClusterOptions } from './transport/memory/cluster.js';

/** An embedded cluster, with the verbs of an operator, and any number of clients that share what is in it. */
export class EmbeddedCluster extends MemoryCluster {
  /** A new client, with sessions of its own, as if it were another process. Throws `INVALID_TTL`, `UNKNOWN_OPTION`. */
  client(options: ClientOptions = {}): Client {
    return new Client(this.store(), { clock: this.clock, ...options });
  }
}

/** An empty embedded cluster. Nothing runs until it is used. Throws `UNKNOWN_OPTION`. */
export function memoryCluster(options: MemoryClusterOptions = {}): EmbeddedCluster {
  return new EmbeddedCluster(options);
}

/** One client of an embedded cluster of its own. Throws `INVALID_TTL`, `UNKNOWN_OPTION`. */
export function memory(options: ClientOptions = {}): Client {
  return memoryCluster({ clock: options.clock }).client(options);
}

export type { LeaseInfo, MemoryClusterOptions } from './transport/memory/cluster.js';
