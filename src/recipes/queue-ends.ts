/** The ways in which an item leaves its consumer, as steps of the commit that does it. */
import { type Op, put, remove } from '../core/store.js';
import { type DeadNote, encodeHeader, type Header, type Item, type QueueKeys, rankOf } from './queue-keys.js';
import type { QueueSetup } from './queue-parts.js';

/** The item is gone, and with it the bell, so that an empty queue leaves nothing; the next put makes it anew. */
export function removal(keys: QueueKeys, { key, id }: Item): Op[] {
  return [remove(key), remove(keys.value(id)), remove(keys.bell)];
}

/** What is remembered of an item that was acknowledged: whose put it was, and by which claim it was acknowledged. */
export function memoryOf({ header }: Item, claim: string): string {
  return JSON.stringify({ put: header.put, claim });
}

/** Nobody gets it for so long, by the wall clock. It keeps its place, but for where the place is the time. */
export function postponement({ client, order, keys }: QueueSetup, item: Item, delayMs: number): Op[] {
  const dueMs = Math.ceil(client.clock.wall() + delayMs);
  const header = encodeHeader({ ...item.header, dueMs });
  const key = order === 'due' ? keys.item(rankOf(dueMs), item.id) : item.key;
  return [...(key === item.key ? [] : [remove(item.key)]), put(key, header)];
}

/** The steps by which an item becomes a dead letter, or goes for good where the queue keeps none. */
export function burial({ keys, dead }: QueueSetup, item: Item, bytes: Uint8Array, reason: DeadNote['reason']): Op[] {
  const gone = removal(keys, item);
  if (dead === undefined) return gone;
  const { put: made, attempts, bytes: size } = item.header;
  const note = { attempts, reason, rank: item.rank };
  const header: Header = { put: made, attempts: 0, bytes: size, seq: 0, dueMs: 0, dead: note };
  return [
    ...gone,
    put(dead.item('', item.id), encodeHeader(header)),
    put(dead.value(item.id), bytes),
    put(dead.bell, ''),
  ];
}
