/** Numbers that are never given out twice, by whatever process. */
import { Sequence } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client();
await using bob = cluster.client();

// Each reserves ten at once, and then gives them out without asking the store.
const adas = new Sequence(ada, '/ids/order', { block: 10 });
const bobs = new Sequence(bob, '/ids/order', { block: 10 });
console.log(`ada: ${await adas.next()}`);
console.log(`bob: ${await bobs.next()}`);
console.log(`ada: ${await adas.next()}`);

// What ada had reserved is not used again after she has come back.
const afterRestart = new Sequence(ada, '/ids/order', { block: 10 });
console.log(`ada, after a restart: ${await afterRestart.next()}`);

const many = await Promise.all(Array.from({ length: 100 }, () => bobs.next()));
console.log(`bob took 100 at once, all different: ${new Set(many).size === 100}`);
