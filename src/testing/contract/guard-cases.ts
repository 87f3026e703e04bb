import { absent, type Guard, held, put, remove, type Store, unchanged } from '../../core/store.js';
import { same } from './assert.js';
import { entryAt, ticket, withStore, write } from './tools.js';
import type { ContractCase } from './world.js';

/** Whether a guard holds, found out by a commit that only reads. */
async function holds(store: Store, guard: Guard): Promise<boolean> {
  return (await store.commit([guard], [{ kind: 'read', query: { key: guard.key } }])).ok;
}

export const guardCases: readonly ContractCase[] = [
  withStore('absent: holds for a key that never was, and for one that was deleted', async (store, { prefix }) => {
    const key = `${prefix}k`;
    same(await holds(store, absent(key)), true, 'a key that never was is absent');
    await write(store, put(key, ''));
    same(await holds(store, absent(key)), false, 'a key with an empty value is there');
    await write(store, remove(key));
    same(await holds(store, absent(key)), true, 'a deleted key is absent');
  }),
  withStore('unchanged: holds until the key is written again', async (store, { prefix }) => {
    const key = `${prefix}k`;
    const first = await write(store, put(key, 'v'));
    same(await holds(store, unchanged(key, first)), true, 'the key is as it was written');
    await write(store, put(`${prefix}other`, ''));
    same(await holds(store, unchanged(key, first)), true, 'a write to another key does not matter');
    const second = await write(store, put(key, 'v'));
    same(await holds(store, unchanged(key, first)), false, 'the same value written again is a change');
    same(await holds(store, unchanged(key, second)), true, 'the new revision is the right one');
  }),
  withStore('unchanged: does not hold for a key that is gone, or was never there', async (store, { prefix }) => {
    const key = `${prefix}k`;
    const modified = await write(store, put(key, 'v'));
    await write(store, remove(key));
    same(await holds(store, unchanged(key, modified)), false, 'a deleted key is not unchanged');
    await write(store, put(key, 'v'));
    same(await holds(store, unchanged(key, modified)), false, 'nor is one that was made again');
    same(await holds(store, unchanged(`${prefix}never`, modified)), false, 'nor one that never was');
  }),
  withStore('held: holds while the ticket is there, also after its value was changed', async (store, world) => {
    const key = `${world.prefix}ticket`;
    const { id } = await store.grant(world.shortTtlMs * 5);
    const { created } = await ticket(store, key, id);
    same(await holds(store, held(key, created, id)), true, 'the ticket is held');
    await write(store, put(key, 'another value', id));
    same(await holds(store, held(key, created, id)), true, 'it still is when its value was changed');
    await store.revoke(id);
  }),
  withStore('held: does not hold once the ticket was deleted', async (store, world) => {
    const key = `${world.prefix}ticket`;
    const { id } = await store.grant(world.shortTtlMs * 5);
    const { created } = await ticket(store, key, id);
    await write(store, remove(key));
    same(await holds(store, held(key, created, id)), false, 'a deleted ticket is not held');
    same(await holds(store, held(`${world.prefix}never`, created, id)), false, 'nor one that never was');
    await store.revoke(id);
  }),
  withStore('held: does not hold for a ticket of the same name that came into being later', async (store, world) => {
    const key = `${world.prefix}ticket`;
    const [mine, other] = [await store.grant(world.shortTtlMs * 5), await store.grant(world.shortTtlMs * 5)];
    const { created } = await ticket(store, key, mine.id);
    await write(store, remove(key));
    const later = await ticket(store, key, other.id);
    same(await holds(store, held(key, created, mine.id)), false, 'the ticket of before is not held');
    same(await holds(store, held(key, later.created, other.id)), true, 'the present one is');
    await Promise.all([store.revoke(mine.id), store.revoke(other.id)]);
  }),
  withStore(
    'held: does not hold for a later ticket of the same name and lease, where that is exact',
    async (store, world) => {
      if (!store.traits.exactHeld) return;
      const key = `${world.prefix}ticket`;
      const { id } = await store.grant(world.shortTtlMs * 5);
      const { created } = await ticket(store, key, id);
      await write(store, remove(key));
      const later = await ticket(store, key, id);
      same(await holds(store, held(key, created, id)), false, 'the ticket of before is not held');
      await write(store, put(key, 'another value', id));
      same(await holds(store, held(key, created, id)), false, 'nor when the later one was changed');
      same(await holds(store, held(key, later.created, id)), true, 'which is held itself');
      await store.revoke(id);
    },
  ),
  withStore('held: does not hold once the lease was revoked', async (store, world) => {
    const key = `${world.prefix}ticket`;
    const { id } = await store.grant(world.shortTtlMs * 5);
    const { created } = await ticket(store, key, id);
    await store.revoke(id);
    const { ok } = await store.commit([held(key, created, id)], [put(`${world.prefix}write`, 'late')]);
    same(ok, false, 'a write guarded by a lost ticket is refused');
    same(await entryAt(store, `${world.prefix}write`), undefined, 'and not applied');
  }),
  withStore('held: does not hold once the lease has expired', async (store, world) => {
    const key = `${world.prefix}ticket`;
    const { id, ttlMs } = await store.grant(world.shortTtlMs);
    const { created } = await ticket(store, key, id);
    await world.sleep(ttlMs * store.traits.ttlFactor + 1_000);
    same(await holds(store, held(key, created, id)), false, 'an expired ticket is not held');
  }),
];
