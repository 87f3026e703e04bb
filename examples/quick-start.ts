/** The README's quick start: a lock, a write that is fenced by it, and an election. */
import { Election, Mutex, put } from 'coterie';
import { memory } from 'coterie/memory';

// In production: etcd({ endpoints: ['http://127.0.0.1:2379'] }), from 'coterie/etcd'. All else stays the same.
await using client = memory();

const mutex = new Mutex(client, '/locks/report');

await mutex.run(async (hold) => {
  // `hold.signal` aborts when the lock is lost, before anybody else can get it. Hand it to what must stop then.
  const report = await buildReport({ signal: hold.signal });
  // Applied only if we still hold the lock: the store checks that in the same commit.
  await hold.commit([put('/reports/latest', report)]);
});

{
  await using hold = await mutex.acquire({ timeoutMs: 5_000 });
  console.log(`held until the end of the block, with fencing token ${hold.token}`);
}

const election = new Election(client, '/elections/scheduler');
const term = await election.campaign('node-1');
term.signal.addEventListener('abort', () => console.log('no longer the leader'));
console.log(`${(await election.leader())?.value} leads`);
await term.resign();

async function buildReport({ signal }: { readonly signal: AbortSignal }): Promise<string> {
  signal.throwIfAborted();
  return 'all is well';
}
