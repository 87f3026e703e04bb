/** A barrier between processes: everybody waits at it until somebody takes it down. */
import { Barrier } from 'coterie';
import { memoryCluster } from 'coterie/memory';

// Three clients of one cluster, as if they were three processes.
const cluster = memoryCluster();
await using operator = cluster.client();
await using ada = cluster.client();
await using bob = cluster.client();

const maintenance = new Barrier(operator, '/barriers/maintenance');
console.log(`the operator holds it up: ${await maintenance.hold()}`);

const order: string[] = [];
const work = [ada, bob].map(async (client) => {
  await new Barrier(client, '/barriers/maintenance').wait();
  order.push('somebody works');
});

console.log(`ada sees it: ${await new Barrier(ada, '/barriers/maintenance').isHeld()}`);
order.push('maintenance is over');
console.log(`the operator takes it down: ${await maintenance.release()}`);

await Promise.all(work);
for (const line of order) console.log(line);
