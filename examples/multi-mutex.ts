/** Several locks at once, all or none, without a deadlock whatever the order in which they are named. */
import { MultiMutex, Mutex, put } from 'coterie';
import { memoryCluster } from 'coterie/memory';

// Two clients of one cluster, as if they were two processes.
const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

async function transfer(from: string, to: string, client: typeof ada): Promise<string> {
  const both = new MultiMutex(client, [`/accounts/${from}`, `/accounts/${to}`]);
  return both.run(async (hold) => {
    // Written only while both are held.
    await hold.commit([put('/last-transfer', `${from} to ${to}`)]);
    return `from ${from} to ${to}`;
  });
}

// Each wants what the other wants, in the opposite order.
const done = await Promise.all([transfer('blue', 'red', ada), transfer('red', 'blue', bob)]);
console.log(done.join(', then '));

// Each of them is a mutex like any other.
await using red = await new Mutex(bob, '/accounts/red').acquire();
const all = new MultiMutex(ada, ['/accounts/blue', '/accounts/red']);
console.log(`ada gets both while bob has red: ${(await all.tryAcquire()) !== undefined}`);

await red.release();
const hold = await all.tryAcquire();
console.log(`ada gets both when he has not: ${hold?.isHeld()}, with ${hold?.guards.length} guards`);
