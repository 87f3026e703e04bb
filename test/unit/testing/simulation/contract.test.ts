import { afterEach, describe, it } from 'vitest';
import { type ContractWorld, realTime, storeContract } from '../../../../src/testing/contract.js';
import { memoryCluster, type TestCluster } from '../../../../src/testing/simulation/memory-cluster.js';
import type { PersonalityName } from '../../../../src/testing/simulation/personality.js';
import type { SimulatedNode } from '../../../../src/testing/simulation/simulated-node.js';

/** The simulated store is no judge of anything unless it keeps the contract itself, as both of the stores it stands for. */
const clusters: TestCluster[] = [];

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.close();
});

function world(store: PersonalityName, extraMs: number): ContractWorld {
  const cluster = memoryCluster({ store, minTtlMs: 200 });
  clusters.push(cluster);
  const nodes = new Map<object, SimulatedNode>();
  const nodeOf = (of: object): SimulatedNode => nodes.get(of) as SimulatedNode;
  return {
    ...realTime(cluster.clock),
    prefix: '/contract/',
    shortTtlMs: 200,
    open: async () => {
      const node = cluster.node();
      const { store: opened } = node.client;
      nodes.set(opened, node);
      cluster.slow(node, extraMs);
      return opened;
    },
    compact: async () => cluster.service.cluster.compact(),
    interrupt: async (of) => cluster.disconnect(nodeOf(of)),
    stall: async (of) => {
      cluster.partition(nodeOf(of));
      return async () => {
        cluster.heal(nodeOf(of));
        cluster.slow(nodeOf(of), extraMs);
      };
    },
  };
}

for (const store of ['etcd', 'consul'] as const) {
  for (const extraMs of [0, 2]) {
    describe(`the simulated store with the ways of ${store}, ${2 * extraMs} ms away`, () => {
      for (const { name, run } of storeContract) {
        it(name, async () => {
          const made = world(store, extraMs);
          await clusters[0]?.clock.runUntil(run(made));
        });
      }
    });
  }
}
