/** Work divided among those who are there: no shard without an owner for long, none with two. */
import { aborted, Partitioner } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

const shards = 12;
const adas = new Partitioner(ada, '/work/mail', { shards, id: 'ada' });
const bobs = new Partitioner(bob, '/work/mail', { shards, id: 'bob' });

/** Works until somebody says stop, and resolves when everything is given back. */
async function run(partitioner: Partitioner, signal: AbortSignal): Promise<void> {
  await partitioner.run(async (_hold, stop) => void (await aborted(stop)), { signal }).catch(() => {});
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const [adasDay, bobsDay] = [new AbortController(), new AbortController()];
const adasWork = run(adas, adasDay.signal);
await until(() => adas.owned.size === shards);
console.log(`ada is alone: ${adas.owned.size} shards`);

const bobsWork = run(bobs, bobsDay.signal);
await until(() => bobs.owned.size > 0 && adas.owned.size + bobs.owned.size === shards);
console.log(`ada and bob: ${adas.owned.size} and ${bobs.owned.size}`);

adasDay.abort();
await adasWork;
await until(() => bobs.owned.size === shards);
console.log(`bob is alone: ${bobs.owned.size} shards, ada ${adas.owned.size}`);
bobsDay.abort();
await bobsWork;
