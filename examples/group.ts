/** Who is alive: members join, crash and leave, and everybody sees the same. */
import { Group } from 'coterie';
import { memoryCluster } from 'coterie/memory';

interface Worker {
  readonly port: number;
}

const cluster = memoryCluster();
const [ada, bob] = [cluster.client({ ttlMs: 1_000 }), cluster.client()];
await using watcher = cluster.client();

const path = '/groups/workers';
const views = new Group<Worker>(watcher, path).views();
const show = async (): Promise<void> => {
  const { value } = await views.next();
  if (value === undefined) return;
  const names = (members: typeof value.members): string => members.map(({ id }) => id).join(', ') || 'nobody';
  console.log(`members: ${names(value.members)}; joined: ${names(value.joined)}; left: ${names(value.left)}`);
};
await show();

await new Group<Worker>(ada, path).join('ada', { port: 8080 });
await show();
const member = await new Group<Worker>(bob, path).join('bob', { port: 8081 });
await show();

// Ada's process is gone without a word; her lease runs out.
await ada.store.close();
await show();

console.log(`bob leaves: ${await member.leave()}`);
await show();
await views.return();
await Promise.all([ada.close(), bob.close()]);
