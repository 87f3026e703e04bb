/** A lock between processes: one holder at a time, in the order of arrival. */
import { Mutex } from 'coterie';
import { memoryCluster } from 'coterie/memory';

// Two clients of one cluster, as if they were two processes.
const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

const adasLock = new Mutex(ada, '/locks/door', { label: 'cleaning' });
const bobsLock = new Mutex(bob, '/locks/door');

const hold = await adasLock.acquire();
console.log(`ada holds the lock: ${hold.isHeld()}`);

// Does not wait: undefined where somebody else is in the way.
console.log(`bob gets it at once: ${(await bobsLock.tryAcquire()) !== undefined}`);

const holder = await bobsLock.holder();
console.log(`bob sees who has it: ${holder?.host}, for ${holder?.label}`);

// Waits in line, runs the task, and gives the lock back whatever becomes of the task.
const bobsTask = bobsLock.run(() => 'bob was in');

console.log(`ada gives it back: ${await hold.release()}`);
console.log(await bobsTask);
