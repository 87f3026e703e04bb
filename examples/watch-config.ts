/** Following a config value: first what it is, then every change, over any number of lost connections. */
import { type Entry, put, unchanged } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using service = cluster.client();
await using operator = cluster.client();

const text = (entry: Entry | undefined): string => new TextDecoder().decode(entry?.value);

await operator.store.commit([], [put('/config/rate', '10')]);

/** Changes the value, unless somebody else has changed it since it was read. */
async function change(value: string): Promise<void> {
  const { entries } = await operator.store.read({ key: '/config/rate' });
  const seen = entries[0]?.modified ?? 0n;
  const { ok } = await operator.store.commit([unchanged('/config/rate', seen)], [put('/config/rate', value)]);
  console.log(`set to ${value}: ${ok}`);
}

// A prefix ends in a slash. The first batch is a snapshot; so is one after which changes may be missing.
for await (const batch of service.store.watch({ prefix: '/config/' })) {
  if (batch.kind === 'snapshot') {
    console.log(`now: rate=${text(batch.entries[0])}`);
    await change('25');
  } else {
    console.log(`changed: rate=${text(batch.puts[0])}`);
    break;
  }
}
