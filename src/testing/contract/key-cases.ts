import { compareKeys, keyText } from '../../core/keys.js';
import { put, remove } from '../../core/store.js';
import { refuses, same } from './assert.js';
import { entriesOf, entryAt, keysOf, Replica, textOf, withStore, write } from './tools.js';
import type { ContractCase } from './world.js';

/** Keys that one layer or another tends to mangle: encoding, escaping, normalising, trimming, ordering. */
const oddNames: readonly string[] = [
  'plain',
  'with space',
  ' ',
  'trailing ',
  'dot.',
  '.',
  '...',
  'a//b',
  'slash/',
  'per%2Fcent%',
  'query?x=1&y=#z',
  'plus+plus',
  'quote"\'`',
  'back\\slash',
  '{"json":[]}',
  'tab\there',
  'line\nfeed\r',
  '\u0001\u001f\u007f',
  'umlaut-\u00e4',
  'umlaut-a\u0308',
  '\u05d0\u05d1',
  '\u65e5\u672c\u8a9e',
  '\ufeffbom',
  '\ufffd',
  '\uffff',
  '\ue000',
  '\u{1f600}',
  '\u{1f469}\u200d\u{1f680}',
  '\u{10ffff}',
  '__proto__',
  'constructor',
  'UPPER',
  'upper',
];

/** Keys that some other program wrote without caring for UTF-8. */
const rawNames = [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0x80, 0xbf, 0x2f], [0xf5, 0x62]].map((bytes) => {
  return keyText(Uint8Array.from(bytes));
});

export const keyCases: readonly ContractCase[] = [
  withStore('key: every text that is Unicode names a key of its own', async (store, { prefix }) => {
    const keys = oddNames.map((name) => prefix + name);
    await write(store, ...keys.map((key) => put(key, key)));
    for (const key of keys) same(textOf(await entryAt(store, key)), key, 'the key comes back with its own value');
    same(keysOf(await entriesOf(store, { prefix })), [...keys].sort(compareKeys), 'all are found by prefix');
  }),
  withStore('key: keys are ordered by their bytes, beyond the basic plane too', async (store, { prefix }) => {
    const names = ['a', 'a/', 'a0', 'B', '~', '\u00e9', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'];
    const expected = names.map((name) => prefix + name).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    await write(store, ...names.map((name) => put(prefix + name, '')));
    same(keysOf(await entriesOf(store, { prefix })), expected, 'the order is that of the bytes');
    same(keysOf(await entriesOf(store, { prefix, limit: 9 })), expected.slice(0, 9), 'also under a limit');
  }),
  withStore('key: a prefix may hold any Unicode', async (store, world) => {
    const { prefix } = world;
    for (const name of ['\u00e4/', '\u{1f600}/', 'a b/', '\u007f/', '%/']) {
      const below = prefix + name;
      const replica = new Replica(world, store, { prefix: below });
      await write(store, put(`${below}x`, name), put(`${prefix}${name.slice(0, -1)}`, 'sibling'));
      await replica.untilKey(`${below}x`);
      same(keysOf(await entriesOf(store, { prefix: below })), [`${below}x`], 'what lies below is found');
      await write(store, remove({ prefix: below }));
      same(await entriesOf(store, { prefix: below }), [], 'and can be deleted');
      await replica.end();
    }
  }),
  withStore('key: bytes that are not UTF-8 come and go as escapes, or are refused', async (store, { prefix }) => {
    const keys = rawNames.map((name) => prefix + name);
    if (!store.traits.binaryKeys) {
      for (const key of keys) {
        await refuses('INVALID_KEY', () => store.commit([], [put(key, 'raw')]), 'a put of such a key');
        await refuses('INVALID_KEY', () => store.read({ key }), 'a read of such a key');
        await refuses('INVALID_KEY', () => store.watch({ prefix: `${key}/` }).next(), 'a watch of such a prefix');
      }
      return;
    }
    await write(store, ...keys.map((key) => put(key, 'raw')));
    for (const key of keys) same((await entryAt(store, key))?.key, key, 'the key comes back as it was given');
    same(keysOf(await entriesOf(store, { prefix })), [...keys].sort(compareKeys), 'all are found, in their order');
    await write(store, ...keys.map((key) => remove(key)));
    same(await entriesOf(store, { prefix }), [], 'all can be deleted');
  }),
];
