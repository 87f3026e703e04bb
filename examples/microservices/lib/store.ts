import type { Client } from 'coterie';

/** A client for `etcd://host:port[,...]` or `consul://host:port`. Only the transport that is used is loaded. */
export async function openClient(store: string, ttlMs: number): Promise<Client> {
  const [, kind, hosts = ''] = /^(etcd|consul):\/\/([^/@]+)\/?$/.exec(store) ?? [];
  if (kind === 'etcd') {
    const { etcd } = await import('coterie/etcd');
    return etcd({ endpoints: hosts.split(',').map((host) => `http://${host}`), ttlMs });
  }
  if (kind === 'consul') {
    const { consul } = await import('coterie/consul');
    // Consul grants less than ten seconds only where its servers are set up so: they have the last word.
    return consul({ address: `http://${hosts}`, ttlMs, session: { minTtlMs: Math.min(10_000, ttlMs) } });
  }
  throw new Error('--store must be "etcd://host:port[,host:port...]" or "consul://host:port".');
}
