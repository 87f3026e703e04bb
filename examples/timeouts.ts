/** Waiting no longer than one wants: `timeoutMs` and `signal`. Either way the place in line is given up. */
import { isCoordinationError, Mutex } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client();
await using bob = cluster.client();

const busy = await new Mutex(ada, '/locks/busy').acquire();
const lock = new Mutex(bob, '/locks/busy');

try {
  await lock.acquire({ timeoutMs: 50 });
} catch (error) {
  // Errors are told apart by their code. The sentence is for people.
  if (!isCoordinationError(error, 'TIMEOUT')) throw error;
  console.log(`gave up: ${error.message}`);
}

// An aborted wait rejects with the reason of its signal, untouched.
const request = new AbortController();
const waiting = lock.acquire({ signal: request.signal });
request.abort(new Error('the user has gone'));
console.log(await waiting.catch((error: unknown) => `gave up: ${(error as Error).message}`));

console.log(`still in line: ${(await lock.waiters()).length}`);

await busy.release();
await using hold = await lock.acquire({ timeoutMs: 50 });
console.log(`in time: ${hold.isHeld()}`);
