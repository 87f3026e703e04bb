import { describe, expect, it } from 'vitest';
import { put, read } from '../../../src/core/store.js';
import { settle, VirtualClock } from '../../../src/testing/virtual-clock.js';
import { createMemoryCluster } from '../../../src/transport/memory/cluster.js';

function setup() {
  const clock = new VirtualClock();
  const cluster = createMemoryCluster({ clock });
  return { clock, cluster, store: cluster.store() };
}

describe('MemoryStore', () => {
  it('answers in the order of the calls, and never during one', async () => {
    const { store } = setup();
    const log: string[] = [];
    const calls = [
      store.commit([], [put('/k', '1')]).then(() => log.push('commit')),
      store.read({ key: '/k' }).then(({ entries }) => log.push(`read ${entries.length}`)),
    ];
    log.push('called');
    await Promise.all(calls);
    expect(log).toEqual(['called', 'commit', 'read 1']);
  });

  it('grants exactly what was asked, from 10 ms on', async () => {
    const { store, clock, cluster } = setup();
    const { id, ttlMs } = await store.grant(10);
    expect(ttlMs).toBe(10);
    await store.commit([], [put('/k', '', id)]);
    await clock.advance(9.9);
    expect(cluster.entries()).toHaveLength(1);
    await clock.advance(0.1);
    expect(cluster.entries()).toHaveLength(0);
  });

  it('runs one timer at most, and only while there are both a lease and a watch', async () => {
    const { store, clock } = setup();
    const leases = [await store.grant(300), await store.grant(100), await store.grant(200)];
    expect(clock.pending).toBe(0);
    const watches = [store.watch({ key: '/a' }), store.watch({ prefix: '/b/' })];
    expect([clock.pending, clock.nextMs]).toEqual([1, 100]);
    await store.grant(50);
    expect([clock.pending, clock.nextMs]).toEqual([1, 50]);
    for (const { id } of leases) await store.renew(id);
    expect(clock.pending).toBe(1);
    await watches[0]?.return();
    expect(clock.pending).toBe(1);
    await watches[1]?.return();
    expect(clock.pending).toBe(0);
  });

  it('tells of the end of a lease at its very deadline, also when it was renewed before', async () => {
    const { store, clock } = setup();
    const { id } = await store.grant(100);
    await store.commit([], [put('/k', '', id)]);
    const watch = store.watch({ key: '/k' });
    await watch.next();
    await clock.advance(70);
    await store.renew(id);
    const batch = await clock.runUntil(watch.next());
    expect([clock.now(), batch.value]).toEqual([170, { kind: 'changes', revision: 3n, puts: [], deletes: ['/k'] }]);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind when it is closed while leases live', async () => {
    const { store, clock } = setup();
    await store.grant(1_000);
    const next = store.watch({ key: '/k' }).next();
    await next;
    await store.close();
    expect(clock.pending).toBe(0);
  });

  it('leaves nothing behind of a watch that ended, however it ended', async () => {
    const { store, clock } = setup();
    await store.grant(1_000);
    const controller = new AbortController();
    const aborted = store.watch({ key: '/k' }, { signal: controller.signal, timeoutMs: 500 });
    const left = store.watch({ key: '/k' });
    controller.abort(new Error('enough'));
    await expect(aborted.next()).rejects.toThrow('enough');
    for await (const _ of left) break;
    expect(clock.pending).toBe(0);
  });

  it('tells a consumer that fell far behind by a snapshot, and misses nothing after it', async () => {
    const { store } = setup();
    const watch = store.watch({ prefix: '/' });
    const megabyte = new Uint8Array(1024 * 1024);
    for (let n = 0; n < 40; n++) await store.commit([], [put(`/${n % 4}`, megabyte)]);
    const { value } = await watch.next();
    expect(value).toMatchObject({ kind: 'snapshot', revision: 41n });
    await store.commit([], [put('/last', '')]);
    expect((await watch.next()).value).toMatchObject({ kind: 'changes', puts: [{ key: '/last' }] });
  });

  it('tells watches of ends of leases in order, even those found out about while telling', async () => {
    const { store, clock, cluster } = setup();
    const short = await store.grant(50);
    const long = await store.grant(100);
    await store.commit([], [put('/short', '', short.id), put('/long', '', long.id)]);
    const watch = store.watch({ prefix: '/' });
    await watch.next();
    await clock.stall(200);
    const deleted = [await watch.next(), await watch.next()].map(
      ({ value }) => value?.kind === 'changes' && value.deletes,
    );
    expect(deleted).toEqual([['/short'], ['/long']]);
    expect(cluster.leases()).toEqual([]);
  });

  it('reads in a commit are of the same revision as the commit', async () => {
    const { store } = setup();
    const { revision, reads } = await store.commit([], [put('/k', 'v'), read({ prefix: '/' })]);
    expect([revision, reads[0]?.[0]?.modified]).toEqual([2n, 2n]);
  });
});

describe('MemoryCluster', () => {
  it('shares its state between its stores, and with no other cluster', async () => {
    const { cluster, store } = setup();
    await store.commit([], [put('/k', 'v')]);
    expect((await cluster.store().read({ key: '/k' })).entries).toHaveLength(1);
    expect((await createMemoryCluster().store().read({ key: '/k' })).entries).toEqual([]);
  });

  it('writes and deletes as an operator, and tells those who watch', async () => {
    const { cluster, store } = setup();
    const watch = store.watch({ prefix: '/' });
    expect([cluster.putKey('/k', 'v'), cluster.deleteKey('/k')]).toEqual([2n, 3n]);
    await watch.next();
    expect((await watch.next()).value).toMatchObject({ revision: 2n, puts: [{ key: '/k' }] });
    expect((await watch.next()).value).toMatchObject({ revision: 3n, deletes: ['/k'] });
  });

  it('lists leases with their keys and what is left of them', async () => {
    const { cluster, store, clock } = setup();
    const { id } = await store.grant(100);
    await store.commit([], [put('/k', '', id)]);
    await clock.advance(40);
    expect(cluster.leases()).toEqual([{ id, ttlMs: 100, leftMs: 60, keys: ['/k'] }]);
    expect(cluster.entries()).toMatchObject([{ key: '/k', lease: id }]);
    await clock.advance(60);
    expect([cluster.leases(), cluster.entries()]).toEqual([[], []]);
  });

  it('revokes one lease or all of them', async () => {
    const { cluster, store } = setup();
    const ids = [await store.grant(100), await store.grant(100), await store.grant(100)].map(({ id }) => id);
    for (const id of ids) await store.commit([], [put(`/${id}`, '', id)]);
    expect([cluster.revokeLease(ids[0] ?? ''), cluster.revokeLease('no such lease')]).toEqual([true, false]);
    expect(cluster.entries()).toHaveLength(2);
    cluster.revokeAll();
    expect([cluster.leases(), cluster.entries()]).toEqual([[], []]);
  });

  it('compacts while watches go on', async () => {
    const { cluster, store } = setup();
    const watch = store.watch({ prefix: '/' });
    await watch.next();
    cluster.putKey('/a', '');
    cluster.compact();
    cluster.compact(1n);
    cluster.putKey('/b', '');
    await settle();
    expect([(await watch.next()).value?.revision, (await watch.next()).value?.revision]).toEqual([2n, 3n]);
  });

  it('refuses an option that it does not know', () => {
    const options = { clok: new VirtualClock() } as object;
    expect(() => createMemoryCluster(options)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  });
});
