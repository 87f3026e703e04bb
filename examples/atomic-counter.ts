/** A counter that many processes count on, and that loses nothing. */
import { AtomicCounter } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

const [adas, bobs] = [new AtomicCounter(ada, '/counters/visits'), new AtomicCounter(bob, '/counters/visits')];

// Those made at once through one counter travel together.
await Promise.all(Array.from({ length: 50 }, () => [adas.increment(), bobs.increment()]).flat());
console.log(`visits: ${await adas.get()}`);

// A bigint, of any size.
console.log(`after a busy year: ${await bobs.add(2n ** 64n)}`);

console.log(`set to 0 by ada: ${await adas.compareAndSet(2n ** 64n + 100n, 0n)}`);
console.log(`and by bob, who is late: ${await bobs.compareAndSet(2n ** 64n + 100n, 0n)}`);
