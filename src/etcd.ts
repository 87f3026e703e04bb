/** etcd v3 over gRPC. The only entry point that loads `protobufjs`, and with `coterie/grpc` the only one that loads `@grpc/grpc-js`. */
import { Client, type ClientOptions } from './client.js';
import { systemClock, systemRandom } from './core/clock.js';
import type { EtcdOptions } from './transport/etcd/options.js';
import { createEtcdStore, type EtcdStore } from './transport/etcd/store.js';

/**
 * A client of an etcd cluster, 3.4 or later. Sends nothing, and connects to nothing, until it is used.
 *
 * Throws `INVALID_ENDPOINT`, `INSECURE_CREDENTIALS` (a password without TLS and without `allowInsecureAuth`),
 * `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, `INVALID_TTL`, `INVALID_KEY`, `INVALID_PREFIX`.
 */
export function etcd(options: EtcdOptions & ClientOptions): Client<EtcdStore> {
  // A program in plain JavaScript may leave the options out; the store then says what is missing.
  const { ttlMs, host, clock = systemClock, random = systemRandom, ...storeOptions } = options ?? {};
  const store = createEtcdStore(storeOptions, { clock, random });
  return new Client(store, { ttlMs, host, clock, random });
}

export type { RetryOptions, TlsOptions } from './core/transport-options.js';
export type {
  EtcdAuthOptions,
  EtcdOptions,
  EtcdTimeouts,
} from './transport/etcd/options.js';
export type { EtcdStats } from './transport/etcd/store.js';
export { EtcdStore } from './transport/etcd/store.js';
