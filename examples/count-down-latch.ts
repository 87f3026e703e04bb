/** A latch: wait until so many things are done, wherever they are done. */
import { CountDownLatch } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using boss = cluster.client();

const ready = new CountDownLatch(boss, '/latches/ready', 3);
console.log(`to be done: ${await ready.count()}`);
const opened = ready.wait({ timeoutMs: 5_000 }).then(() => console.log('all is done'));

for (const host of ['ada', 'bob']) {
  await using worker = cluster.client({ host });
  // Counts exactly once, even if the answer gets lost.
  const left = await new CountDownLatch(worker, '/latches/ready', 3).countDown();
  console.log(`${host} is done, ${left} left`);
}

await ready.countDown();
await opened;

// It stays open, until it is closed for another round.
await ready.wait();
console.log(`closed again: ${await ready.reset()}, to be done: ${await ready.count()}`);
