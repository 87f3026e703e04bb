import { describe, expect, it } from 'vitest';
import { keyText } from '../../../src/core/keys.js';
import { absent, type Guard, held, type Op, put, read, remove, unchanged } from '../../../src/core/store.js';
import { codeOf, failureOf } from '../../rejections.js';
import type { FakeConsul, Kind, Seen } from './fake-consul.js';
import { fakeConsul, next, shortly, storeOn, texts, tidyUp, told } from './tools.js';

tidyUp();

/** The operations of the last transaction, without their flags: those are another each time. */
function lastOps(fake: FakeConsul): object[] {
  const { ops = [] } = fake.of('txn').at(-1) ?? {};
  return ops.map(({ Flags: _, Index = 0n, ...op }) => (Index === 0n ? op : { ...op, Index }));
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a key', () => {
  it('is the same with a leading slash and without, and is shown as it was asked for', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    await store.commit([], [put('/app/a', '1')]);
    await store.commit([], [put('app/b', '2')]);
    expect([...fake.kv.pairs.keys()]).toEqual(['app/a', 'app/b']);
    expect(texts((await store.read({ key: 'app/a' })).entries)).toEqual(['app/a=1']);
    expect(texts((await store.read({ key: '/app/b' })).entries)).toEqual(['/app/b=2']);
    expect(texts((await store.read({ prefix: 'app/' })).entries)).toEqual(['app/a=1', 'app/b=2']);
    expect(texts((await store.read({ prefix: '/app/' })).entries)).toEqual(['/app/a=1', '/app/b=2']);
    expect(texts((await store.read({ prefix: '/' })).entries)).toEqual(['/app/a=1', '/app/b=2']);
    const { reads } = await store.commit([absent('/app/c')], [read({ prefix: '/app/' }), read({ key: 'app/a' })]);
    expect(reads.map((entries) => texts(entries))).toEqual([['/app/a=1', '/app/b=2'], ['app/a=1']]);
    expect((await store.commit([absent('/app/a')], [])).ok).toBe(false);
    expect((await store.commit([absent('app/a')], [])).ok).toBe(false);
  });

  it('is shown by a watch as it was asked for, also when it is deleted', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const [with_, without] = [store.watch({ prefix: '/app/' }), store.watch({ prefix: 'app/' })];
    await Promise.all([next(with_), next(without)]);
    fake.kv.set('app/a', '1');
    expect([told(await next(with_)), told(await next(without))]).toEqual([['/app/a=1'], ['app/a=1']]);
    fake.kv.delete('app/a');
    expect([told(await next(with_)), told(await next(without))]).toEqual([['-/app/a'], ['-app/a']]);
  });

  it.each<[string, readonly Op[]]>([
    ['two puts', [put('/app/a', '1'), put('app/a', '2')]],
    ['a put and a delete', [put('app/a', '1'), remove('/app/a')]],
    ['a put and a delete of its prefix', [put('app/a', '1'), remove({ prefix: '/app/' })]],
  ])(
    'under both of its names in one commit is refused with DUPLICATE_KEY, before anything is sent: %s',
    async (_, ops) => {
      const fake = await fakeConsul();
      expect(await codeOf(storeOn(fake).commit([], ops))).toBe('DUPLICATE_KEY');
      expect(fake.seen).toEqual([]);
    },
  );

  it.each([
    ['nothing but a slash', '/'],
    ['bytes that are not UTF-8', keyText(Uint8Array.of(0x61, 0xff))],
    ['half of a surrogate pair, as other stores write such bytes', '/app/\udcff'],
  ])('that Consul cannot keep is refused with INVALID_KEY, before anything is sent: %s', async (_, key) => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    for (const call of [
      () => store.read({ key }),
      () => store.commit([], [put(key, '')]),
      () => store.commit([], [remove(key)]),
      () => store.commit([absent(key)], []),
      () => store.commit([], [read({ key })]),
      async () => store.watch({ key }).next(),
    ]) {
      expect(await codeOf(call())).toBe('INVALID_KEY');
    }
    expect(fake.seen).toEqual([]);
  });

  const odd = [
    'app//x',
    'app///x',
    '//x',
    'app/./x',
    './x',
    'app/.',
    'app/...',
    'app/x/',
    'app/x//',
    'app/a b',
    'app/tab\t',
    'app/line\nfeed\r',
    'app/\u0001\u001f/x',
    'app/\u007f',
    'app/\u0085',
    'app/\u2028',
    'app/\u200b',
    'app/\ufeff',
    'app/\ufffd',
    'app/\uffff',
    'app/\ue000/x',
    'app/\u{1f600}',
    'app/\u{e0001}',
    'app/\u{10ffff}',
    'app/%',
    'app/%2F',
    'app/%2e/x',
    'app/?x=1&y=2#z',
    'app/+',
    'app/"\\\'`',
    'app/umlaut-\u00e4',
    '__proto__',
    'app/constructor',
  ];

  it.each(odd)('%j names itself and nothing else, in every way there is to ask for it', async (key) => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const watch = store.watch({ key });
    expect(told(await next(watch))).toEqual(['snapshot']);
    for (const other of ['app/other', 'app/x', 'x', 'app']) fake.kv.set(other, 'other');
    expect((await store.commit([absent(key)], [put(key, 'v')])).ok).toBe(true);
    expect(told(await next(watch))).toEqual([`${key}=v`]);
    const [entry] = (await store.read({ key })).entries;
    expect(texts(entry && [entry])).toEqual([`${key}=v`]);
    const { reads } = await store.commit([unchanged(key, entry?.modified ?? 0n)], [read({ key })]);
    expect(texts(reads[0])).toEqual([`${key}=v`]);
    await store.commit([], [remove(key)]);
    expect(told(await next(watch))).toEqual([`-${key}`]);
    expect((await store.read({ key })).entries).toEqual([]);
    expect([...fake.kv.pairs.keys()].sort()).toEqual(['app', 'app/other', 'app/x', 'x']);
  });

  it.each([
    ['app//', 'app//x', 'app/x'],
    ['app/./', 'app/./x', 'app/x'],
    ['app/\u0001/', 'app/\u0001/x', 'app/x'],
    ['app/\u{1f600}/', 'app/\u{1f600}/x', 'app/x'],
    ['/\u{1f600}/', '/\u{1f600}/x', 'x'],
  ])('below the prefix %j is found, and what only looks like it is not', async (prefix, inside, outside) => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    await store.commit([], [put(inside, 'in'), put(outside, 'out')]);
    expect(texts((await store.read({ prefix })).entries)).toEqual([`${inside}=in`]);
    expect(told(await next(store.watch({ prefix })))).toEqual(['snapshot', `${inside}=in`]);
    await store.commit([], [remove({ prefix })]);
    expect((await store.read({ key: inside })).entries).toEqual([]);
    expect(texts((await store.read({ key: outside })).entries)).toEqual([`${outside}=out`]);
  });

  it('that the way to Consul would mangle is read by way of the nearest folder above that it would not', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    for (const [key, path] of [
      ['a/b/c', '/v1/kv/a/b/c'],
      ['/a b/\u00e4?%', '/v1/kv/a%20b/%C3%A4%3F%25'],
      ['a/b//c/d', '/v1/kv/a/b/'],
      ['a/./c', '/v1/kv/a/'],
      ['a/b/\u0001', '/v1/kv/a/b/'],
      ['//a', '/v1/kv/'],
    ] as const) {
      await store.read({ key });
      const { path: sent, range } = fake.of('read').at(-1) as Seen; // It was just sent.
      expect([key, sent, range.recurse]).toEqual([key, path, key !== 'a/b/c' && !key.startsWith('/a')]);
    }
  });
});

describe('every request', () => {
  const place = { datacenter: 'dc 2&x', namespace: 'team/a', partition: 'p\u00e4rt' };

  /** One of each kind of request. */
  async function everything(fake: FakeConsul, options: object): Promise<void> {
    const store = storeOn(fake, options);
    const { id } = await store.grant(10_000);
    await store.renew(id);
    await store.commit([absent('a')], [put('a', '1', id), read({ prefix: 'b/' })]);
    await store.commit([], [read({ key: 'a' })]);
    await store.commit([absent('a')], [], { otherwise: [{ key: 'a' }, { prefix: 'b/' }] });
    await store.read({ key: 'a' });
    await store.read({ prefix: 'b//' });
    const watch = store.watch({ prefix: 'b/' });
    await next(watch);
    await shortly(() => fake.count('poll') > 0, 'a poll');
    await store.revoke(id);
    await store.close();
    const kinds: readonly Kind[] = ['txn', 'read', 'poll', 'grant', 'renew', 'revoke'];
    expect(kinds.filter((kind) => fake.count(kind) === 0)).toEqual([]);
    expect(fake.count('other')).toBe(0);
  }

  it('says for which datacenter, namespace and partition it is, where that was said', async () => {
    const fake = await fakeConsul();
    await everything(fake, place);
    for (const { query } of fake.seen) {
      expect([query.get('dc'), query.get('ns'), query.get('partition')]).toEqual(Object.values(place));
    }
    const plain = await fakeConsul();
    await everything(plain, {});
    for (const { query } of plain.seen) {
      expect([query.has('dc'), query.has('ns'), query.has('partition')]).toEqual([false, false, false]);
    }
  });

  it('that reads asks the leader to make sure that it still is one: never stale, never cached (hazard 82)', async () => {
    const fake = await fakeConsul();
    await everything(fake, {});
    for (const { kind, ops, query, method } of fake.seen) {
      const reads = kind === 'txn' ? ops.every(({ Verb }) => /^(?:get|check)/.test(Verb)) : method === 'GET';
      if (reads) expect([kind, query.has('consistent')]).toEqual([kind, true]);
      expect([query.has('stale'), query.has('cached')]).toEqual([false, false]);
    }
  });

  it('goes over few connections, which are kept (hazard 81)', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    for (let n = 0; n < 20; n++) await store.read({ key: 'k' });
    expect(fake.connects).toBe(1);
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.read({ key: `k${n}` })));
    expect(fake.connects).toBeLessThanOrEqual(32);
    const narrow = await fakeConsul();
    const thrifty = storeOn(narrow, { connections: { calls: 2 } });
    await Promise.all(Array.from({ length: 50 }, (_, n) => thrifty.read({ key: `k${n}` })));
    expect(narrow.connects).toBe(2);
  });

  it('is counted', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    await store.commit([], [put('a', '1')]);
    await store.read({ key: 'a' });
    await store.read({ key: 'b' });
    const { id } = await store.grant(10_000);
    await store.renew(id);
    await store.revoke(id);
    expect(store.stats.requests).toMatchObject({ txn: 1, read: 2, grant: 1, renew: 1, revoke: 1 });
    expect(store.stats.openPolls).toBe(0);
  });
});

describe('a read', () => {
  it('of what is not there finds nothing, at the index that Consul tells', async () => {
    const fake = await fakeConsul();
    fake.kv.jump(77n);
    const store = storeOn(fake);
    expect(await store.read({ key: 'k' })).toEqual({ revision: 77n, entries: [] });
    expect(await store.read({ prefix: 'k/' })).toEqual({ revision: 77n, entries: [] });
  });

  it('chooses and orders as it was asked to', async () => {
    const fake = await fakeConsul();
    for (const key of ['p/c', 'p/a', 'p/b', 'q']) fake.kv.set(key, '');
    const store = storeOn(fake);
    const keys = async (more: object): Promise<string[]> => {
      return (await store.read({ prefix: 'p/', ...more })).entries.map(({ key }) => key);
    };
    expect(await keys({})).toEqual(['p/a', 'p/b', 'p/c']);
    expect(await keys({ order: 'oldest' })).toEqual(['p/c', 'p/a', 'p/b']);
    expect(await keys({ order: 'newest', limit: 2 })).toEqual(['p/b', 'p/a']);
    const { created = 0n } = (await store.read({ key: 'p/b' })).entries[0] ?? {};
    expect(await keys({ order: 'newest', limit: 1, createdBefore: created })).toEqual(['p/a']);
  });

  it('is not told an older revision than one that was seen before it was sent', async () => {
    const fake = await fakeConsul();
    fake.kv.set('old/k', '');
    const store = storeOn(fake);
    const { revision } = await store.commit([], [put('new', '')]);
    expect(fake.kv.indexOf({ text: 'old/', recurse: true })).toBeLessThan(revision);
    expect((await store.read({ prefix: 'old/' })).revision).toBe(revision);
  });
});

describe('a commit', () => {
  it.each<[string, Guard, object, boolean, number]>([
    ['absent', absent('/g'), { Verb: 'check-not-exists', Key: 'g' }, true, 1],
    ['unchanged', unchanged('g', 3n), { Verb: 'check-index', Key: 'g', Index: 3n }, false, 1],
    // A second one looks whether the ticket was only written again.
    ['held', held('g', 3n, 'a-session'), { Verb: 'check-index', Key: 'g', Index: 3n }, false, 2],
  ])('checks the guard %s in the transaction itself, before all else', async (_, guard, expected, holds, requests) => {
    const fake = await fakeConsul();
    expect((await storeOn(fake).commit([guard], [put('k', 'v')])).ok).toBe(holds);
    expect(lastOps(fake).slice(0, 2)).toEqual([expected, { Verb: 'set', Key: 'k', Value: base64('v') }]);
    expect(fake.seen.length).toBe(requests);
  });

  describe('that counts on a ticket', () => {
    async function withTicket() {
      const fake = await fakeConsul();
      const store = storeOn(fake);
      const { id } = await store.grant(10_000);
      const { revision } = await store.commit([absent('t')], [put('t', 'v', id)]);
      const guard = held('t', revision, id);
      const requestsOf = async (run: () => Promise<unknown>): Promise<number> => {
        const before = fake.seen.length;
        await run();
        return fake.seen.length - before;
      };
      const commit = () => store.commit([guard], [put('k', 'v')]);
      return { fake, store, id, guard, commit, requestsOf };
    }

    it('knows it by the index of its last write, at no cost where that was its own', async () => {
      const { store, id, guard, commit, requestsOf } = await withTicket();
      expect(await requestsOf(async () => expect((await commit()).ok).toBe(true))).toBe(1);
      for (const value of ['w', 'x']) {
        expect((await store.commit([guard], [put('t', value, id)])).ok).toBe(true);
        expect(await requestsOf(async () => expect((await commit()).ok).toBe(true))).toBe(1);
      }
    });

    it('looks at it once where somebody else has written it, and then knows', async () => {
      const { fake, id, commit, requestsOf } = await withTicket();
      await storeOn(fake).commit([], [put('t', 'by another client', id)]);
      expect(await requestsOf(async () => expect((await commit()).ok).toBe(true))).toBe(3);
      expect(await requestsOf(async () => expect((await commit()).ok).toBe(true))).toBe(1);
    });

    it('is not refused because the same client writes it at that very time', async () => {
      const { store, id, guard, commit } = await withTicket();
      for (const value of ['w', 'x', 'y']) {
        const [written, guarded] = await Promise.all([store.commit([guard], [put('t', value, id)]), commit()]);
        expect([written.ok, guarded.ok]).toEqual([true, true]);
      }
    });

    it('is not deceived by one of the same name and lease that came later', async () => {
      const { store, id, guard, commit } = await withTicket();
      await store.commit([guard], [remove('t')]);
      const again = await store.commit([absent('t')], [put('t', 'v', id)]);
      expect((await commit()).ok).toBe(false);
      await store.commit([], [put('t', 'w', id)]);
      expect((await commit()).ok).toBe(false);
      expect((await store.commit([held('t', again.revision, id)], [put('k', 'v')])).ok).toBe(true);
    });

    it('does not take one for held that was taken off its lease', async () => {
      const { fake, commit } = await withTicket();
      await storeOn(fake).commit([], [put('t', 'v')]);
      expect((await commit()).ok).toBe(false);
    });

    it('gives up on one that is written again whenever it is looked at, and says that nothing was applied', async () => {
      const { fake, commit, store } = await withTicket();
      let writes = 0;
      fake.on('txn', (_, plain) => {
        fake.kv.txn([{ Verb: 'set', Key: 't', Value: base64(`${++writes}`) }]);
        return plain();
      });
      await expect(commit()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      expect((await store.read({ key: 'k' })).entries).toEqual([]);
    });
  });

  it('puts with a lease by a lock, and without one so that no session stays on the key', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    await store.commit([absent('a')], [put('a', 'x', id), put('b', 'y'), put('c', '')]);
    expect(lastOps(fake)).toEqual([
      { Verb: 'check-not-exists', Key: 'a' },
      { Verb: 'lock', Key: 'a', Value: base64('x'), Session: id },
      { Verb: 'set', Key: 'b', Value: base64('y') },
      { Verb: 'check-session', Key: 'b', Session: '' },
      { Verb: 'set', Key: 'c', Value: '' },
      { Verb: 'check-session', Key: 'c', Session: '' },
    ]);
    expect(fake.kv.pairs.get('a')?.session).toBe(id);
  });

  it('gives each write flags of its own, so that Consul takes no write of the same value for none', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const one = await store.commit([], [put('k', 'same'), put('l', 'same')]);
    const two = await store.commit([], [put('k', 'same'), put('l', 'same')]);
    expect(two.revision).toBeGreaterThan(one.revision);
    expect(fake.kv.pairs.get('k')?.modified).toBe(two.revision);
    const writes = fake.of('txn').flatMap(({ ops }) => ops.filter(({ Verb }) => Verb === 'set'));
    const flags = writes.map(({ Flags }) => Flags ?? 0n);
    expect(new Set(flags).size).toBe(4);
    for (const each of flags) expect(each > 0n && each < 10n ** 15n).toBe(true);
  });

  it('is told its index by Consul when it only deletes, too', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    for (const ops of [[remove('d/a')], [remove({ prefix: 'd/' })], [remove('none')], [remove('d/a'), remove('e')]]) {
      await store.commit([], [put('d/a', ''), put('d/b', ''), put('e', '')]);
      const { ok, revision } = await store.commit([], ops);
      expect([ok, revision]).toEqual([true, fake.kv.index]);
    }
    expect([...fake.kv.pairs.keys()]).toEqual(['d/b']);
    // In the request itself, not by a look afterwards.
    expect(fake.count('read')).toBe(0);
  });

  it('deletes whole folders before it writes anything: Consul 1.8 would not wake those who wait for a key in one', async () => {
    const fake = await fakeConsul();
    await storeOn(fake).commit([absent('g')], [put('a', ''), remove('b'), remove({ prefix: 'd/' })]);
    expect(lastOps(fake).map((op) => ('Verb' in op ? op.Verb : ''))).toEqual([
      ...['check-not-exists', 'delete-tree', 'set', 'check-session', 'delete'],
    ]);
  });

  it('reads in its place among the steps', async () => {
    const fake = await fakeConsul();
    fake.kv.set('r/a', 'old');
    const store = storeOn(fake);
    const look = read({ prefix: 'r/' });
    const steps = [look, put('r/a', 'new'), look, put('r/b', 'b'), look, remove('r/zz'), read({ key: 'r/zz' }), look];
    const { reads } = await store.commit([], steps);
    const both = ['r/a=new', 'r/b=b'];
    expect(reads.map((entries) => texts(entries))).toEqual([['r/a=old'], ['r/a=new'], both, [], both]);
    expect(fake.seen.length).toBe(1);
  });

  it('that would read everything is UNSUPPORTED, before anything is sent; as otherwise read it is none', async () => {
    const fake = await fakeConsul();
    fake.kv.set('a', '1');
    const store = storeOn(fake);
    const everything = read({ prefix: '/' });
    expect(await codeOf(store.commit([], [put('b', ''), everything]))).toBe('UNSUPPORTED');
    expect(fake.seen).toEqual([]);
    for (const otherwise of [[{ prefix: '/' }], [{ prefix: '/' }, { key: 'a' }]]) {
      const { ok, reads } = await store.commit([absent('a')], [], { otherwise });
      expect([ok, reads.map((entries) => texts(entries))]).toEqual([
        false,
        [['/a=1'], ['a=1']].slice(0, otherwise.length),
      ]);
    }
  });

  it('may delete everything, and tells its revision', async () => {
    const fake = await fakeConsul();
    fake.kv.set('a', '1');
    fake.kv.set('b/c', '1');
    const store = storeOn(fake);
    const before = (await store.read({ key: 'a' })).revision;
    const { ok, revision } = await store.commit([], [remove({ prefix: '/' })]);
    expect([ok, revision > before]).toEqual([true, true]);
    expect([...fake.kv.pairs.keys()]).toEqual([]);
  });

  it('that is refused answers with its otherwise reads, all of one revision', async () => {
    const fake = await fakeConsul();
    fake.kv.set('o/a', '1');
    fake.kv.set('o/b', '2');
    const otherwise = [{ key: 'o/b' }, { prefix: 'o/', order: 'newest', limit: 1 }, { key: 'none' }] as const;
    const { ok, revision, reads } = await storeOn(fake).commit([absent('o/a')], [put('o/c', '')], { otherwise });
    expect([ok, reads.map((entries) => texts(entries))]).toEqual([false, [['o/b=2'], ['o/b=2'], []]]);
    expect(revision).toBe(fake.kv.index);
    expect(fake.kv.pairs.has('o/c')).toBe(false);
    expect(fake.seen.length).toBe(2);
  });

  it('takes values of every byte', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const value = Uint8Array.from({ length: 256 }, (_, n) => n);
    await store.commit([], [put('k', value), put('empty', '')]);
    const [found, empty] = [await store.read({ key: 'k' }), await store.read({ key: 'empty' })];
    expect([...(found.entries[0]?.value ?? [])]).toEqual([...value]);
    expect(empty.entries[0]?.value.byteLength).toBe(0);
  });
});

describe('what is too large', () => {
  it('as a value is refused with VALUE_TOO_LARGE, before anything is sent', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const value = new Uint8Array(store.traits.maxValueBytes + 1);
    expect(await failureOf(store.commit([], [put('k', value)]))).toMatchObject({ code: 'VALUE_TOO_LARGE', key: 'k' });
    expect(fake.seen).toEqual([]);
  });

  it('as a value is just not so at the length that the store says it takes', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const value = new Uint8Array(store.traits.maxValueBytes).fill(255);
    expect((await store.commit([absent('k')], [put('k', value)])).ok).toBe(true);
    const [entry] = (await store.read({ key: 'k' })).entries;
    expect(Buffer.compare(entry?.value ?? Buffer.of(), value)).toBe(0);
    expect(store.traits.maxValueBytes).toBeGreaterThan(256 * 1024);
  });

  it('as a whole is refused with VALUE_TOO_LARGE, before anything is sent', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const half = new Uint8Array(store.traits.maxValueBytes / 2 + 10_000);
    expect(await codeOf(store.commit([], [put('a', half), put('b', half)]))).toBe('VALUE_TOO_LARGE');
    expect(fake.seen).toEqual([]);
  });

  it('in the number of its steps is refused with TOO_MANY_OPS, before anything is sent (hazard 58)', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { maxOps } = store.traits;
    const puts = Array.from({ length: maxOps }, (_, n) => put(`k${n}`, ''));
    expect(await codeOf(store.commit([absent('x')], puts))).toBe('TOO_MANY_OPS');
    expect(fake.seen).toEqual([]);
    expect((await store.commit([], puts)).ok).toBe(true);
    expect((await store.commit([absent('x')], puts.slice(1))).ok).toBe(true);
    expect(
      (
        await store.commit(
          [],
          puts.map((_, n) => remove(`k${n}`)),
        )
      ).ok,
    ).toBe(true);
    expect(fake.kv.pairs.size).toBe(0);
    expect(maxOps).toBeLessThanOrEqual(64);
  });

  it('in the number of its steps leaves no session on a key that was put without one', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const keys = Array.from({ length: store.traits.maxOps }, (_, n) => `k${n}`);
    const { id } = await store.grant(10_000);
    await store.commit(
      [],
      keys.map((key) => put(key, 'held', id)),
    );
    const { ok, revision } = await store.commit(
      [],
      keys.map((key) => put(key, 'free')),
    );
    expect(ok).toBe(true);
    const pairs = [...fake.kv.pairs.values()];
    expect(pairs.filter(({ session, value }) => session !== '' || value !== base64('free'))).toEqual([]);
    expect(revision).toBe(fake.kv.index);
  });
});

describe('a commit of as many steps as Consul takes', () => {
  const keys = Array.from({ length: 64 }, (_, n) => `k${n}`);

  it('that only deletes tells a revision at which all of it is gone', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    await store.commit(
      [],
      keys.map((key) => put(key, '')),
    );
    const { ok, revision } = await store.commit(
      [],
      keys.map((key) => remove(key)),
    );
    expect([ok, revision, fake.kv.pairs.size]).toEqual([true, fake.kv.index, 0]);
  });

  it('that only deletes is unknown when it cannot be found out at which revision', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { retry: { attempts: 1 } });
    fake.on('read', () => 'reset');
    const error = await failureOf(
      store.commit(
        [],
        keys.map((key) => remove(key)),
      ),
    );
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false });
  });

  it('is refused as a whole when it would have to take more keys over than Consul has operations for', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const [from, to] = [await store.grant(10_000), await store.grant(10_000)];
    await store.commit(
      [],
      keys.map((key) => put(key, 'from', from.id)),
    );
    const all = store.commit(
      [],
      keys.map((key) => put(key, 'to', to.id)),
    );
    expect(await codeOf(all)).toBe('TOO_MANY_OPS');
    const half = keys.slice(0, 32).map((key) => put(key, 'to', to.id));
    expect((await store.commit([], half)).ok).toBe(true);
    const held = [from.id, to.id].map(
      (id) => [...fake.kv.pairs.values()].filter(({ session }) => session === id).length,
    );
    expect(held).toEqual([32, 32]);
  });

  it('is unknown when keys of it could not be taken off their session afterwards', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    await store.commit(
      [],
      keys.map((key) => put(key, 'held', id)),
    );
    fake.next('txn', (_, plain) => plain(), 'reset');
    const error = await failureOf(
      store.commit(
        [],
        keys.map((key) => put(key, 'free')),
      ),
    );
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false });
  });
});

describe('a number beyond 2^53', () => {
  it.each([9_007_199_254_740_993n, 1_234_567_890_123_457n, 12_345_678_901_234_567n, 9_223_372_036_854_775_001n])(
    'as an index keeps every digit, on its way in and out: %d',
    async (index) => {
      const fake = await fakeConsul();
      fake.kv.jump(index);
      const store = storeOn(fake);
      expect((await store.read({ key: 'none' })).revision).toBe(index);
      const { revision } = await store.commit([], [put('k', '"Index":9007199254740993')]);
      expect(revision).toBe(index + 1n);
      const { entries } = await store.read({ key: 'k' });
      expect(entries).toMatchObject([{ created: index + 1n, modified: index + 1n }]);
      expect(texts(entries)).toEqual(['k="Index":9007199254740993']);
      expect((await store.commit([unchanged('k', index)], [])).ok).toBe(false);
      expect((await store.commit([unchanged('k', index + 1n)], [put('k', '')])).ok).toBe(true);
      expect(fake.of('txn').at(-1)?.body).toContain(`"Index":${index + 1n}}`);
      const watch = store.watch({ key: 'k' });
      expect(await next(watch)).toMatchObject({ revision: index + 2n, entries: [{ modified: index + 2n }] });
      await shortly(() => fake.openPolls > 0, 'a poll');
      expect(fake.of('poll').at(-1)?.query.get('index')).toBe(String(index + 2n));
    },
  );

  it('as the last index that fits is still taken, and the one after it is none (hazard 72)', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    fake.kv.jump(2n ** 63n - 1n);
    expect((await store.read({ key: 'k' })).revision).toBe(2n ** 63n - 1n);
    fake.kv.jump(2n ** 63n);
    expect(await codeOf(store.read({ key: 'k' }))).toBe('PROTOCOL_ERROR');
  });

  it('as the flags of a key, of any size, does no harm to what stands beside it', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    for (const flags of [3_304_740_253_564_472_344n, 16_210_313_421_097_356_768n, 2n ** 64n - 1n, 10n ** 15n]) {
      fake.kv.set('k', `text with "Flags":${flags},`, flags);
      const { entries } = await store.read({ key: 'k' });
      expect(texts(entries)).toEqual([`k=text with "Flags":${flags},`]);
      expect(entries[0]?.modified).toBe(fake.kv.index);
    }
  });

  it('in a long value beside it costs nothing', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const text = '0123456789012345678'.repeat(18_000);
    fake.kv.set('12345678901234567890', text, 2n ** 63n);
    expect(texts((await store.read({ key: '12345678901234567890' })).entries)).toEqual([
      `12345678901234567890=${text}`,
    ]);
  });
});
