/** Many readers or one writer; a writer that goes on as a reader, and a reader that becomes a writer. */
import { ReadWriteLock } from 'coterie';
import { memoryCluster } from 'coterie/memory';

// Two clients of one cluster, as if they were two processes.
const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

const adas = new ReadWriteLock(ada, '/locks/catalogue');
const bobs = new ReadWriteLock(bob, '/locks/catalogue');

const writer = await adas.acquireWrite();
const reading = bobs.acquireRead();
console.log(`bob may read while ada writes: ${(await bobs.tryAcquireRead()) !== undefined}`);

// What was written is read back under the same lock, with no other writer in between.
await writer.downgrade();
const reader = await reading;
console.log(`both read: ${(await adas.holders()).map(({ host, mode }) => `${host} ${mode}`).join(', ')}`);

// Neither waits for the other, which both would for ever.
console.log(`bob may write while ada reads: ${await reader.tryUpgrade()}`);
await writer.release();
console.log(`bob may write when he is alone: ${await reader.tryUpgrade()}; he holds it to ${reader.mode}`);
await reader.release();

// Lines up, runs the task, and gives the lock back whatever becomes of the task.
console.log(await adas.read(() => 'ada reads what bob wrote'));
