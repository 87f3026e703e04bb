/** A queue between processes: each item is delivered until somebody acknowledges it. */
import { put, Queue } from 'coterie';
import { memoryCluster } from 'coterie/memory';

interface Mail {
  readonly to: string;
}

// Two clients of one cluster, as if they were two processes.
const cluster = memoryCluster();
await using producer = cluster.client();
await using consumer = cluster.client();

const outbox = new Queue<Mail>(producer, '/mail');
await outbox.put({ to: 'ada' }, { id: 'welcome-ada' });
const again = await outbox.put({ to: 'ada' }, { id: 'welcome-ada' });
console.log(`put a second time, it is added again: ${again.added}`);
await outbox.put({ to: 'bob' });

const inbox = new Queue<Mail>(consumer, '/mail', { maxAttempts: 2 });

const first = await inbox.take();
console.log(`taken: ${first.value.to}, attempt ${first.attempts}`);
// The effect is written with the acknowledgement, or not at all.
await first.ack({ ops: [put('/sent/ada', 'yes')] });

// A handler that throws gives its item back; what fails too often is a dead letter.
const stop = new AbortController();
const fail = (): never => {
  throw new Error('no such address');
};
const onError = (_: unknown, job: { readonly attempts: number }): void => {
  console.log(`attempt ${job.attempts} failed`);
  if (job.attempts === 2) stop.abort();
};
await inbox.consume(fail, { signal: stop.signal, retryDelayMs: 5, onError });

for await (const letter of inbox.deadLetters()) console.log(`undeliverable: ${letter.value?.to}`);
console.log(`still in the queue: ${await inbox.depth()}`);
