import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { hasServer, type ServerName } from '../servers/find.js';
import { ConsulWorld } from './consul-world.js';
import { DevWorld, EtcdWorld } from './etcd-world.js';
import type { StoreWorld } from './store-world.js';

export type { EtcdWorld } from './etcd-world.js';
export { expirySlackMs, type StoreWorld, shortTtlMs } from './store-world.js';

/** Defines tests on a cluster of their own, which are left out where its server is not to be had. */
async function define<W extends StoreWorld>(
  server: ServerName,
  world: W,
  tests: (world: W) => void,
  nodes: 1 | 3,
): Promise<void> {
  const found = await hasServer(server);
  describe.skipIf(!found)(`${world.name}, ${nodes === 1 ? 'one node' : 'three nodes'}`, () => {
    beforeAll(() => world.start(nodes));
    afterAll(() => world.stop());
    beforeEach(() => world.begin());
    afterEach(() => world.end());
    tests(world);
  });
}

/**
 * Defines the same tests for every version of etcd, on a cluster for each, and for `coterie dev`, which is one node and says
 * that it is etcd.
 */
export async function forEachEtcd(tests: (etcd: EtcdWorld) => void, nodes: 1 | 3 = 1): Promise<void> {
  for (const version of ['3.4', '3.5'] as const) {
    await define(`etcd-${version}`, new EtcdWorld(version), tests, nodes);
  }
  // For its etcdctl.
  if (nodes === 1) await define('etcd-3.5', new DevWorld(), tests, nodes);
}

/** Defines tests on Consul. */
export async function onConsul(tests: (consul: ConsulWorld) => void, nodes: 1 | 3 = 1): Promise<void> {
  await define('consul-1.8', new ConsulWorld(), tests, nodes);
}

/** Defines the same tests for every store, on a cluster for each. */
export async function forEachStore(tests: (world: StoreWorld) => void, nodes: 1 | 3 = 1): Promise<void> {
  await forEachEtcd(tests, nodes);
  await onConsul(tests, nodes);
}
