/** What four clients did to a lock is written down, and checked: can a lock have done that? */
import { Mutex } from 'coterie';
import { memoryCluster } from 'coterie/memory';
import { checkLinearizable, fencedMutexModel, History, type LockInput } from 'coterie/testing';

const cluster = memoryCluster();
const history = new History<LockInput, bigint | boolean>(performance);

async function work(owner: string): Promise<void> {
  await using client = cluster.client({ host: owner });
  const mutex = new Mutex(client, '/locks/job');
  for (let round = 0; round < 5; round++) {
    const acquire = { output: ({ token }: { readonly token: bigint }) => token };
    const hold = await history.record(owner, { op: 'acquire', owner }, () => mutex.acquire(), acquire);
    await history.record(owner, { op: 'release', owner }, () => hold.release());
  }
}

await Promise.all(['ada', 'bob', 'cyd', 'dan'].map(work));

const operations = history.operations();
const found = checkLinearizable(operations, fencedMutexModel());
console.log(`${operations.length} operations: ${found.verdict}`);

// A checker that never says no is worth nothing: without one release, somebody got a lock that was held.
const first = operations.find(({ input }) => input.op === 'release');
const broken = operations.filter((operation) => operation !== first);
console.log(`without one release: ${checkLinearizable(broken, fencedMutexModel()).verdict}`);
