/** Consul over HTTP. Loads nothing beyond Node's own modules and what the recipes need. */
import { Client, type ClientOptions } from './client.js';
import { systemClock, systemRandom } from './core/clock.js';
import type { ConsulOptions } from './transport/consul/options.js';
import { type ConsulStore, createConsulStore } from './transport/consul/store.js';

/**
 * A client of Consul, 1.8 or later. Sends nothing, and connects to nothing, until it is used.
 *
 * Throws `INVALID_ENDPOINT`, `INSECURE_CREDENTIALS` (a token without TLS to another machine, and without
 * `allowInsecureAuth`), `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, `INVALID_TTL`.
 */
export function consul(options: ConsulOptions & ClientOptions): Client<ConsulStore> {
  // A program in plain JavaScript may leave the options out; the store then says what is missing.
  const { ttlMs, host, clock = systemClock, random = systemRandom, ...storeOptions } = options ?? {};
  const store = createConsulStore(storeOptions, { clock, random });
  return new Client(store, { ttlMs, host, clock, random });
}

export type { RetryOptions, TlsOptions } from './core/transport-options.js';
export { environmentOptions } from './transport/consul/environment.js';
export type {
  ConsulConnectionOptions,
  ConsulOptions,
  ConsulSessionOptions,
  ConsulTimeouts,
  ConsulTokenSource,
} from './transport/consul/options.js';
export type { ConsulStats } from './transport/consul/store.js';
export { ConsulStore } from './transport/consul/store.js';
