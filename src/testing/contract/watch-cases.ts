import { put, remove, type Watch } from '../../core/store.js';
import { check, failure, refuses, same } from './assert.js';
import { entryAt, keysOf, patienceMs, Replica, take, textOf, texts, withStore, write } from './tools.js';
import type { ContractCase } from './world.js';

export const watchCases: readonly ContractCase[] = [
  withStore('watch: begins with an empty snapshot where nothing is', async (store, world) => {
    const watch = store.watch({ prefix: world.prefix });
    const batch = await take(world, watch);
    same([batch.kind, batch.kind === 'snapshot' && batch.entries], ['snapshot', []], 'the state is empty');
    await watch.return();
  }),
  withStore('watch: begins with a snapshot of all that is there', async (store, world) => {
    const { prefix } = world;
    const revision = await write(store, put(`${prefix}b`, '2'), put(`${prefix}a`, '1'));
    const watch = store.watch({ prefix });
    const batch = await take(world, watch);
    check(batch.kind === 'snapshot', 'the first batch is a snapshot');
    same(texts(batch.entries), [`${prefix}a=1`, `${prefix}b=2`], 'it has all entries, by key');
    check(batch.revision >= revision, 'its revision is not before what it shows');
    same(batch.entries[0], await entryAt(store, `${prefix}a`), 'entries look as in a read');
    await watch.return();
  }),
  withStore('watch: tells puts and deletes in the order in which they happened', async (store, world) => {
    const key = `${world.prefix}k`;
    const replica = new Replica(world, store, { prefix: world.prefix });
    await replica.until(() => true);
    for (const text of ['1', '2', '3']) {
      const revision = await write(store, put(key, text));
      await replica.until(() => replica.textAt(key) === text);
      same(replica.entries.get(key)?.modified, revision, 'the entry has the revision of its commit');
    }
    await write(store, remove(key));
    await replica.until(({ entries }) => entries.size === 0);
    await write(store, put(key, '4'));
    await replica.untilKey(key);
    same(replica.entries.get(key), await entryAt(store, key), 'the entry is as in a read');
    await replica.end();
  }),
  withStore('watch: of one key tells of that key and of nothing else', async (store, world) => {
    const key = `${world.prefix}k`;
    const replica = new Replica(world, store, { key });
    await replica.until(() => true);
    await write(store, put(`${key}k`, ''), put(`${key}/x`, ''), put(`${world.prefix}`, ''));
    await write(store, put(key, 'mine'), put(`${world.prefix}j`, ''));
    await replica.untilKey(key);
    same(replica.sorted(), [`${key}=mine`], 'no other key is told of');
    same(replica.batches.length, 2, 'nor by an empty batch');
    await write(store, remove({ prefix: world.prefix }));
    await replica.until(({ entries }) => entries.size === 0);
    await replica.end();
  }),
  withStore(
    'watch: of a prefix tells neither of its sibling nor of the key without its slash',
    async (store, world) => {
      const below = `${world.prefix}foo/`;
      const replica = new Replica(world, store, { prefix: below });
      await replica.until(() => true);
      for (const name of ['foo', 'foobar', 'foobar/x', 'foo0', 'foo.'])
        await write(store, put(world.prefix + name, ''));
      await write(store, put(`${below}x`, ''));
      await replica.untilKey(`${below}x`);
      same([...replica.entries.keys()], [`${below}x`], 'only what lies below is told of');
      same(replica.batches.length, 2, 'by one batch');
      await replica.end();
    },
  ),
  withStore(
    'watch: a delete of a prefix reaches neither its sibling nor the key without its slash',
    async (store, world) => {
      const { prefix } = world;
      const names = ['foo', 'foo/a', 'foo/b', 'foobar', 'foobar/x'];
      await write(store, ...names.map((name) => put(prefix + name, '')));
      const replica = new Replica(world, store, { prefix });
      await replica.until(() => true);
      await write(store, remove({ prefix: `${prefix}foo/` }));
      await replica.until(({ batches }) => batches.length > 1);
      const left = ['foo', 'foobar', 'foobar/x'].map((name) => prefix + name);
      same([...replica.entries.keys()].sort(), left, 'only what lies below is deleted');
      same(keysOf((await store.read({ prefix })).entries), left, 'a read says the same');
      await replica.end();
    },
  ),
  withStore('watch: the changes of one commit come in one batch', async (store, world) => {
    const { prefix } = world;
    await write(store, put(`${prefix}a`, '1'), put(`${prefix}b`, '1'));
    const watch = store.watch({ prefix });
    await take(world, watch);
    const revision = await write(store, put(`${prefix}a`, '2'), remove(`${prefix}b`), put(`${prefix}c`, '2'));
    const batch = await take(world, watch);
    check(batch.kind === 'changes', 'changes follow the snapshot');
    same(batch.revision, revision, 'the batch is at the revision of the commit');
    same(texts(batch.puts).sort(), [`${prefix}a=2`, `${prefix}c=2`], 'it has all puts');
    same(batch.deletes, [`${prefix}b`], 'and all deletes');
    await watch.return();
  }),
  withStore('watch: shows the lease of an entry, and its end as a delete', async (store, world) => {
    const { prefix } = world;
    const replica = new Replica(world, store, { prefix });
    const { id } = await store.grant(world.shortTtlMs * 5);
    await write(store, put(`${prefix}a`, '', id), put(`${prefix}b`, '', id), put(`${prefix}c`, ''));
    await replica.untilKey(`${prefix}c`);
    same(replica.entries.get(`${prefix}a`)?.lease, id, 'the entry names its lease');
    await store.revoke(id);
    await replica.until(
      ({ entries }) => entries.size === 1,
      ({ entries }) => {
        check(entries.size !== 2, 'the keys of a revoked lease go together');
      },
    );
    same([...replica.entries.keys()], [`${prefix}c`], 'its keys are gone');
    await replica.end();
  }),
  withStore('watch: each of several sees everything', async (store, world) => {
    const key = `${world.prefix}k`;
    const ranges = [{ key }, { prefix: world.prefix }, { key }, { prefix: world.prefix }];
    const replicas = ranges.map((range) => new Replica(world, store, range));
    for (const replica of replicas) await replica.until(() => true);
    await write(store, put(key, 'v'));
    for (const replica of replicas) await replica.untilKey(key);
    await replicas[0]?.end();
    await write(store, put(key, 'w'));
    for (const replica of replicas.slice(1)) await replica.until(() => replica.textAt(key) === 'w');
    for (const replica of replicas) await replica.end();
  }),
  withStore('watch: what is written right after it was asked for is not missed', async (store, world) => {
    for (let n = 0; n < 10; n++) {
      const key = `${world.prefix}${n}`;
      const replica = new Replica(world, store, { key });
      const writing = write(store, put(key, 'v'));
      await replica.untilKey(key);
      await writing;
      await replica.end();
    }
  }),
  withStore('watch: break in for await ends it cleanly', async (store, world) => {
    const key = `${world.prefix}k`;
    await write(store, put(key, '1'));
    const watch = store.watch({ key });
    let batches = 0;
    const loop = (async () => {
      for await (const batch of watch) {
        batches++;
        if (batch.kind === 'snapshot') break;
      }
    })();
    await world.wait(loop, patienceMs);
    await write(store, put(key, '2'));
    same(batches, 1, 'no batch comes after the break');
    same(await watch.next(), { done: true, value: undefined }, 'the watch is done');
  }),
  withStore('watch: return ends a pending next as done, and may be called again', async (store, world) => {
    const watch = store.watch({ prefix: world.prefix });
    await take(world, watch);
    const pending = watch.next();
    same((await watch.return()).done, true, 'return is done');
    same((await world.wait(pending, patienceMs)).done, true, 'so is the pending next');
    same((await watch.return()).done, true, 'a second return changes nothing');
  }),
  withStore('watch: refuses a second next while one is pending', async (store, world) => {
    const watch = store.watch({ prefix: world.prefix });
    await take(world, watch);
    const pending = watch.next();
    await refuses('INVALID_OPTION', () => watch.next(), 'a second next at the same time');
    await write(store, put(`${world.prefix}k`, 'v'));
    check((await world.wait(pending, patienceMs)).done !== true, 'the first one goes on');
    await watch.return();
  }),
  withStore(
    'watch: an abort rejects the pending next with the very reason, and every later one',
    async (store, world) => {
      const controller = new AbortController();
      const watch: Watch = store.watch({ prefix: world.prefix }, { signal: controller.signal });
      await take(world, watch);
      const reason = new Error('enough');
      const pending = failure(() => watch.next(), 'the pending next');
      controller.abort(reason);
      check((await world.wait(pending, patienceMs)) === reason, 'it rejects with the reason of the signal');
      check((await failure(() => watch.next(), 'a later next')) === reason, 'so does a later one');
    },
  ),
  withStore('watch: an abort before the first batch rejects with the very reason', async (store, world) => {
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const watch = store.watch({ prefix: world.prefix }, { signal: controller.signal });
    controller.abort(reason);
    const failed = failure(() => watch.next(), 'the first next');
    check((await world.wait(failed, patienceMs)) === reason, 'it rejects with the reason of the signal');
    await write(store, put(`${world.prefix}k`, 'v'));
    same(textOf(await entryAt(store, `${world.prefix}k`)), 'v', 'the client goes on');
  }),
];
