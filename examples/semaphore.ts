/** No more than so many at once, between processes, with a limit that changes while in use. */
import { Semaphore } from 'coterie';
import { memoryCluster } from 'coterie/memory';

// Two clients of one cluster, as if they were two processes.
const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

const adas = new Semaphore(ada, '/limits/reports', { permits: 3 });
// Takes the limit that is there.
const bobs = new Semaphore(bob, '/limits/reports');

const hold = await adas.acquire(2);
console.log(`ada holds ${hold.permits} of ${await bobs.limit()}, ${await bobs.available()} free`);

// Does not wait: undefined where there is no room.
console.log(`bob gets 2 at once: ${(await bobs.tryAcquire(2)) !== undefined}`);

// Waits in line, and is not overtaken by those that want less.
const bobsTask = bobs.run(({ permits }) => `bob was in with ${permits}`, { permits: 2 });
await adas.resize(4);
console.log(await bobsTask);

// What is held stays held; nobody is let in until there is room.
await adas.resize(1);
console.log(`after the limit shrank, ada still holds: ${hold.isHeld()}, ${await bobs.available()} free`);
console.log(`ada gives them back: ${await hold.release()}`);
console.log(`${await bobs.available()} free`);
