/** A double barrier: all begin a phase together, and end it together. */
import { DoubleBarrier, isCoordinationError } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
const names = ['ada', 'bob', 'eve'];

const order: string[] = [];
async function worker(host: string): Promise<void> {
  await using client = cluster.client({ host });
  const phase = new DoubleBarrier(client, '/barriers/phase', names.length);
  for (let round = 0; round < 2; round++) {
    const membership = await phase.enter({ timeoutMs: 5_000 });
    order.push(`in round ${membership.round}`);
    await membership.leave();
  }
}

await Promise.all(names.map(worker));
for (const line of order) console.log(line);

// Nobody is left waiting for members that never come.
await using client = cluster.client();
const lonely = new DoubleBarrier(client, '/barriers/lonely', 2);
try {
  await lonely.enter({ timeoutMs: 50 });
} catch (error) {
  if (isCoordinationError(error, 'TIMEOUT')) console.log('nobody else came');
}
