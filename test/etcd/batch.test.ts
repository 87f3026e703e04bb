import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absent, put, read } from '../../src/core/store.js';
import { etcd } from '../../src/etcd.js';
import { Mutex } from '../../src/recipes/mutex.js';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';

for (const version of ['3.4', '3.5'] as const) {
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`commits of one turn on etcd ${version}`, () => {
    let cluster: EtcdCluster;
    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 1 });
    });
    afterAll(() => cluster?.stop());

    test('two hundred locks are taken and given back in a few requests', async () => {
      const client = etcd({ endpoints: cluster.endpoints });
      await client.session();
      const holds = await Promise.all(Array.from({ length: 200 }, (_, i) => new Mutex(client, `/many/${i}`).acquire()));
      expect(holds.every((hold) => hold.isHeld())).toBe(true);
      expect(await Promise.all(holds.map((hold) => hold.release()))).toEqual(holds.map(() => true));
      expect(client.store.stats.unary['Txn']).toBeLessThanOrEqual(20);
      expect((await client.store.read({ prefix: '/many/' })).entries).toEqual([]);
      await client.close();
    });

    test('fifty waiters of one lock in one turn have fifty different places', async () => {
      const client = etcd({ endpoints: cluster.endpoints });
      const mutex = new Mutex(client, '/one');
      const tokens: bigint[] = [];
      await Promise.all(Array.from({ length: 50 }, () => mutex.run(({ token }) => void tokens.push(token))));
      expect(new Set(tokens).size).toBe(50);
      expect([...tokens].sort((a, b) => (a < b ? -1 : 1))).toEqual(tokens);
      await client.close();
    });

    test('a dead lease among them fails alone, and nothing is applied twice', async () => {
      const { store, ...client } = await connected();
      const dead = (await store.grant(2_000)).id;
      await store.revoke(dead);
      const keys = Array.from({ length: 20 }, (_, i) => `/some/${i}`);
      const results = await Promise.allSettled(
        keys.map((key, i) =>
          store.commit([absent(key)], [read({ key: `${key}/x` }), put(key, key, i === 7 ? dead : undefined)]),
        ),
      );
      const failed = results.flatMap((one, i) => (one.status === 'rejected' ? [[i, one.reason.code]] : []));
      expect(failed).toEqual([[7, 'LEASE_NOT_FOUND']]);
      expect(results.every((one) => one.status === 'rejected' || one.value.ok)).toBe(true);
      const { entries } = await store.read({ prefix: '/some/' });
      expect(entries.map(({ key }) => key).sort()).toEqual(keys.filter((_, i) => i !== 7).sort());
      await client.close();
    });

    test('each has its own guards, reads and otherwise', async () => {
      const { store, ...client } = await connected();
      await store.commit([], [put('/g/taken', 'before')]);
      const [fresh, taken] = await Promise.all([
        store.commit([absent('/g/new')], [put('/g/new', '1'), read({ key: '/g/new' })]),
        store.commit([absent('/g/taken')], [put('/g/taken', '2')], { otherwise: [{ key: '/g/taken' }] }),
      ]);
      expect(fresh.ok).toBe(true);
      expect(fresh.reads[0]?.[0]).toMatchObject({ created: fresh.revision, modified: fresh.revision });
      expect(taken.ok).toBe(false);
      expect(Buffer.from(taken.reads[0]?.[0]?.value ?? []).toString()).toBe('before');
      await client.close();
    });

    async function connected() {
      const client = etcd({ endpoints: cluster.endpoints });
      await client.session();
      return { store: client.store, close: () => client.close() };
    }
  });
}
