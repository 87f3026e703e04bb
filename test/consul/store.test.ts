/** What a real Consul does that the contract, which is the same for all stores, has no case for. */
import { describe, expect, it } from 'vitest';
import { absent, type Batch, type Op, put, read, remove, type Watch } from '../../src/core/store.js';
import { failureOf } from '../rejections.js';
import { hasServer } from '../servers/find.js';
import { waitFor } from '../servers/wait.js';
import { ConsulFixture, shortTtl } from './tools.js';

const decoder = new TextDecoder();

async function take(watch: Watch): Promise<Batch> {
  const { value, done } = await watch.next();
  if (done === true) throw new Error('The watch has ended.');
  return value;
}

describe.skipIf(!(await hasServer('consul-1.8')))('on Consul', () => {
  const consul = new ConsulFixture(() => ({ nodes: 1, flags: [shortTtl] }));

  describe('names', () => {
    it('with and without a leading slash are the same key, and come back as they were asked for', async () => {
      const store = consul.open();
      await store.commit([], [put('/same/key', 'v')]);
      expect((await store.read({ key: 'same/key' })).entries).toMatchObject([{ key: 'same/key' }]);
      expect((await store.read({ prefix: '/same/' })).entries).toMatchObject([{ key: '/same/key' }]);
      expect(await consul.ask('GET', 'kv/same/key?raw')).toBe('v');
      expect(await store.commit([absent('same/key')], [])).toMatchObject({ ok: false });
      const watch = store.watch({ prefix: 'same/' });
      expect(await take(watch)).toMatchObject({ entries: [{ key: 'same/key' }] });
      await store.commit([], [remove('/same/key')]);
      expect(await take(watch)).toMatchObject({ deletes: ['same/key'] });
      await watch.return();
    });

    it('of the same key may not stand twice in a commit', async () => {
      const store = consul.open();
      const twice = store.commit([], [put('/twice/a', ''), remove({ prefix: 'twice/' })]);
      expect(await failureOf(twice)).toMatchObject({ code: 'DUPLICATE_KEY' });
      expect((await failureOf(store.read({ key: '/' }))).code).toBe('INVALID_KEY');
      expect(store.stats.requests).toEqual({});
    });

    it('that HTTP would mangle can be watched', async () => {
      const store = consul.open();
      for (const key of ['odd//x', 'odd/./y', '//odd', 'odd/\u0001', 'odd/\u2028', 'odd/\u{1f600}/z']) {
        const watch = store.watch({ key });
        expect(await take(watch)).toMatchObject({ kind: 'snapshot', entries: [] });
        await store.commit([], [put(key, key), put('odd/other', '')]);
        expect(await take(watch)).toMatchObject({ kind: 'changes', puts: [{ key }], deletes: [] });
        await watch.return();
      }
    });
  });

  describe('a write', () => {
    it('of what is there already is a write', async () => {
      const store = consul.open();
      const first = await store.commit([], [put('again', 'same')]);
      const second = await store.commit([], [put('again', 'same')]);
      expect(second.revision).toBeGreaterThan(first.revision);
      expect((await store.read({ key: 'again' })).entries[0]?.modified).toBe(second.revision);
    });

    it('that only deletes tells its revision, in one request', async () => {
      const [store, other] = [consul.open(), consul.open()];
      const { revision } = await store.commit([], [put('gone/a', ''), put('gone/b', ''), put('gone-by', '')]);
      const key = await store.commit([], [remove('gone-by')]);
      const prefix = await store.commit([], [remove({ prefix: 'gone/' })]);
      expect(store.stats.requests).toEqual({ txn: 3 });
      expect([key.revision > revision, prefix.revision > key.revision]).toEqual([true, true]);
      expect((await other.commit([], [put('gone-after', '')])).revision).toBe(prefix.revision + 1n);
      expect((await other.read({ prefix: 'gone/' })).entries).toEqual([]);
    });

    it('that has no room for telling its revision still gives one that is not too low', async () => {
      const [store, other] = [consul.open(), consul.open()];
      const keys = Array.from({ length: 64 }, (_, n) => `full/${n}`);
      await store.commit(
        [],
        keys.map((key) => put(key, '')),
      );
      const { revision } = await store.commit(
        [],
        keys.map((key) => remove(key)),
      );
      const after = await other.commit([], [put('full/after', '')]);
      expect(after.revision).toBe(revision + 1n);
    });

    it('of a prefix wakes those who wait for keys in it, also beside other steps', async () => {
      const store = consul.open();
      const keys = ['tree/a/k', 'tree/a/kk', 'tree/a/k/x'];
      await store.commit([], [put('tree/b', ''), ...keys.map((key) => put(key, ''))]);
      const watches = keys.map((key) => store.watch({ key }));
      for (const watch of watches) await take(watch);
      await waitFor(() => store.stats.openPolls === keys.length, { timeoutMs: 2_000, intervalMs: 10, what: 'polls' });
      // Only by then the queries wait at the server.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await store.commit([], [put('tree/b', 'x'), put('tree/a2', ''), remove({ prefix: 'tree/a/' })]);
      for (const [n, watch] of watches.entries()) expect(await take(watch)).toMatchObject({ deletes: [keys[n]] });
    }, 10_000);

    it('sorts out what its reads found, whatever lies between them', async () => {
      const store = consul.open();
      await store.commit([], [put('mix/b', '1'), put('mix/d', '1'), put('mix/d/e', '')]);
      const texts = (entries: readonly { key: string; value: Uint8Array }[] | undefined): string[] => {
        return (entries ?? []).map(({ key, value }) => `${key}=${decoder.decode(value)}`);
      };
      const { ok, reads } = await store.commit(
        [absent('mix/z')],
        [
          read({ prefix: 'mix/' }),
          put('mix/zz', ''),
          read({ prefix: 'mix/d/' }),
          read({ prefix: 'mix/' }),
          put('mix/zzz', ''),
          read({ key: 'mix/z' }),
          read({ key: 'mix/d' }),
          remove('mix/b'),
          read({ key: 'mix/b' }),
          put('mix/a', ''),
          read({ prefix: 'mix/', order: 'newest', limit: 2 }),
          read({ key: 'mix/a' }),
        ],
      );
      expect(ok).toBe(true);
      expect(reads.map(texts)).toEqual([
        ['mix/b=1', 'mix/d=1', 'mix/d/e='],
        ['mix/d/e='],
        ['mix/b=1', 'mix/d=1', 'mix/d/e=', 'mix/zz='],
        [],
        ['mix/d=1'],
        [],
        ['mix/a=', 'mix/zz='],
        ['mix/a='],
      ]);
    });

    it('without a lease over more leased keys than it has room to look at detaches them all', async () => {
      const store = consul.open();
      const { id } = await store.grant(10_000);
      const keys = Array.from({ length: 60 }, (_, n) => `many/${String(n).padStart(2, '0')}`);
      await store.commit(
        [],
        keys.map((key) => put(key, 'leased', id)),
      );
      const { ok } = await store.commit(
        [],
        keys.map((key) => put(key, `now ${key}`)),
      );
      expect(ok).toBe(true);
      await store.revoke(id);
      const { entries } = await store.read({ prefix: 'many/' });
      expect(entries.map(({ key, value, lease }) => [key, decoder.decode(value), lease])).toEqual(
        keys.map((key) => [key, `now ${key}`, undefined]),
      );
    });
  });

  describe("hazard 83: Consul's own locks", () => {
    async function foreignLock(key: string): Promise<string> {
      const { ID } = JSON.parse(await consul.ask('PUT', 'session/create', '{"TTL":"10s"}')) as { ID: string };
      const flags = '3304740253564472344';
      expect(await consul.ask('PUT', `kv/${key}?acquire=${ID}&flags=${flags}`, 'theirs')).toMatch(/^true/);
      return ID;
    }

    it('are neither taken over nor set free by a put', async () => {
      const store = consul.open();
      const session = await foreignLock('theirs/.lock');
      const { id } = await store.grant(10_000);
      for (const op of [put('theirs/.lock', 'mine'), put('theirs/.lock', 'mine', id)]) {
        const error = await failureOf(store.commit([], [op]));
        expect(error).toMatchObject({ code: 'REFUSED_BY_STORE', problem: 'foreign-lock', key: 'theirs/.lock' });
      }
      const [entry] = (await store.read({ key: 'theirs/.lock' })).entries;
      expect([entry?.lease, decoder.decode(entry?.value)]).toEqual([session, 'theirs']);
      await consul.ask('PUT', `session/destroy/${session}`);
      await store.revoke(id);
    });

    it('keep every digit of what they say in numbers', async () => {
      const store = consul.open();
      const session = await foreignLock('theirs/flags');
      // It is told by its flags alone; rounded, they would be those of nobody.
      expect((await failureOf(store.commit([], [put('theirs/flags', '')]))).problem).toBe('foreign-lock');
      await consul.ask('PUT', `session/destroy/${session}`);
    });
  });

  describe('hazard 77: a lock-delay', () => {
    const delayed = { session: { minTtlMs: 1_000, lockDelayMs: 1_500 } };

    /** A key in the lock-delay of a session that has just ended. */
    async function inDelay(key: string): Promise<void> {
      const store = consul.open(delayed);
      const { id } = await store.grant(10_000);
      await store.commit([], [put(key, '', id)]);
      await store.revoke(id);
    }

    it('is waited out, without haste', async () => {
      await inDelay('delayed/a');
      const store = consul.open();
      const { id } = await store.grant(10_000);
      const { ok } = await store.commit([absent('delayed/a')], [put('delayed/a', 'v', id)]);
      expect(ok).toBe(true);
      // Each attempt is one transaction, and one for the guard.
      expect(store.stats.requests['txn']).toBeLessThan(20);
      await store.revoke(id);
    });

    it('longer than the call ends it with TIMEOUT, and a guard that does not hold ends it at once', async () => {
      await inDelay('delayed/b');
      const store = consul.open();
      const { id } = await store.grant(10_000);
      const late = store.commit([absent('delayed/b')], [put('delayed/b', '', id)], { timeoutMs: 500 });
      expect(await failureOf(late)).toMatchObject({ code: 'TIMEOUT', key: 'delayed/b' });
      await store.commit([], [put('delayed/held-off', '')]);
      const refused = await store.commit([absent('delayed/held-off')], [put('delayed/b', '', id)]);
      expect(refused.ok).toBe(false);
      expect((await store.read({ key: 'delayed/b' })).entries).toEqual([]);
      await store.revoke(id);
    });

    it('does not keep others off a key of another name, as the tickets of another session are', async () => {
      await inDelay('delayed/line/1');
      const store = consul.open(delayed);
      const { id } = await store.grant(10_000);
      const before = store.stats.requests['txn'] ?? 0;
      await store.commit([absent('delayed/line/2')], [put('delayed/line/2', '', id)]);
      expect((store.stats.requests['txn'] ?? 0) - before).toBe(1);
      await store.revoke(id);
    });
  });

  describe('a session', () => {
    interface Session {
      readonly Name: string;
      readonly Behavior: string;
      readonly LockDelay: number;
      readonly TTL: string;
      readonly NodeChecks: readonly string[] | null;
    }

    async function infoOf(id: string): Promise<Session | undefined> {
      return (JSON.parse(await consul.ask('GET', `session/info/${id}`)) as Session[])[0];
    }

    it('has no health checks and no lock-delay, deletes its keys, and says whose it is', async () => {
      const store = consul.open();
      const { id } = await store.grant(1_500);
      const info = await infoOf(id);
      expect(info).toMatchObject({ Behavior: 'delete', LockDelay: 0, TTL: '1500ms' });
      expect(info?.NodeChecks ?? []).toEqual([]);
      expect(info?.Name).toContain(String(process.pid));
      await store.revoke(id);
    });

    it('has the checks and the lock-delay that were asked for (hazard 78)', async () => {
      const store = consul.open({ session: { checks: ['serfHealth'], lockDelayMs: 2_000 } });
      const { id } = await store.grant(10_000);
      expect(await infoOf(id)).toMatchObject({ LockDelay: 2_000_000_000, NodeChecks: ['serfHealth'] });
      await store.revoke(id);
    });

    it('that another program made is renewed with the time that it was given', async () => {
      const store = consul.open();
      const { ID } = JSON.parse(await consul.ask('PUT', 'session/create', '{"TTL":"1m30s"}')) as { ID: string };
      expect(await store.renew(ID)).toEqual({ id: ID, ttlMs: 90_000 });
      await store.revoke(ID);
      expect((await failureOf(store.renew(ID))).code).toBe('LEASE_NOT_FOUND');
    });
  });

  describe('many watches', () => {
    it('stay within the connections they may have, and each sees its own', async () => {
      const store = consul.open({ connections: { watches: 4 } });
      const keys = Array.from({ length: 40 }, (_, n) => `wide/${n % 10}/${n}`);
      const watches = keys.map((key) => store.watch({ key }));
      for (const watch of watches) expect((await take(watch)).kind).toBe('snapshot');
      expect(store.stats.openPolls).toBeLessThanOrEqual(4);
      for (const [n, key] of keys.entries()) {
        await store.commit([], [put(key, 'v')]);
        const batch = await take(watches[n] as Watch);
        expect(batch).toMatchObject({ kind: 'changes', puts: [{ key }], deletes: [] });
      }
      for (const watch of watches.slice(1)) await watch.return();
      expect(store.stats.openPolls).toBe(1);
      await store.commit([], [put('wide/0/0', 'w'), put('wide/0/10', 'w')]);
      expect(await take(watches[0] as Watch)).toMatchObject({ puts: [{ key: 'wide/0/0' }] });
      await watches[0]?.return();
      expect(store.stats.openPolls).toBe(0);
    });

    it('of one range share a query', async () => {
      const store = consul.open();
      const watches = Array.from({ length: 20 }, () => store.watch({ prefix: 'shared/' }));
      for (const watch of watches) await take(watch);
      expect(store.stats.openPolls).toBe(1);
      const before = store.stats.requests['poll'] ?? 0;
      await store.commit([], [put('shared/k', '')]);
      for (const watch of watches) expect((await take(watch)).kind).toBe('changes');
      expect((store.stats.requests['poll'] ?? 0) - before).toBeLessThanOrEqual(2);
    });
  });

  it('hazard 74: a hot key costs no more than so many queries a second', async () => {
    const [store, writer] = [consul.open(), consul.open()];
    const absentKey = store.watch({ key: 'hot/nothing' });
    await take(absentKey);
    const before = store.stats.requests['poll'] ?? 0;
    const untilMs = performance.now() + 1_500;
    const ops: Op[] = [put('hot/key', '')];
    while (performance.now() < untilMs) await writer.commit([], ops);
    // A query about a key that is not there is woken by every write: two at once, then five a second.
    expect((store.stats.requests['poll'] ?? 0) - before).toBeLessThanOrEqual(12);
    expect(writer.stats.requests['txn'] ?? 0).toBeGreaterThan(30);
    await store.commit([], [put('hot/nothing', 'something')]);
    expect(await take(absentKey)).toMatchObject({ kind: 'changes' });
  });

  it('hazard 71: after the state was restored from a snapshot, watches show what is there now', async () => {
    const store = consul.open();
    const snapshot = await fetch(`${consul.address}/v1/snapshot`).then((answer) => answer.arrayBuffer());
    await store.commit([], [put('restored/k', 'later')]);
    const watch = store.watch({ prefix: 'restored/' });
    expect(await take(watch)).toMatchObject({ entries: [{ key: 'restored/k' }] });
    await fetch(`${consul.address}/v1/snapshot`, { method: 'PUT', body: snapshot });
    const batch = await take(watch);
    const left = batch.kind === 'snapshot' ? batch.entries : batch.deletes;
    expect(batch.kind === 'snapshot' ? left : [...left]).toEqual(batch.kind === 'snapshot' ? [] : ['restored/k']);
    await store.commit([], [put('restored/k', 'again')]);
    expect(await take(watch)).toMatchObject({ kind: 'changes', puts: [{ key: 'restored/k' }] });
  });
});
