import { absent, type Op, put, read, remove, type Store, unchanged } from '../../core/store.js';
import { check, same } from './assert.js';
import { entriesOf, entryAt, textOf, texts, withStore, write } from './tools.js';
import type { ContractCase } from './world.js';

async function increment(store: Store, key: string): Promise<void> {
  for (;;) {
    const entry = await entryAt(store, key);
    const guard = entry === undefined ? absent(key) : unchanged(key, entry.modified);
    const { ok } = await store.commit([guard], [put(key, String(Number(textOf(entry) ?? '0') + 1))]);
    if (ok) return;
  }
}

export const commitCases: readonly ContractCase[] = [
  withStore('commit: applies all of its steps, at one revision', async (store, { prefix }) => {
    await write(store, put(`${prefix}old`, 'x'));
    const { ok, revision } = await store.commit(
      [absent(`${prefix}a`)],
      [put(`${prefix}a`, '1'), put(`${prefix}b`, '2'), remove(`${prefix}old`)],
    );
    check(ok, 'a commit whose guards hold succeeds');
    const entries = await entriesOf(store, { prefix });
    same(texts(entries), [`${prefix}a=1`, `${prefix}b=2`], 'all steps are applied');
    for (const { modified, created } of entries) {
      same([modified, created], [revision, revision], 'what a commit puts has its revision');
    }
  }),
  withStore('commit: applies nothing when a guard does not hold', async (store, { prefix }) => {
    await write(store, put(`${prefix}x`, 'old'));
    const ops = [put(`${prefix}x`, 'new'), put(`${prefix}y`, 'new')];
    const refused = await store.commit([absent(`${prefix}x`)], ops);
    same(refused.ok, false, 'a commit whose guard does not hold is refused');
    const deleting = await store.commit([absent(`${prefix}x`)], [remove({ prefix })]);
    same(deleting.ok, false, 'a delete whose guard does not hold is refused');
    same(texts(await entriesOf(store, { prefix })), [`${prefix}x=old`], 'nothing is applied');
  }),
  withStore('commit: needs all of its guards, wherever among them the wrong one is', async (store, { prefix }) => {
    await write(store, put(`${prefix}x`, 'old'));
    const [right, wrong] = [absent(`${prefix}new`), absent(`${prefix}x`)];
    for (const guards of [
      [right, wrong],
      [wrong, right],
      [right, wrong, right],
    ]) {
      const { ok } = await store.commit(guards, [put(`${prefix}new`, '')]);
      same(ok, false, 'one guard that does not hold refuses the commit');
    }
    same(texts(await entriesOf(store, { prefix })), [`${prefix}x=old`], 'nothing is applied');
  }),
  {
    name: 'commit: readers at the same time never see half of it',
    run: async (world) => {
      const [writer, reader] = [await world.open(), await world.open()];
      const [a, b] = [`${world.prefix}a`, `${world.prefix}b`];
      await write(writer, put(a, '0'), put(b, '0'));
      const writing = (async () => {
        for (let n = 1; n <= 30; n++) await write(writer, put(a, String(n)), put(b, String(n)));
      })();
      for (let n = 0; n < 30; n++) {
        const [first, second] = await entriesOf(reader, { prefix: world.prefix });
        same(textOf(first), textOf(second), 'both keys of one commit are of the same commit');
      }
      await writing;
    },
  },
  {
    name: 'commit: of many that race for one key, exactly one succeeds',
    run: async (world) => {
      const stores = await Promise.all(Array.from({ length: 4 }, () => world.open()));
      const key = `${world.prefix}x`;
      const racers = Array.from({ length: 20 }, (_, n) => ({ store: stores[n % 4] as Store, name: `racer ${n}` }));
      const ends = await Promise.all(racers.map(({ store, name }) => store.commit([absent(key)], [put(key, name)])));
      const winners = racers.filter((_, n) => ends[n]?.ok);
      same(winners.length, 1, 'exactly one commit succeeds');
      same(textOf(await entryAt(stores[0] as Store, key)), winners[0]?.name, 'the key is that of the winner');
    },
  },
  {
    name: 'commit: no update is lost when clients compare and set at the same time',
    run: async (world) => {
      const stores = await Promise.all(Array.from({ length: 4 }, () => world.open()));
      const key = `${world.prefix}counter`;
      const adding = stores.map(async (store) => {
        for (let n = 0; n < 5; n++) await increment(store, key);
      });
      await Promise.all(adding);
      same(textOf(await entryAt(stores[0] as Store, key)), '20', 'every increment counts');
    },
  },
  withStore('commit: its reads see the steps before them and not those after', async (store, { prefix }) => {
    const key = `${prefix}k`;
    await write(store, put(key, 'old'));
    const look = read({ prefix });
    const other = put(`${prefix}other`, 'x');
    const { reads } = await store.commit([], [look, put(key, 'new'), look, other, remove(`${prefix}z`), look]);
    const seen = reads.map((entries) => texts(entries));
    const [before, after] = [[`${key}=old`], [`${key}=new`]];
    same(seen, [before, after, [...after, `${prefix}other=x`]], 'reads are carried out in their place');
  }),
  withStore('commit: its reads show what it has put with its own revision', async (store, { prefix }) => {
    const { revision, reads } = await store.commit([], [put(`${prefix}k`, 'v'), read({ key: `${prefix}k` })]);
    const [entry] = reads[0] ?? [];
    same([entry?.created, entry?.modified], [revision, revision], 'the entry carries the revision of the commit');
  }),
  withStore('commit: answers with the otherwise reads when refused', async (store, { prefix }) => {
    await write(store, put(`${prefix}a`, '1'));
    await write(store, put(`${prefix}b`, '2'));
    const refused = await store.commit([absent(`${prefix}a`)], [read({ prefix })], {
      otherwise: [{ key: `${prefix}b` }, { prefix, order: 'newest', limit: 1 }, { key: `${prefix}none` }],
    });
    same(refused.ok, false, 'the commit is refused');
    const seen = refused.reads.map((entries) => texts(entries));
    same(seen, [[`${prefix}b=2`], [`${prefix}b=2`], []], 'there is one list for each otherwise query, in order');
  }),
  withStore('commit: answers with the reads of its steps when it succeeds', async (store, { prefix }) => {
    await write(store, put(`${prefix}a`, '1'));
    const options = { otherwise: [{ prefix }, { prefix }] };
    const { ok, reads } = await store.commit([absent(`${prefix}b`)], [read({ key: `${prefix}a` })], options);
    same([ok, reads.map((entries) => texts(entries))], [true, [[`${prefix}a=1`]]], 'otherwise is not carried out');
  }),
  withStore('commit: without otherwise, a refused one answers with no reads', async (store, { prefix }) => {
    await write(store, put(`${prefix}a`, '1'));
    const { ok, reads } = await store.commit([absent(`${prefix}a`)], [read({ prefix })]);
    same([ok, reads], [false, []], 'there is nothing to read');
  }),
  withStore('commit: the revision grows with every change and is that of what it put', async (store, { prefix }) => {
    let last = 0n;
    for (let n = 0; n < 5; n++) {
      const revision = await write(store, put(`${prefix}${n}`, ''));
      check(revision > last, 'the revision grows');
      same((await entryAt(store, `${prefix}${n}`))?.modified, revision, 'modified is the revision of the commit');
      check((await store.read({ prefix })).revision >= revision, 'a later read is not older');
      last = revision;
    }
  }),
  withStore('commit: a put of an existing key keeps created and moves modified', async (store, { prefix }) => {
    const created = await write(store, put(`${prefix}k`, '1'));
    const modified = await write(store, put(`${prefix}k`, '2'));
    const entry = await entryAt(store, `${prefix}k`);
    same([entry?.created, entry?.modified, textOf(entry)], [created, modified, '2'], 'the entry as written last');
  }),
  withStore('commit: a key that is made again gets a new, higher created', async (store, { prefix }) => {
    const first = await write(store, put(`${prefix}k`, '1'));
    await write(store, remove(`${prefix}k`));
    same(await entryAt(store, `${prefix}k`), undefined, 'a deleted key is gone');
    const second = await write(store, put(`${prefix}k`, '2'));
    const entry = await entryAt(store, `${prefix}k`);
    same([entry?.created, entry?.modified], [second, second], 'created is that of the new life');
    check(second > first, 'created grows across deletes');
  }),
  withStore('commit: deleting what does not exist is no error', async (store, { prefix }) => {
    const ops: Op[] = [remove(`${prefix}none`), remove({ prefix: `${prefix}none/` })];
    same((await store.commit([], ops)).ok, true, 'the commit succeeds');
  }),
  withStore('commit: takes as many guards and steps as the store says', async (store, { prefix }) => {
    const half = store.traits.maxOps / 2;
    const keys = Array.from({ length: half }, (_, n) => `${prefix}${String(n).padStart(3, '0')}`);
    const { ok } = await store.commit(
      keys.map(absent),
      keys.map((key) => put(key, 'v')),
    );
    same([ok, (await entriesOf(store, { prefix })).length], [true, half], 'all are applied');
  }),
  withStore('commit: what it stored is out of reach of the buffers given and returned', async (store, { prefix }) => {
    const value = Uint8Array.of(1, 2, 3);
    const committing = store.commit([], [put(`${prefix}k`, value)]);
    await committing;
    value.fill(9);
    const entry = await entryAt(store, `${prefix}k`);
    same(entry?.value, Uint8Array.of(1, 2, 3), 'a later change of the buffer changes nothing');
    entry?.value.fill(7);
    same((await entryAt(store, `${prefix}k`))?.value, Uint8Array.of(1, 2, 3), 'nor does one of what was read');
  }),
];
