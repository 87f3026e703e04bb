import type { ClusterNode } from '../servers/cluster.js';
import type { StoreWorld } from './store-world.js';

/** Runs what ends the leader, and brings it back, whatever comes of it. */
export async function withoutLeader<T>(world: StoreWorld, task: (leader: ClusterNode) => Promise<T>): Promise<T> {
  const leader = await world.cluster.leader();
  try {
    return await task(leader);
  } finally {
    await leader.kill();
    await leader.start();
    await world.cluster.waitHealthy();
  }
}
