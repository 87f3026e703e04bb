/** A queue whose items come due: nobody gets one before its time. */
import { DelayQueue } from 'coterie';
import { memory } from 'coterie/memory';

await using client = memory();
const reminders = new DelayQueue<string>(client, '/reminders');

await reminders.put('tea is ready', { delayMs: 60 });
await reminders.put('water boils', { delayMs: 20 });
console.log(`due now: ${(await reminders.tryTake())?.value ?? 'nothing'}`);

const water = await reminders.take();
console.log(water.value);
// Once more, a little later.
await water.nack({ delayMs: 80 });

for await (const job of reminders) {
  console.log(`${job.value} (attempt ${job.attempts})`);
  await job.ack();
  if ((await reminders.depth()) === 0) break;
}
