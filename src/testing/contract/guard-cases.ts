import { nameOf } from '../../core/ranges.js';
import { absent, type Guard, held, put, remove, type Store, unchanged, untouched } from '../../core/store.js';
import { refuses, same } from './assert.js';
import { entryAt, ticket, withStore, write } from './tools.js';
import type { ContractCase, ContractWorld } from './world.js';

/** Whether a guard holds, found out by a commit that only reads. */
async function holds(store: Store, guard: Guard): Promise<boolean> {
  return (await store.commit([guard], [{ kind: 'read', query: { key: nameOf(guard) } }])).ok;
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
  withStore('untouched: holds until a key of the range is made or written, wherever in it', async (store, world) => {
    if (!store.traits.rangeGuards) return await refusesUntouched(store, world);
    const range = { prefix: `${world.prefix}in/` };
    const first = await write(store, put(`${range.prefix}a`, 'v'), put(`${range.prefix}b`, 'v'));
    const guard = untouched(range, first);
    same(await holds(store, guard), true, 'nothing was written after it');
    await write(store, put(`${world.prefix}in`, ''), put(`${world.prefix}inn/x`, ''), put(`${world.prefix}io`, ''));
    same(await holds(store, guard), true, 'keys that are not in the range do not matter');
    const second = await write(store, put(`${range.prefix}b`, 'v'));
    same(await holds(store, guard), false, 'a key was written again');
    same(await holds(store, untouched(range, second)), true, 'it has not been since');
    const third = await write(store, put(`${range.prefix}c/deep`, ''));
    same(await holds(store, untouched(range, second)), false, 'a key came to be');
    same(await holds(store, untouched(range, third)), true, 'none has since');
  }),
  withStore('untouched: holds for a range that is empty, and does not notice deletes', async (store, world) => {
    if (!store.traits.rangeGuards) return await refusesUntouched(store, world);
    const range = { prefix: `${world.prefix}in/` };
    same(await holds(store, untouched(range, 0n)), true, 'nothing was ever written there');
    same(await holds(store, untouched(range, 2n ** 63n - 1n)), true, 'nor will be after the last revision');
    const first = await write(store, put(`${range.prefix}a`, 'v'));
    same(await holds(store, untouched(range, first - 1n)), false, 'a key came to be in the empty range');
    await write(store, remove(`${range.prefix}a`));
    same(await holds(store, untouched(range, first - 1n)), true, 'the key is gone again');
  }),
  withStore('untouched: of one key, holds until it is written, whether it was there or not', async (store, world) => {
    if (!store.traits.rangeGuards) return await refusesUntouched(store, world);
    const key = `${world.prefix}k`;
    const before = await write(store, put(`${world.prefix}other`, ''));
    same(await holds(store, untouched({ key }, before)), true, 'the key never was');
    await write(store, put(`${key}/below`, ''));
    same(await holds(store, untouched({ key }, before)), true, 'a key below it is another key');
    const modified = await write(store, put(key, 'v'));
    same(await holds(store, untouched({ key }, before)), false, 'the key came to be');
    same(await holds(store, untouched({ key }, modified)), true, 'it was not written since');
  }),
];

/** What a store does that cannot compare ranges: it says so, and applies nothing. */
async function refusesUntouched(store: Store, { prefix }: ContractWorld): Promise<void> {
  const commit = () => store.commit([untouched({ prefix }, 0n)], [put(`${prefix}k`, '')]);
  await refuses('UNSUPPORTED', commit, 'a guard of a range, where the store has none');
  same(await entryAt(store, `${prefix}k`), undefined, 'nothing of it is applied');
}
