/** Why a lock alone is not enough, and what is: a write that the store refuses from one who is no longer the holder. */
import { Client, isCoordinationError, Mutex, put } from 'coterie';
import { memoryCluster } from 'coterie/memory';
import { FaultyStore } from 'coterie/testing';

const cluster = memoryCluster();
// A network between ada and the store that can be cut, and a lease so short that the example ends soon.
const network = new FaultyStore(cluster.store());
await using ada = new Client(network, { ttlMs: 300 });
await using bob = cluster.client();

const hold = await new Mutex(ada, '/locks/account').acquire();
hold.signal.addEventListener('abort', () => console.log(`ada is told of her loss: ${hold.signal.reason.code}`));
await hold.commit([put('/account', '100, says ada')]);

network.partition();
// Bob gets the lock when ada's lease has run out. She was told before that.
const next = await new Mutex(bob, '/locks/account').acquire();
console.log(`bob holds the lock, by a greater token: ${next.token > hold.token}`);
await next.commit([put('/account', '50, says bob')]);
network.heal();

// A hold that knows of its loss does not even ask the store.
const refusal = await hold.commit([put('/account', '90, says ada')]).catch((error: unknown) => error);
console.log(`ada's own hold refuses: ${isCoordinationError(refusal) ? refusal.code : refusal}`);

// And if ada does not care, the store refuses, because the guard goes with the write.
const { ok } = await ada.store.commit([hold.guard], [put('/account', '90, says ada')]);
console.log(`the store accepts her write: ${ok}`);

// A resource outside the store can do the same: remember the highest token it has seen, and refuse any lower one.
const fileServer = { highest: next.token, accepts: (token: bigint) => token >= fileServer.highest };
console.log(`the file server accepts her token: ${fileServer.accepts(hold.token)}`);
