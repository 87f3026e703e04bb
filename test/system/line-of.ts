import { type Client, type Hold, Mutex } from 'coterie';
import type { StoreWorld } from './store-world.js';
import { at, type Followed, follow } from './tools.js';

/** A holder, and in line behind it, in their order, one waiter for each further client. */
export async function lineOf(world: StoreWorld, path: string, clients: readonly Client[]) {
  const mutexes = clients.map((client) => new Mutex(client, path));
  const hold = await at(mutexes, 0).acquire();
  const waiting: Followed<Hold>[] = [];
  for (const mutex of mutexes.slice(1)) {
    waiting.push(follow(mutex.acquire()));
    await world.keysOnce(waiting.length + 1, path);
  }
  return { hold, waiting };
}
