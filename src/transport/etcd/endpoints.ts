import { ChannelCredentials, type ChannelOptions, type Client } from '@grpc/grpc-js';
import type { Clock, Random } from '../../core/clock.js';
import type { Address } from './address.js';
import { Connection, type ConnectionTrust } from './connection.js';
import type { EtcdConfig } from './options.js';
import { Retry } from './retry.js';
import { secureContext, secureFor } from './tls.js';

/** At most this many connection attempts per endpoint and second while nothing answers: 10. */
const pace = { baseMs: 100, capMs: 1_000 };

/** Answers larger than this are refused rather than held in memory. */
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * The endpoints, of which one is in use. It stays in use until it fails; then the one whose last failure is longest ago
 * takes its place, never-failed ones first. The first choice is random, so that many clients spread over the members.
 */
export class Endpoints {
  readonly #connections: readonly Connection[];
  #current: Connection;
  #failures = 0;

  constructor(config: EtcdConfig, clock: Clock, random: Random, life: AbortSignal) {
    const context = { clock, life, connectMs: config.timeouts.connectMs, channelOptions: channelOptions(config) };
    const trust = trustOf(config);
    const { capMs } = config.retry;
    const times = { baseMs: pace.baseMs, capMs: Math.max(pace.baseMs, Math.min(pace.capMs, capMs)) };
    this.#connections = shuffled(config.addresses, random).map((address) => {
      return new Connection(address, trust(address), new Retry(clock, random, times), context);
    });
    this.#current = this.#connections[0] as Connection; // The options are refused without an endpoint.
  }

  get count(): number {
    return this.#connections.length;
  }

  get current(): Connection {
    return this.#current;
  }

  /** The client of the endpoint in use, if a call on it would be sent at once. */
  get ready(): Client | undefined {
    return this.#current.ready;
  }

  /** Puts an endpoint last. With `suspect`, its connection is given up too, though it may look alive. */
  failed(name: string, suspect = false): void {
    const connection = this.#connections.find(({ address }) => address.name === name);
    if (connection === undefined) return;
    connection.failedAt = ++this.#failures;
    if (connection === this.#current) {
      this.#current = this.#connections.reduce((best, next) => (next.failedAt < best.failedAt ? next : best));
    }
    if (suspect) connection.drop();
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as T); // One is left for each item.
}

function channelOptions({ tls, timeouts }: EtcdConfig): ChannelOptions {
  const name = tls?.serverName;
  return {
    // A repetition that gRPC decides on would be one that nobody judged by what it does.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    // Connections belong to one client, so that closing it closes them.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': timeouts.keepAliveMs,
    'grpc.keepalive_timeout_ms': timeouts.keepAliveTimeoutMs,
    // etcd takes pings without a call for an attack.
    'grpc.keepalive_permit_without_calls': 0,
    'grpc.max_receive_message_length': maxAnswerBytes,
    'grpc.max_send_message_length': -1,
    ...(name === undefined ? {} : { 'grpc.default_authority': name }),
  };
}

/** The certificates are read once, and only where an endpoint uses TLS. */
function trustOf({ tls, addresses }: EtcdConfig): (address: Address) => ConnectionTrust {
  const plain = { credentials: ChannelCredentials.createInsecure() };
  if (!addresses.some(({ secure }) => secure)) return () => plain;
  const context = secureContext(tls);
  const credentials = ChannelCredentials.createFromSecureContext(context);
  return ({ secure, host }) => (secure ? { credentials, secure: secureFor(tls?.serverName ?? host, context) } : plain);
}
