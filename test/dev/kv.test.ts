import { expect, test } from 'vitest';
import { onBoth } from './servers.js';
import { bytes, int } from './wire.js';

interface Answer {
  readonly header: { readonly revision: number };
  readonly kvs: readonly { readonly key: string; readonly value: string; readonly modRevision: number }[];
  readonly count: number;
  readonly more: boolean;
}

await onBoth((api) => {
  const key = (name: string): Uint8Array => bytes(api.prefix + name);
  const all = () => ({ key: bytes(api.prefix), rangeEnd: bytes(`${api.prefix.slice(0, -1)}0`) });
  const put = async (name: string, value = ''): Promise<number> => {
    const { header } = (await api.client.put({ key: key(name), value: bytes(value) })) as Answer;
    return header.revision;
  };
  const read = async (request: object): Promise<Answer> => (await api.client.range({ ...all(), ...request })) as Answer;
  const names = ({ kvs }: Answer): string => kvs.map((kv) => kv.key.slice(api.prefix.length)).join(' ');
  const refused = (code: number, details: string) => ({ code, details: `etcdserver: ${details}` });

  /** a, b, c, d: written in the order c a d b, then c and a again. */
  async function some(): Promise<number> {
    const first = await put('c', '3');
    for (const text of ['a1', 'd9', 'b2', 'c3', 'a7']) await put(text.charAt(0), text.charAt(1));
    return first;
  }

  test('a range is of one key, of those below another, of all from one on, or of all', async () => {
    await some();
    expect(names(await read({ key: key('b'), rangeEnd: null }))).toBe('b');
    expect(names(await read({ key: key('b'), rangeEnd: key('d') }))).toBe('b c');
    expect(names(await read({ key: key('d'), rangeEnd: key('b') }))).toBe('');
    const rest = (await api.client.range({ key: key('b'), rangeEnd: bytes('\0') })) as Answer;
    expect(names(rest)).toBe('b c d');
    const everything = (await api.client.range({ key: bytes('\0'), rangeEnd: bytes('\0') })) as Answer;
    expect(everything.count).toBeGreaterThanOrEqual(4);
    expect(await api.client.range({ key: key('none') })).toMatchObject({ kvs: [] });
  });

  test('a range is sorted, cut and counted', async () => {
    await some();
    const order = async (sortTarget: number, sortOrder: number) => names(await read({ sortTarget, sortOrder }));
    expect(await order(0, 0)).toBe('a b c d');
    expect(await order(0, 2)).toBe('d c b a');
    expect(await order(2, 0)).toBe('c a d b');
    expect(await order(2, 2)).toBe('b d a c');
    expect(await order(3, 1)).toBe('d b c a');
    expect(await order(4, 2)).toBe('d a c b');
    expect(await order(1, 2)).toMatch(/^(a c|c a) (b d|d b)$/);
    const cut = await read({ limit: int(3), sortTarget: 3, sortOrder: 2 });
    expect([names(cut), cut.more, cut.count]).toEqual(['a c b', true, 4]);
    const exact = await read({ limit: int(4) });
    expect([names(exact), exact.more ?? false, exact.count]).toEqual(['a b c d', false, 4]);
    expect(await read({ countOnly: true })).toMatchObject({ count: 4 });
    expect((await read({ keysOnly: true })).kvs.map(({ value }) => value ?? '')).toEqual(['', '', '', '']);
  });

  test('a range is bounded by the revisions of its keys, and counts them all the same', async () => {
    const first = await some();
    expect(names(await read({ minModRevision: int(first + 4) }))).toBe('a c');
    expect(names(await read({ maxModRevision: int(first + 3) }))).toBe('b d');
    expect(names(await read({ minCreateRevision: int(first + 2) }))).toBe('b d');
    const old = await read({ maxCreateRevision: int(first), limit: int(1) });
    expect([names(old), old.more ?? false, old.count]).toEqual(['c', false, 4]);
  });

  test('the past is read as it was, until it is compacted', async () => {
    const first = await some();
    const at = await read({ revision: int(first + 2) });
    expect([names(at), at.header.revision, at.count]).toEqual(['a c d', first + 5, 3]);
    await api.client.delete(all());
    expect(names(await read({ revision: int(first + 5) }))).toBe('a b c d');
    expect(names(await read({}))).toBe('');
    await expect(read({ revision: int(first + 7) })).rejects.toEqual(
      refused(11, 'mvcc: required revision is a future revision'),
    );
    await expect(api.client.compact(first + 7)).rejects.toEqual(
      refused(11, 'mvcc: required revision is a future revision'),
    );
    expect(await api.client.compact(first + 3)).toMatchObject({ header: { revision: first + 6 } });
    const compacted = refused(11, 'mvcc: required revision has been compacted');
    await expect(read({ revision: int(first + 2) })).rejects.toEqual(compacted);
    await expect(api.client.compact(first + 3)).rejects.toEqual(compacted);
    expect(names(await read({ revision: int(first + 3) }))).toBe('a b c d');
    const reading = { requestRange: { ...all(), revision: int(first + 2) } };
    await expect(api.client.txn({ success: [reading] })).rejects.toEqual(compacted);
    await expect(api.client.txn({ success: [{ requestPut: { key: key('x') } }, reading] })).rejects.toEqual(compacted);
    expect(names(await read({}))).toBe('');
  });

  test('keys of any bytes are kept, ordered and found by them', async () => {
    const odd = [
      '\x00',
      '\x7f',
      '\x80',
      '\xc3',
      '\xc3\xa9',
      '\xe2\x82\xac',
      '\xed\xa0\x80',
      '\xf0\x9f\x98\x80',
      '\xff',
    ];
    for (const name of [...odd].reverse()) await put(name, name);
    const { kvs } = (await api.client.range({
      key: bytes(api.prefix),
      rangeEnd: bytes(`${api.prefix}\xff\xff`),
    })) as Answer;
    expect(kvs.map((kv) => kv.key)).toEqual(odd.map((name) => api.prefix + name));
    expect(kvs.map((kv) => kv.value)).toEqual(odd);
  });

  test('a put tells what was there, keeps the value or the lease, and needs a key for that', async () => {
    const lease = int(7_000_001);
    await api.client.grant({ ID: lease, TTL: int(60) });
    expect(await api.client.put({ key: key('a'), value: bytes('1'), prevKv: true })).not.toHaveProperty('prevKv.key');
    const again = await api.client.put({ key: key('a'), value: bytes('2'), lease, prevKv: true });
    expect(again).toMatchObject({ prevKv: { value: '1', version: 1 } });
    await api.client.put({ key: key('a'), ignoreValue: true, ignoreLease: true });
    await api.client.put({ key: key('a'), value: bytes('3'), ignoreLease: true });
    expect(await read({})).toMatchObject({ kvs: [{ value: '3', version: 4, lease: 7_000_001 }] });
    await api.client.put({ key: key('a'), ignoreValue: true });
    expect((await read({})).kvs[0]).toMatchObject({ value: '3', version: 5 });
    expect((await read({})).kvs[0]).not.toHaveProperty('lease', 7_000_001);
    const put = api.client.put;
    await expect(put({ key: key('b'), ignoreValue: true })).rejects.toEqual(refused(3, 'key not found'));
    await expect(put({ key: key('b'), ignoreLease: true })).rejects.toEqual(refused(3, 'key not found'));
    await expect(put({ key: key('a'), ignoreValue: true, value: bytes('x') })).rejects.toEqual(
      refused(3, 'value is provided'),
    );
    await expect(put({ key: key('a'), ignoreLease: true, lease })).rejects.toEqual(refused(3, 'lease is provided'));
    await expect(put({ key: key('a'), lease: int(7_999_999) })).rejects.toEqual(
      refused(5, 'requested lease not found'),
    );
    await expect(put({ value: bytes('x') })).rejects.toEqual(refused(3, 'key is not provided'));
    await api.client.revoke({ ID: lease });
  });

  test('a delete tells how many, and what they were; one of nothing makes no revision', async () => {
    await some();
    const gone = (await api.client.delete({ ...all(), prevKv: true })) as { prevKvs: { value: string }[] };
    expect(gone).toMatchObject({ deleted: 4 });
    expect(gone.prevKvs.map(({ value }) => value).join('')).toBe('7239');
    const { header } = (await api.client.delete(all())) as Answer;
    expect(header).toEqual((gone as unknown as Answer).header);
    expect(((await put('a')) as number) - header.revision).toBe(1);
    expect(await read({})).toMatchObject({ kvs: [{ version: 1 }] });
    await expect(api.client.delete({})).rejects.toEqual(refused(3, 'key is not provided'));
  });

  test('a comparison holds of every key of its range, and of a range without keys as of zeros', async () => {
    const first = await some();
    const holds = async (compare: object): Promise<boolean> => {
      const { succeeded } = (await api.client.txn({ compare: [{ ...all(), ...compare }] })) as { succeeded?: boolean };
      return succeeded ?? false;
    };
    const [equal, greater, less, not] = [0, 1, 2, 3];
    const [version, create, mod, value, lease] = [0, 1, 2, 3, 4];
    expect(await holds({ target: mod, result: less, modRevision: int(first + 6) })).toBe(true);
    expect(await holds({ target: mod, result: less, modRevision: int(first + 5) })).toBe(false);
    expect(await holds({ target: create, result: greater, createRevision: int(first - 1) })).toBe(true);
    expect(await holds({ target: version, result: not, version: int(3) })).toBe(true);
    expect(await holds({ target: value, result: less, value: bytes('99') })).toBe(true);
    expect(await holds({ target: value, result: less, value: bytes('9') })).toBe(false);
    expect(await holds({ target: lease, result: equal, lease: int(0) })).toBe(true);
    expect(await holds({ target: lease, result: less, lease: int(1) })).toBe(true);
    const none = { key: key('zz'), rangeEnd: null };
    expect(await holds({ ...none, target: create, result: equal })).toBe(true);
    expect(await holds({ ...none, target: version, result: less, version: int(1) })).toBe(true);
    expect(await holds({ ...none, target: value, result: not, value: bytes('x') })).toBe(false);
    // Of another kind than the target: counts as 0.
    expect(await holds({ ...none, target: mod, result: equal, version: int(5) })).toBe(true);
  });

  test('a transaction decides all its branches first, and then goes in order; each part tells its revision', async () => {
    const first = await put('a', '1');
    const isNew = (name: string) => ({ key: key(name), target: 1, result: 0, createRevision: int(0) });
    const answer = await api.client.txn({
      compare: [isNew('b')],
      success: [
        { requestRange: { key: key('b') } },
        { requestPut: { key: key('b'), value: bytes('2') } },
        { requestRange: { key: key('b') } },
        { requestTxn: { compare: [isNew('b')], success: [{ requestPut: { key: key('c'), prevKv: true } }] } },
        { requestDeleteRange: { key: key('a'), prevKv: true } },
        { requestRange: { ...all(), countOnly: true } },
        { requestTxn: { compare: [isNew('a')], failure: [{ requestRange: { key: key('a'), revision: int(first) } }] } },
      ],
      failure: [{ requestDeleteRange: all() }],
    });
    expect(answer).toMatchObject({
      header: { revision: first + 1 },
      succeeded: true,
      responses: [
        { responseRange: { header: { revision: first } } },
        { responsePut: { header: { revision: first + 1 } } },
        { responseRange: { header: { revision: first + 1 }, kvs: [{ createRevision: first + 1, value: '2' }] } },
        { responseTxn: { succeeded: true, responses: [{ responsePut: { header: { revision: first + 1 } } }] } },
        { responseDeleteRange: { deleted: 1, prevKvs: [{ value: '1' }] } },
        { responseRange: { count: 2 } },
        { responseTxn: { responses: [{ responseRange: { count: 1, kvs: [{ value: '1' }] } }] } },
      ],
    });
    expect(names(await read({}))).toBe('b c');
  });

  test('a transaction that cannot be carried out changes nothing', async () => {
    const puts = [{ requestPut: { key: key('a') } }, { requestPut: { key: key('b'), lease: int(7_999_998) } }];
    await expect(api.client.txn({ success: puts })).rejects.toEqual(refused(5, 'requested lease not found'));
    const keeping = [{ requestPut: { key: key('a') } }, { requestPut: { key: key('b'), ignoreLease: true } }];
    await expect(api.client.txn({ success: keeping })).rejects.toEqual(refused(3, 'key not found'));
    // What another branch would do is not looked at.
    await api.client.txn({ success: [{ requestPut: { key: key('c') } }], failure: keeping });
    expect(names(await read({}))).toBe('c');
  });

  test('a transaction may put a key once, and not delete it as well', async () => {
    const requestPut = { key: key('a') };
    const requestDeleteRange = { key: key('a') };
    const put = { requestPut };
    const remove = { requestDeleteRange };
    const nested = (success: object[], failure: object[] = []) => ({ requestTxn: { success, failure } });
    const duplicate = refused(3, 'duplicate key given in txn request');
    const bad: object[][] = [
      [put, put],
      [put, remove],
      [remove, put],
      [put, { requestDeleteRange: all() }],
      [nested([put]), put],
      [nested([put]), nested([], [put])],
      [remove, nested([], [put])],
      [nested([remove]), put],
      [nested([remove]), nested([put])],
    ];
    for (const success of bad) {
      await expect(api.client.txn({ success })).rejects.toEqual(duplicate);
      await expect(api.client.txn({ failure: success })).rejects.toEqual(duplicate);
    }
    const good: object[][] = [
      [remove, remove],
      [put, { requestDeleteRange: { key: key('b'), rangeEnd: key('c') } }],
      [nested([put], [put])],
      [nested([put], [remove])],
      // These etcd does not see.
      [nested([put]), nested([remove])],
      [put, { requestDeleteRange: { key: key('a'), rangeEnd: bytes('\0') } }],
    ];
    for (const success of good) await api.client.txn({ success });
    expect(names(await read({}))).toBe('');
  });

  test('a key that is put and deleted in one revision was there for nobody, and the next life of it begins anew', async () => {
    const first = await put('a', '1');
    const nested = (op: object) => ({ requestTxn: { success: [op] } });
    const success = [nested({ requestPut: { key: key('a') } }), nested({ requestDeleteRange: { key: key('a') } })];
    expect(await api.client.txn({ success })).toMatchObject({ header: { revision: first + 1 } });
    expect(names(await read({}))).toBe('');
    expect(names(await read({ revision: int(first) }))).toBe('a');
    await put('a');
    expect(await read({})).toMatchObject({ kvs: [{ version: 1, createRevision: first + 2 }] });
  });

  test('operations are counted level by level, and a request without one is refused', async () => {
    const ops = (count: number, prefix = '') =>
      Array.from({ length: count }, (_, n) => ({ requestPut: { key: key(`${prefix}${n}`) } }));
    const tooMany = refused(3, 'too many operations in txn request');
    await api.client.txn({ success: ops(128) });
    await expect(api.client.txn({ success: ops(129) })).rejects.toEqual(tooMany);
    await api.client.txn({ success: [...ops(63), { requestTxn: { success: ops(64, 'n') } }] });
    await expect(api.client.txn({ success: [...ops(63), { requestTxn: { success: ops(65, 'n') } }] })).rejects.toEqual(
      tooMany,
    );
    await expect(api.client.txn({ success: [{}] })).rejects.toEqual(refused(3, 'key not found'));
    await expect(api.client.txn({ success: [{ requestRange: {} }] })).rejects.toEqual(
      refused(3, 'key is not provided'),
    );
    await expect(api.client.txn({ compare: [{}] })).rejects.toEqual(refused(3, 'key is not provided'));
  });

  test('a request may have 1.5 MiB', async () => {
    const value = new Uint8Array(1_572_864 - 40);
    await api.client.put({ key: key('a'), value });
    const tooLarge = refused(3, 'request is too large');
    await expect(api.client.put({ key: key('a'), value: new Uint8Array(1_572_864) })).rejects.toEqual(tooLarge);
    const txn = { success: [{ requestPut: { key: key('a'), value: new Uint8Array(1_572_864) } }] };
    await expect(api.client.txn(txn)).rejects.toEqual(tooLarge);
    await expect(api.client.put({ key: key('a'), value: new Uint8Array(4_000_000) })).rejects.toMatchObject({
      code: 8,
    });
    await api.client.delete({ key: key('a') });
  });

  test('says that there are no users, and refuses what cannot be read', async () => {
    expect(await api.client.authStatus()).not.toHaveProperty('enabled', true);
    await expect(api.client.authenticate()).rejects.toEqual(refused(9, 'authentication is not enabled'));
    await expect(api.client.garbage('KV/Range')).rejects.toMatchObject({ code: 13 });
    await expect(api.client.missing('KV/NoSuch')).rejects.toMatchObject({ code: 12 });
  });
});
