/** Service discovery: calls are spread over the instances that are there, are well, and have not failed. */
import { isCoordinationError, ServiceRegistry } from 'coterie';
import { memoryCluster } from 'coterie/memory';

// Two servers and one who calls them, as if they were three processes.
const cluster = memoryCluster();
await using ada = cluster.client();
await using bob = cluster.client();
await using caller = cluster.client();

const path = '/services/api';
const adas = await new ServiceRegistry(ada, path).register({ id: 'ada', address: '10.0.0.1', port: 80, weight: 2 });
const bobs = await new ServiceRegistry(bob, path).register({ id: 'bob', address: '10.0.0.2', port: 80 });

// Picks come from memory, which one watch keeps as the store has it.
await using resolver = await new ServiceRegistry(caller, path).resolver({ strategy: 'round-robin' });
const picks = Array.from({ length: 6 }, () => resolver.pick().instance.id);
console.log(`of six calls, ada has ${picks.filter((id) => id === 'ada').length}`);

// An instance that failed is kept out for a second, and for longer each time.
const task = ({ id }: { readonly id: string }) => {
  if (id === 'bob') throw new Error('bob does not answer');
  return `${id} answers`;
};
await resolver.run(task, { exclude: ['ada'] }).catch((error: unknown) => console.log(String(error)));
console.log(await resolver.run(task));

// Whoever says that it is not well, or leaves, is picked no more.
const changed = () => new Promise((resolve) => resolver.events.on('change', resolve));
await Promise.all([changed(), adas.update({ healthy: false })]);
console.log(`ada is not well: ${resolver.pick().instance.id} it is, failed or not`);
await Promise.all([changed(), bobs.leave()]);
try {
  resolver.pick();
} catch (error) {
  console.log(isCoordinationError(error, 'NO_INSTANCE') && error.message);
}
