import { expect, test } from 'vitest';
import { until } from '../system/tools.js';
import { onBoth } from './servers.js';
import { bytes, int } from './wire.js';

interface Told {
  readonly header: { readonly revision: number };
  readonly watchId?: number;
  readonly fragment?: boolean;
  readonly events?: readonly {
    type?: number;
    kv: { key: string; value?: string; modRevision: number };
    prevKv?: unknown;
  }[];
}

await onBoth((api) => {
  const key = (name: string): Uint8Array => bytes(api.prefix + name);
  const all = () => ({ key: bytes(api.prefix), rangeEnd: bytes(`${api.prefix.slice(0, -1)}0`) });
  const put = async (name: string, value = ''): Promise<number> => {
    return ((await api.client.put({ key: key(name), value: bytes(value) })) as Told).header.revision;
  };
  const begun = async (request: object) => {
    const stream = api.client.watch();
    stream.send({ createRequest: { ...all(), ...request } });
    const created = await stream.next();
    return { stream, created };
  };
  /** The events of a message, in short: `+a=1` for a put, `-a` for a delete. */
  const events = (message: unknown): string => {
    const short = ((message as Told).events ?? []).map(({ type, kv }) => {
      const name = kv.key.slice(api.prefix.length);
      return type === 1 ? `-${name}` : `+${name}=${kv.value ?? ''}`;
    });
    return short.join(' ');
  };

  test('a watch is told of each revision of its range by itself, and of no other key', async () => {
    const { stream, created } = await begun({ rangeEnd: key('m'), key: key('b') });
    expect(created).toMatchObject({ created: true });
    expect(created).not.toHaveProperty('canceled', true);
    await put('a');
    const revision = await put('b', '1');
    await put('m');
    const success = ['c', 'z', 'd'].map((name) => ({ requestPut: { key: key(name) } }));
    await api.client.txn({ success });
    await api.client.delete({ key: key('a'), rangeEnd: key('d') });
    const first = (await stream.next()) as Told;
    expect([events(first), first.header.revision]).toEqual(['+b=1', revision]);
    expect(first.events?.[0]?.kv.modRevision).toBe(revision);
    expect(events(await stream.next())).toBe('+c= +d=');
    const last = (await stream.next()) as Told;
    expect([events(last), last.header.revision]).toEqual(['-b -c', revision + 3]);
    expect(last.events?.map(({ kv }) => kv.modRevision)).toEqual([revision + 3, revision + 3]);
    expect(stream.left).toBe(0);
  });

  test('a watch of one key, of all from one on, and of all', async () => {
    const one = await begun({ key: key('k'), rangeEnd: null });
    const rest = await begun({ key: key('k'), rangeEnd: bytes('\0') });
    const every = await begun({ key: null, rangeEnd: bytes('\0') });
    for (const name of ['a', 'k', 'l']) await put(name);
    for (const name of ['a', 'k', 'l']) expect(events(await every.stream.next())).toBe(`+${name}=`);
    for (const name of ['k', 'l']) expect(events(await rest.stream.next())).toBe(`+${name}=`);
    expect(events(await one.stream.next())).toBe('+k=');
    expect([one.stream.left, rest.stream.left]).toEqual([0, 0]);
  });

  test('filters leave out puts or deletes, and tell nothing of what is left out', async () => {
    const noPut = await begun({ filters: [0] });
    const noDelete = await begun({ filters: [1] });
    await put('a', '1');
    await api.client.delete({ key: key('a') });
    await put('b');
    await api.client.delete({ key: key('b') });
    expect(events(await noPut.stream.next())).toBe('-a');
    expect(events(await noPut.stream.next())).toBe('-b');
    expect(events(await noDelete.stream.next())).toBe('+a=1');
    expect(events(await noDelete.stream.next())).toBe('+b=');
  });

  test('what was there before is told where it is asked for, and is still known', async () => {
    const { stream } = await begun({ prevKv: true });
    const plain = await begun({});
    const first = await put('a', '1');
    await put('a', '2');
    await api.client.delete({ key: key('a') });
    await put('a', '3');
    const before = (message: unknown) =>
      (message as Told).events?.map(({ prevKv }) => (prevKv as { value?: string })?.value);
    expect(before(await stream.next())).toEqual([undefined]);
    expect(before(await stream.next())).toEqual(['1']);
    expect(before(await stream.next())).toEqual(['2']);
    expect(before(await stream.next())).toEqual([undefined]);
    for (let n = 0; n < 4; n++) expect(before(await plain.stream.next())).toEqual([undefined]);
    await api.client.compact(first + 1);
    const late = await begun({ startRevision: int(first + 1), prevKv: true });
    expect(before(await late.stream.next())).toEqual([undefined, '2', undefined]);
  });

  test('the past is told from a revision on, in one message, and then the present', async () => {
    const first = await put('a', '1');
    await put('b', '2');
    await api.client.delete({ key: key('a') });
    const { stream, created } = await begun({ startRevision: int(first) });
    expect(created).toMatchObject({ created: true, header: { revision: first + 2 } });
    const past = (await stream.next()) as Told;
    expect([events(past), past.header.revision]).toEqual(['+a=1 +b=2 -a', first + 2]);
    await put('c', '3');
    expect(events(await stream.next())).toBe('+c=3');
  });

  test('more than a thousand revisions of the past come in several messages, none twice and none left out', async () => {
    const first = await put('n', '0');
    for (let n = 1; n < 2_100; n += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => put('n', String(n + i))));
    }
    const { stream } = await begun({ startRevision: int(first) });
    const seen: number[] = [];
    const sizes: number[] = [];
    while (seen.length < 2_101) {
      const { events: some = [] } = (await stream.next()) as Told;
      sizes.push(some.length);
      seen.push(...some.map(({ kv }) => kv.modRevision));
    }
    expect(seen).toEqual(Array.from({ length: 2_101 }, (_, n) => first + n));
    expect(sizes).toEqual([1_000, 1_000, 101]);
  });

  test('a watch from a revision to come is told nothing of before', async () => {
    const now = await put('a', '1');
    const { stream } = await begun({ startRevision: int(now + 3) });
    await put('a', '2');
    await put('a', '3');
    await put('a', '4');
    expect(events(await stream.next())).toBe('+a=4');
  });

  test('a watch from a compacted revision is cancelled, and told from which on it could begin', async () => {
    const first = await put('a', '1');
    await put('a', '2');
    await put('b', '3');
    await api.client.compact(first + 2);
    const { stream } = await begun({ startRevision: int(first + 1) });
    expect(await stream.next()).toMatchObject({ canceled: true, compactRevision: first + 2 });
    stream.send({ createRequest: { ...all(), startRevision: int(first + 2) } });
    expect(await stream.next()).toMatchObject({ created: true });
    expect(events(await stream.next())).toBe('+b=3');
  });

  test('a delete at the compacted revision itself is told', async () => {
    await put('a', '1');
    const { header } = (await api.client.delete({ key: key('a') })) as Told;
    await api.client.compact(header.revision);
    await put('b', '2');
    const { stream } = await begun({ startRevision: int(header.revision) });
    expect(events(await stream.next())).toBe('-a +b=2');
  });

  test('ids are counted up from 0 or chosen by the client, and told with every message', async () => {
    const { stream, created } = await begun({});
    expect(created).not.toHaveProperty('watchId', 1);
    const create = async (request: object) => {
      stream.send({ createRequest: { ...all(), ...request } });
      return stream.next();
    };
    expect(await create({ watchId: int(1) })).toMatchObject({ created: true, watchId: 1 });
    expect(await create({})).toMatchObject({ created: true, watchId: 2 });
    expect(await create({ watchId: int(77) })).toMatchObject({ created: true, watchId: 77 });
    expect(await create({ watchId: int(77) })).toMatchObject({
      created: true,
      canceled: true,
      watchId: -1,
      cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream',
    });
    await put('a');
    const told = [await stream.next(), await stream.next(), await stream.next(), await stream.next()] as Told[];
    expect(told.map(({ watchId }) => watchId ?? 0).sort((a, b) => a - b)).toEqual([0, 1, 2, 77]);
    stream.send({ cancelRequest: { watchId: int(77) } });
    expect(await stream.next()).toMatchObject({ canceled: true, watchId: 77 });
    stream.send({ cancelRequest: { watchId: int(78) } });
    expect(await create({ watchId: int(77) })).toMatchObject({ created: true, watchId: 77 });
  });

  test('a cancelled watch is told nothing more', async () => {
    const { stream } = await begun({});
    stream.send({ cancelRequest: { watchId: int(0) } });
    expect(await stream.next()).toMatchObject({ canceled: true });
    await put('a');
    stream.send({ createRequest: all() });
    expect(await stream.next()).toMatchObject({ created: true, watchId: 1 });
    expect(stream.left).toBe(0);
  });

  test.each([
    ['of no key', () => ({ key: key('b'), rangeEnd: key('b') }), 'mvcc: watcher range is empty'],
    ['of fewer than no key', () => ({ key: key('b'), rangeEnd: key('a') }), 'mvcc: watcher range is empty'],
    [
      'from before the beginning',
      () => ({ startRevision: { low: -1, high: -1, unsigned: false } }),
      'etcdserver: mvcc: required revision has been compacted',
    ],
  ])('a watch %s is refused, and the stream goes on', async (_, request, cancelReason) => {
    const { stream, created } = await begun(request());
    expect(created).toMatchObject({ created: true, canceled: true, watchId: -1, cancelReason });
    stream.send({ createRequest: all() });
    expect(await stream.next()).toMatchObject({ created: true });
  });

  test('progress is told when asked for: that all is known up to now', async () => {
    const { stream } = await begun({ startRevision: int(1_000_000) });
    const now = await put('a');
    stream.send({ progressRequest: {} });
    stream.send({ createRequest: all() });
    expect(await stream.next()).toMatchObject({ created: true, watchId: 1 });
    // Nothing is said while a watch is to begin later only.
    stream.send({ cancelRequest: { watchId: int(0) } });
    expect(await stream.next()).toMatchObject({ canceled: true });
    stream.send({ progressRequest: {} });
    const told = (await stream.next()) as Told;
    expect(told).toMatchObject({ watchId: -1, header: { revision: now } });
    expect(told.events ?? []).toEqual([]);
  });

  test('progress is told from time to time to who asked for it, but not right after events', async () => {
    const { stream } = await begun({ progressNotify: true });
    const plain = await begun({});
    const told = (await stream.next()) as Told;
    expect([told.watchId ?? 0, events(told)]).toEqual([0, '']);
    const now = await put('a');
    expect(events(await stream.next())).toBe('+a=');
    expect(await stream.next()).toMatchObject({ header: { revision: now } });
    expect(events(await plain.stream.next())).toBe('+a=');
    expect(plain.stream.left).toBe(0);
  });

  test('a large revision comes in fragments where the client takes them, and whole where not', async () => {
    const value = new Uint8Array(600_000);
    const first = await put('z');
    const lease = int(7_000_010);
    await api.client.grant({ ID: lease, TTL: int(60) });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await api.client.put({ key: key(name), value, lease });
    const cut = await begun({ startRevision: int(first + 1), fragment: true });
    const pieces: Told[] = [];
    do pieces.push((await cut.stream.next()) as Told);
    while (pieces.at(-1)?.fragment);
    expect(pieces.flatMap(({ events: some = [] }) => some)).toHaveLength(5);
    expect(pieces.map(({ events: some = [] }) => some.length)).toEqual([3, 2]);
    const whole = await begun({ startRevision: int(first + 1) });
    expect(((await whole.stream.next()) as Told).events).toHaveLength(5);
    await api.client.revoke({ ID: lease });
    expect(events(await cut.stream.next())).toBe('-a -b -c -d -e');
  });

  test('a client that does not read misses nothing, and is told of what was compacted meanwhile', async () => {
    const { stream } = await begun({});
    const other = await begun({});
    stream.pause();
    const value = 'x'.repeat(200_000);
    for (let n = 0; n < 60; n++) {
      await put('a', value);
      await other.stream.next();
    }
    const last = await put('b');
    stream.resume();
    const revisions: number[] = [];
    await until('the last revision', async () => {
      while (stream.left > 0) {
        revisions.push(...(((await stream.next()) as Told).events ?? []).map(({ kv }) => kv.modRevision));
      }
      return revisions.at(-1) === last;
    });
    expect(revisions).toEqual(Array.from({ length: 61 }, (_, n) => last - 60 + n));
  });

  test('goes on telling a client that has no more to say', async () => {
    const { stream } = await begun({});
    stream.end();
    await put('a');
    expect(events(await stream.next())).toBe('+a=');
    expect(stream.ended).toBeUndefined();
  });
});
