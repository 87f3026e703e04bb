import type { Client } from 'coterie';

/** Opens the store that a URL names: `etcd://host:port[,host:port...]` or `consul://host:port`. Loads no other. */
export async function openStore(url: string, ttlMs: number): Promise<Client> {
  const [kind, hosts = ''] = url.split('://');
  if (kind === 'etcd') {
    const { etcd } = await import('coterie/etcd');
    return etcd({ endpoints: hosts.split(','), ttlMs });
  }
  const { consul } = await import('coterie/consul');
  return consul({ address: hosts, ttlMs, session: { minTtlMs: 1_000 } });
}
