/** A queue whose more urgent items come first: the lowest number, and among equals the oldest. */
import { PriorityQueue } from 'coterie';
import { memory } from 'coterie/memory';

await using client = memory();
const repairs = new PriorityQueue<string>(client, '/repairs');

await repairs.putMany([
  { value: 'paint the fence', priority: 10 },
  { value: 'mend the roof', priority: 9 },
  { value: 'mow the lawn', priority: 10 },
]);

const roof = await repairs.take();
console.log(`first: ${roof.value}, priority ${roof.priority}`);

// Something more urgent goes before what was given back.
await repairs.put('stop the leak', { priority: 0 });
await roof.nack();

for await (const job of repairs) {
  console.log(`${job.value} (attempt ${job.attempts})`);
  await job.ack();
  if ((await repairs.depth()) === 0) break;
}
