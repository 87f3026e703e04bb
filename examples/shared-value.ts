/** A value that many processes read and change, one after the other. */
import { SharedValue } from 'coterie';
import { memoryCluster } from 'coterie/memory';

interface Plan {
  readonly rate: number;
  readonly owners: readonly string[];
}

const cluster = memoryCluster();
await using ada = cluster.client();
await using bob = cluster.client();
const [adas, bobs] = [new SharedValue<Plan>(ada, '/plan'), new SharedValue<Plan>(bob, '/plan')];

await adas.set({ rate: 10, owners: [] });

// Both at once; none is lost. The function is called again where somebody else was quicker.
const own = (name: string) => (plan: Plan | undefined) => plan && { ...plan, owners: [...plan.owners, name].sort() };
await Promise.all([adas.update(own('ada')), bobs.update(own('bob'))]);
console.log(`owners: ${(await bobs.get())?.owners.join(' and ')}`);

// Returning undefined leaves it as it is.
await bobs.update((plan) => (plan && plan.rate < 10 ? { ...plan, rate: 10 } : undefined));

// First what it is, then every change.
for await (const { value } of bobs.changes()) {
  if (value === undefined) break;
  console.log(`rate: ${value.rate}`);
  if (value.rate === 10) await adas.set({ ...value, rate: 20 });
  else await adas.delete();
}
console.log('the plan is gone');
