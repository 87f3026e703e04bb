import { expect, test } from 'vitest';
import { until } from '../system/tools.js';
import { onBoth } from './servers.js';
import { bytes, int } from './wire.js';

await onBoth((api) => {
  const key = (name: string): Uint8Array => bytes(api.prefix + name);
  const refused = (code: number, details: string) => ({ code, details: `etcdserver: ${details}` });
  let last = 5_000;
  const fresh = () => int(++last);
  const put = (name: string, lease: ReturnType<typeof int>) => api.client.put({ key: key(name), lease });

  test('a lease has the id that the client chose, or one that is above 0, and at least two seconds', async () => {
    expect(await api.client.grant({ ID: int(4_711), TTL: int(60) })).toMatchObject({ ID: 4_711, TTL: 60 });
    const { ID, TTL } = (await api.client.grant({ TTL: int(1) })) as { ID: number; TTL: number };
    expect(ID).toBeGreaterThan(0);
    expect(TTL).toBe(2);
    expect(await api.client.grant({ ID: { low: -5, high: -1, unsigned: false }, TTL: int(60) })).toMatchObject({
      ID: -5,
    });
    await expect(api.client.grant({ ID: int(4_711), TTL: int(60) })).rejects.toEqual(
      refused(9, 'lease already exists'),
    );
    await expect(api.client.grant({ TTL: int(9_000_000_001) })).rejects.toEqual(refused(11, 'too large lease TTL'));
    const { leases } = (await api.client.leases()) as { leases: { ID: number }[] };
    expect(leases.map((lease) => lease.ID)).toEqual(expect.arrayContaining([4_711, -5, ID]));
    for (const low of [4_711, -5]) await api.client.revoke({ ID: { low, high: low < 0 ? -1 : 0, unsigned: false } });
  });

  test('time to live tells what is left, what was granted, and the keys where asked; -1 for none', async () => {
    const ID = fresh();
    await api.client.grant({ ID, TTL: int(100) });
    for (const name of ['b', 'a']) await put(name, ID);
    const told = (await api.client.timeToLive({ ID, keys: true })) as { TTL: number; keys: string[] };
    expect(told).toMatchObject({ ID: last, grantedTTL: 100 });
    expect(told.TTL).toBeGreaterThan(95);
    expect(told.TTL).toBeLessThanOrEqual(100);
    expect([...told.keys].sort()).toEqual([`${api.prefix}a`, `${api.prefix}b`]);
    expect(await api.client.timeToLive({ ID })).not.toHaveProperty('keys.0');
    await api.client.revoke({ ID });
    expect(await api.client.timeToLive({ ID })).toMatchObject({ ID: last, TTL: -1 });
  });

  test('a key hangs on the lease of its last put, and goes with it; keys of one lease go in order, in one revision', async () => {
    const [one, other] = [fresh(), fresh()];
    for (const ID of [one, other]) await api.client.grant({ ID, TTL: int(60) });
    for (const name of ['d', 'b', 'c', 'a']) await put(name, one);
    await put('c', other);
    await api.client.put({ key: key('d') });
    const stream = api.client.watch();
    stream.send({ createRequest: { key: key(''), rangeEnd: bytes('\xff') } });
    await stream.next();
    await api.client.revoke({ ID: one });
    const told = (await stream.next()) as { events: { type: number; kv: { key: string } }[] };
    expect(told.events.map(({ type, kv }) => `${type} ${kv.key}`)).toEqual([`1 ${api.prefix}a`, `1 ${api.prefix}b`]);
    await expect(api.client.revoke({ ID: one })).rejects.toEqual(refused(5, 'requested lease not found'));
    const before = (await api.client.range({ key: key('c') })) as { header: { revision: number }; count: number };
    expect(before.count).toBe(1);
    const bare = fresh();
    await api.client.grant({ ID: bare, TTL: int(60) });
    await api.client.revoke({ ID: bare });
    // The end of a lease without keys makes no revision.
    expect(await api.client.range({ key: key('d') })).toMatchObject({ header: before.header, count: 1 });
    await api.client.revoke({ ID: other });
  });

  test('a lease that is kept alive lives, one that is not ends with its keys, and one that is gone has no time left', async () => {
    const [kept, left] = [fresh(), fresh()];
    for (const ID of [kept, left]) await api.client.grant({ ID, TTL: int(2) });
    await put('kept', kept);
    await put('left', left);
    const stream = api.client.keepAlive();
    const began = performance.now();
    while (performance.now() - began < 4_000) {
      stream.send({ ID: kept });
      expect(await stream.next()).toMatchObject({ ID: last - 1, TTL: 2 });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(await api.client.range({ key: key('kept') })).toMatchObject({ count: 1 });
    expect(await api.client.range({ key: key('left') })).not.toHaveProperty('count', 1);
    stream.send({ ID: left });
    const gone = (await stream.next()) as { TTL?: number };
    expect(gone.TTL ?? 0).toBe(0);
    stream.end();
    await until('the end', () => stream.ended);
    expect(stream.ended).toBe('well');
    await api.client.revoke({ ID: kept });
  });
});
