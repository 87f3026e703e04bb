import { put } from '../../core/store.js';
import { check, refuses, same } from './assert.js';
import { entriesOf, entryAt, keysOf, Replica, ticket, withStore, write } from './tools.js';
import type { ContractCase } from './world.js';

export const leaseCases: readonly ContractCase[] = [
  withStore('lease: is granted for at least as long as asked, under an id of its own', async (store, world) => {
    const [one, two] = [await store.grant(world.shortTtlMs), await store.grant(world.shortTtlMs)];
    check(one.ttlMs >= world.shortTtlMs, 'the time to live is at least what was asked');
    check(one.id !== '' && one.id !== two.id, 'every lease has its own id');
    check(!one.id.includes('/'), 'an id is fit to be part of a key');
    await Promise.all([store.revoke(one.id), store.revoke(two.id)]);
  }),
  withStore('lease: shows on the entries that were put under it', async (store, world) => {
    const { id } = await store.grant(world.shortTtlMs * 5);
    same((await ticket(store, `${world.prefix}k`, id)).lease, id, 'the entry names its lease');
    await write(store, put(`${world.prefix}plain`, ''));
    same((await entryAt(store, `${world.prefix}plain`))?.lease, undefined, 'an entry without one names none');
    await store.revoke(id);
  }),
  withStore('lease: its end by revoke deletes all of its keys and no other', async (store, world) => {
    const { prefix } = world;
    const [mine, other] = [await store.grant(world.shortTtlMs * 5), await store.grant(world.shortTtlMs * 5)];
    await write(store, put(`${prefix}a`, '', mine.id), put(`${prefix}b`, '', mine.id));
    await write(store, put(`${prefix}c`, '', other.id), put(`${prefix}d`, ''));
    await store.revoke(mine.id);
    same(keysOf(await entriesOf(store, { prefix })), [`${prefix}c`, `${prefix}d`], 'only its own keys are gone');
    await store.revoke(other.id);
  }),
  withStore('lease: revoking one that has ended already succeeds', async (store, world) => {
    const { id } = await store.grant(world.shortTtlMs);
    await store.revoke(id);
    await store.revoke(id);
  }),
  withStore('lease: a put without one detaches the key, which then outlives it', async (store, world) => {
    const key = `${world.prefix}k`;
    const { id } = await store.grant(world.shortTtlMs * 5);
    await ticket(store, key, id);
    await write(store, put(key, 'detached'));
    same((await entryAt(store, key))?.lease, undefined, 'the entry names no lease any more');
    await store.revoke(id);
    same((await entryAt(store, key))?.key, key, 'the key is still there');
  }),
  withStore('lease: a put under another one moves the key to it', async (store, world) => {
    const key = `${world.prefix}k`;
    const [from, to] = [await store.grant(world.shortTtlMs * 5), await store.grant(world.shortTtlMs * 5)];
    await ticket(store, key, from.id);
    await write(store, put(key, 'moved', to.id));
    await store.revoke(from.id);
    same((await entryAt(store, key))?.lease, to.id, 'the end of the old lease leaves the key');
    await store.revoke(to.id);
    same(await entryAt(store, key), undefined, 'the end of the new lease deletes it');
  }),
  withStore(
    'lease: not renewed, it lives for its time, then ends with its keys in bounded time',
    async (store, world) => {
      const { prefix } = world;
      const { id, ttlMs } = await store.grant(world.shortTtlMs);
      await write(store, put(`${prefix}a`, '', id), put(`${prefix}b`, '', id), put(`${prefix}c`, ''));
      await world.sleep(ttlMs / 2);
      same((await entriesOf(store, { prefix })).length, 3, 'nothing is gone before the time');
      await world.sleep(ttlMs * (store.traits.ttlFactor - 0.5) + 1_000);
      same(keysOf(await entriesOf(store, { prefix })), [`${prefix}c`], 'its keys are gone after the time');
      await refuses('LEASE_NOT_FOUND', () => store.renew(id), 'renewing an expired lease');
      await store.revoke(id);
    },
  ),
  withStore('lease: its end by expiry is told to those who watch', async (store, world) => {
    const { id, ttlMs } = await store.grant(world.shortTtlMs);
    await write(store, put(`${world.prefix}a`, '', id), put(`${world.prefix}b`, '', id));
    const replica = new Replica(world, store, { prefix: world.prefix });
    await replica.until(({ entries }) => entries.size === 2);
    const started = world.clock.now();
    await replica.until(({ entries }) => entries.size === 0);
    const longestMs = ttlMs * store.traits.ttlFactor + 1_000;
    check(world.clock.now() - started <= longestMs, `the keys are gone within ${longestMs} ms`);
    await replica.end();
  }),
  withStore('lease: renewed in time, it outlives its time to live', async (store, world) => {
    const { id, ttlMs } = await store.grant(world.shortTtlMs);
    await ticket(store, `${world.prefix}k`, id);
    const until = world.clock.now() + ttlMs * store.traits.ttlFactor * 1.5 + 500;
    while (world.clock.now() < until) {
      await world.sleep(ttlMs / 3);
      same(await store.renew(id), { id, ttlMs }, 'a renewal grants the same time to live again');
    }
    same((await entryAt(store, `${world.prefix}k`))?.lease, id, 'the key is still there');
    await store.revoke(id);
  }),
  withStore('lease: a client may renew and revoke what another was granted', async (store, world) => {
    const other = await world.open();
    const { id } = await store.grant(world.shortTtlMs * 5);
    await ticket(store, `${world.prefix}k`, id);
    same((await other.renew(id)).id, id, 'the other client renews it');
    await other.revoke(id);
    same(await entryAt(store, `${world.prefix}k`), undefined, 'its keys are gone');
  }),
  withStore('lease: renewing one that was revoked rejects with LEASE_NOT_FOUND', async (store, world) => {
    const { id } = await store.grant(world.shortTtlMs);
    await store.revoke(id);
    await refuses('LEASE_NOT_FOUND', () => store.renew(id), 'renewing a revoked lease');
  }),
  withStore(
    'lease: a put under one that has ended rejects with LEASE_NOT_FOUND and applies nothing',
    async (store, world) => {
      const { prefix } = world;
      const { id } = await store.grant(world.shortTtlMs);
      await store.revoke(id);
      const ops = [put(`${prefix}first`, ''), put(`${prefix}leased`, '', id), put(`${prefix}last`, '')];
      await refuses('LEASE_NOT_FOUND', () => store.commit([], ops), 'a put under a dead lease');
      same(keysOf(await entriesOf(store, { prefix })), [], 'nothing of the commit is applied');
    },
  ),
  {
    name: 'lease: closing a client leaves its leases and their keys alone',
    run: async (world) => {
      const [store, other] = [await world.open(), await world.open()];
      const { id } = await store.grant(world.shortTtlMs * 5);
      await ticket(store, `${world.prefix}k`, id);
      await store.close();
      same((await entryAt(other, `${world.prefix}k`))?.lease, id, 'the key is still there');
      await other.revoke(id);
    },
  },
];
