import { put, type Query, type Store } from '../../core/store.js';
import { check, same } from './assert.js';
import { entriesOf, entryAt, keysOf, texts, withStore, write, writeEach } from './tools.js';
import type { ContractCase } from './world.js';

/** Four keys whose order by name differs from that by age, one of them written a second time. Returns their `created`. */
async function fourKeys(store: Store, prefix: string): Promise<bigint[]> {
  const names = ['c', 'a', 'd', 'b'];
  const created = await writeEach(
    store,
    names.map((name) => [`${prefix}${name}`, 'v'] as const),
  );
  await write(store, put(`${prefix}c`, 'again'));
  return created;
}

async function names(store: Store, query: Query): Promise<string> {
  return keysOf(await entriesOf(store, query))
    .map((key) => key.slice(-1))
    .join('');
}

export const readCases: readonly ContractCase[] = [
  withStore('read: finds nothing where nothing is, at a revision', async (store, { prefix }) => {
    const { revision, entries } = await store.read({ prefix });
    same(entries, [], 'an empty prefix has no entries');
    check(revision > 0n, 'a read tells the revision of the store');
    same((await store.read({ key: `${prefix}none` })).entries, [], 'a missing key has no entry');
  }),
  withStore('read: finds one key, and not those that begin with it', async (store, { prefix }) => {
    await write(store, put(`${prefix}k`, '1'), put(`${prefix}kk`, '2'), put(`${prefix}k/x`, '3'));
    same(texts(await entriesOf(store, { key: `${prefix}k` })), [`${prefix}k=1`], 'just the key is found');
  }),
  withStore('read: a prefix matches neither the key without its slash nor a sibling', async (store, { prefix }) => {
    const keys = ['foo', 'foo/a', 'foo/b/c', 'foobar', 'foobar/x', 'foo0', 'fo'].map((name) => prefix + name);
    await write(store, ...keys.map((key) => put(key, '')));
    const found = keysOf(await entriesOf(store, { prefix: `${prefix}foo/` }));
    same(found, [`${prefix}foo/a`, `${prefix}foo/b/c`], 'only what lies below is found');
  }),
  withStore('read: a prefix matches the key that is equal to it', async (store, { prefix }) => {
    await write(store, put(`${prefix}foo/`, ''), put(`${prefix}foo/a`, ''));
    const found = keysOf(await entriesOf(store, { prefix: `${prefix}foo/` }));
    same(found, [`${prefix}foo/`, `${prefix}foo/a`], 'both are found');
  }),
  withStore('read: orders by key, or by created from the oldest or the newest', async (store, { prefix }) => {
    await fourKeys(store, prefix);
    same(await names(store, { prefix }), 'abcd', 'the default order is by key');
    same(await names(store, { prefix, order: 'key' }), 'abcd', 'by key');
    same(await names(store, { prefix, order: 'oldest' }), 'cadb', 'by created; a later write does not matter');
    same(await names(store, { prefix, order: 'newest' }), 'bdac', 'by created, from the newest');
  }),
  withStore('read: a limit leaves the first of the order', async (store, { prefix }) => {
    await fourKeys(store, prefix);
    same(await names(store, { prefix, limit: 2 }), 'ab', 'the first two by key');
    same(await names(store, { prefix, order: 'oldest', limit: 1 }), 'c', 'the oldest');
    same(await names(store, { prefix, order: 'newest', limit: 3 }), 'bda', 'the three newest');
    same(await names(store, { prefix, order: 'newest', limit: 9 }), 'bdac', 'all, if the limit is above');
  }),
  withStore('read: createdBefore leaves what is strictly older', async (store, { prefix }) => {
    const [c, a, d] = (await fourKeys(store, prefix)) as [bigint, bigint, bigint];
    same(await names(store, { prefix, createdBefore: d }), 'ac', 'older ones, by key');
    same(await names(store, { prefix, createdBefore: d, order: 'newest', limit: 1 }), 'a', 'the next ahead');
    same(await names(store, { prefix, createdBefore: c }), '', 'nothing is older than the first');
    same(await names(store, { key: `${prefix}a`, createdBefore: a }), '', 'it counts for a single key too');
    same(await names(store, { key: `${prefix}a`, createdBefore: a + 1n }), 'a', 'and is exclusive');
    same(await names(store, { prefix, createdBefore: 2n ** 63n - 1n }), 'abcd', 'the largest revision is above all');
  }),
  withStore('read: entries of one commit follow by key in either order', async (store, { prefix }) => {
    await write(store, put(`${prefix}c`, ''), put(`${prefix}a`, ''), put(`${prefix}b`, ''));
    await write(store, put(`${prefix}0`, ''));
    same(await names(store, { prefix, order: 'oldest' }), 'abc0', 'from the oldest');
    same(await names(store, { prefix, order: 'newest' }), '0abc', 'from the newest');
    same(await names(store, { prefix, order: 'newest', limit: 2 }), '0a', 'also under a limit');
  }),
  {
    name: 'read: sees every commit that had ended before it, of whichever client',
    run: async (world) => {
      const [writer, reader] = [await world.open(), await world.open()];
      for (let n = 0; n < 20; n++) {
        const revision = await write(writer, put(`${world.prefix}k`, String(n)));
        const snapshot = await reader.read({ prefix: world.prefix });
        same(texts(snapshot.entries), [`${world.prefix}k=${n}`], 'the last commit is seen');
        check(snapshot.revision >= revision, 'at a revision that is not before it');
      }
    },
  },
  withStore('read: gives back every byte, and the empty value', async (store, { prefix }) => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await write(store, put(`${prefix}binary`, every), put(`${prefix}empty`, ''));
    same((await entryAt(store, `${prefix}binary`))?.value, every, 'all bytes come back');
    same((await entryAt(store, `${prefix}empty`))?.value, new Uint8Array(), 'the empty value is a value');
  }),
  withStore('read: takes part of a larger buffer for what it is', async (store, { prefix }) => {
    const part = Buffer.from('before-value-after').subarray(7, 12);
    await write(store, put(`${prefix}k`, part));
    same(texts(await entriesOf(store, { prefix })), [`${prefix}k=value`], 'only the part is stored');
  }),
  withStore('read: gives back a value of the largest size, up to 1 MiB', async (store, { prefix }) => {
    const size = Math.min(store.traits.maxValueBytes, 1024 * 1024);
    const value = Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
    await write(store, put(`${prefix}large`, value));
    const read = (await entryAt(store, `${prefix}large`))?.value;
    check(read !== undefined && Buffer.compare(read, value) === 0, 'all bytes come back');
  }),
  withStore('read: gives 5,000 entries in one go', async (store, { prefix }) => {
    const keys = Array.from({ length: 5_000 }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`);
    const chunk = store.traits.maxOps;
    const writing: Promise<bigint>[] = [];
    for (let at = 0; at < keys.length; at += chunk) {
      writing.push(write(store, ...keys.slice(at, at + chunk).map((key) => put(key, key))));
    }
    await Promise.all(writing);
    same(keysOf(await entriesOf(store, { prefix })), keys, 'all are there, in order');
  }),
];
