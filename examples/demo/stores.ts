import type { Client } from 'coterie';

/** A store of servers, to which processes connect. */
export type Servers =
  | { readonly kind: 'etcd'; readonly endpoints: readonly string[] }
  | { readonly kind: 'consul'; readonly address: string };

/** What the demo can be played on: servers that are there, or the embedded server, which it starts itself. */
export type StoreChoice = { readonly kind: 'dev' } | Servers;

/**
 * How long the sessions of the demo live: the shortest time that the servers grant unless they were configured otherwise,
 * so that the death of a worker is noticed soon.
 */
export const usualTtlMs: Readonly<Record<StoreChoice['kind'], number>> = {
  dev: 2_000,
  etcd: 2_000,
  consul: 10_000,
};

/** A client of its own for a process. Only the transport that is used is loaded: without etcd, no gRPC. */
export async function openClient(servers: Servers, ttlMs: number): Promise<Client> {
  if (servers.kind === 'etcd') {
    const { etcd } = await import('coterie/etcd');
    return etcd({ endpoints: servers.endpoints, ttlMs });
  }
  const { consul } = await import('coterie/consul');
  // The servers have the last word on what is too short for them.
  const minTtlMs = Math.min(usualTtlMs.consul, ttlMs);
  return consul({ address: servers.address, ttlMs, session: { minTtlMs } });
}
