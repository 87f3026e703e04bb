/** Presence: a key that stands while this process lives, and heals itself. */
import { PersistentKey, remove } from 'coterie';
import { memoryCluster } from 'coterie/memory';

const cluster = memoryCluster();
await using ada = cluster.client({ host: 'ada' });
await using bob = cluster.client({ host: 'bob' });

const presence = new PersistentKey(ada, '/up/ada', { port: 8080 });
await presence.start();
const { incarnation = 0n, signal } = presence;
console.log(`ada is up: ${presence.isPresent()}`);

await presence.update({ port: 8081 });
const { entries } = await bob.store.read({ key: '/up/ada' });
console.log(`bob sees ${new TextDecoder().decode(entries[0]?.value)}`);

// Somebody deletes the key by mistake. It comes back, as another incarnation.
const back = new Promise<void>((resolve) => {
  presence.events.on('state', ({ kind }) => kind === 'present' && resolve());
});
await bob.store.commit([], [remove('/up/ada')]);
await back;
console.log(`back, as a later incarnation: ${(presence.incarnation ?? 0n) > incarnation}`);
console.log(`the earlier one was told of its end: ${signal.aborted}`);

// What somebody else keeps there is let be.
const other = new PersistentKey(bob, '/up/ada', { port: 9090 });
await other.start().catch(({ code }) => console.log(`bob cannot have it: ${code}`));

console.log(`taken down by ada: ${await presence.stop()}`);
