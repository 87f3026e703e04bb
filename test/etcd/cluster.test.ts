import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { put, type Store } from '../../src/core/store.js';
import { isCoordinationError } from '../../src/errors.js';
import type { EtcdOptions } from '../../src/transport/etcd/options.js';
import { createEtcdStore, type EtcdStore } from '../../src/transport/etcd/store.js';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { startProxy } from '../servers/proxy.js';
import { waitFor } from '../servers/wait.js';

const stores: EtcdStore[] = [];
const later: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const run of later.splice(0)) await run();
});

function open(endpoints: string | readonly string[], options: Partial<EtcdOptions> = {}): EtcdStore {
  const store = createEtcdStore({ endpoints, ...options });
  stores.push(store);
  return store;
}

/** Writes 1, 2, 3, ... to the key; after an unknown outcome it finds out by reading, as a recipe does. */
async function writeOn(store: Store, key: string, n: number): Promise<void> {
  for (;;) {
    try {
      await store.commit([], [put(key, String(n))], { timeoutMs: 2_000 });
      return;
    } catch (error) {
      const mayPass = isCoordinationError(error) && (error.retryable || error.code === 'UNKNOWN_OUTCOME');
      if (!mayPass) throw error;
    }
  }
}

/** Follows one key until it has this value; fails if what is seen ever goes back. */
async function follow(store: Store, key: string, last: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const batch of store.watch({ key })) {
    const entries = batch.kind === 'snapshot' ? batch.entries : batch.puts;
    for (const { value } of entries) seen.push(Number(Buffer.from(value)));
    if (seen.at(-1) === last) break;
  }
  return seen;
}

const isSorted = (seen: readonly number[]): boolean => seen.every((n, at) => at === 0 || n >= (seen[at - 1] as number));

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`three nodes of etcd ${version}`, () => {
    let cluster: EtcdCluster;

    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 3 });
    });

    afterAll(() => cluster?.stop());

    it('lose their leader, and reads, commits, watches and renewals go on', async () => {
      const store = open(cluster.endpoints);
      const lease = await store.grant(30_000);
      const followed = follow(store, '/failover', 40);
      for (let n = 1; n <= 10; n++) await writeOn(store, '/failover', n);
      const leader = await cluster.leader();
      await leader.kill();
      for (let n = 11; n <= 40; n++) await writeOn(store, '/failover', n);
      expect((await store.renew(lease.id, { timeoutMs: 10_000 })).id).toBe(lease.id);
      const seen = await followed;
      expect(isSorted(seen)).toBe(true);
      expect(seen.at(-1)).toBe(40);
      expect(store.stats.openStreams).toBeLessThanOrEqual(2);
      await leader.start();
      await cluster.waitHealthy();
    });

    it('freeze where the client is connected, and the client goes elsewhere in time', async () => {
      const [node] = cluster.nodes;
      if (node === undefined) throw new Error('no node');
      const store = open(node.endpoint);
      await store.read({ key: 'k' });
      // The order of endpoints is the client's own affair: only one is given first, then all.
      const all = open(cluster.endpoints, { timeouts: { attemptMs: 500 } });
      await all.read({ key: 'k' });
      await node.pause();
      try {
        const startedMs = performance.now();
        for (let n = 0; n < 5; n++) await all.read({ key: 'k' });
        expect(performance.now() - startedMs).toBeLessThan(4_000);
      } finally {
        await node.resume();
        await cluster.waitHealthy();
      }
    });
  });

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`one node of etcd ${version}`, () => {
    let cluster: EtcdCluster;

    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 1 });
    });

    afterAll(() => cluster?.stop());

    const target = (): { host: string; port: number } => {
      const { hostname, port } = new URL(cluster.endpoints[0] as string);
      return { host: hostname, port: Number(port) };
    };

    it('compacts every 100 ms while connections break, and a watch ends up right', async () => {
      const proxy = await startProxy({ target: target() });
      later.push(() => proxy.close());
      const [writer, watcher] = [open(cluster.endpoints), open(`127.0.0.1:${proxy.port}`)];
      let stop = false;
      const compacting = (async () => {
        while (!stop) {
          const { revision } = await writer.read({ key: 'any' });
          await cluster.etcdctl(['compact', String(revision)]);
          proxy.cut();
        }
      })();
      const followed = follow(watcher, '/compacted', 400);
      for (let n = 1; n <= 400; n++) await writeOn(writer, '/compacted', n);
      const seen = await followed;
      stop = true;
      await compacting;
      expect(isSorted(seen)).toBe(true);
      expect(seen.at(-1)).toBe(400);
    });

    it('compacts behind an idle watch, which survives a broken connection and sees what comes', async () => {
      const proxy = await startProxy({ target: target() });
      later.push(() => proxy.close());
      const [writer, watcher] = [open(cluster.endpoints), open(`127.0.0.1:${proxy.port}`)];
      const watch = watcher.watch({ key: '/idle' });
      await watch.next();
      for (let n = 0; n < 50; n++) await writer.commit([], [put('/other', String(n))]);
      const { revision } = await writer.read({ key: '/idle' });
      await cluster.etcdctl(['compact', String(revision)]);
      proxy.cut();
      await waitFor(() => watcher.stats.streamsOpened === 2, { timeoutMs: 10_000, what: 'the watch is resumed' });
      await writer.commit([], [put('/idle', 'awake')]);
      const shown = async (): Promise<string | undefined> => {
        const { value } = await watch.next();
        const entries = value?.kind === 'snapshot' ? value.entries : value?.puts;
        return entries?.map((entry: { value: Uint8Array }) => `${Buffer.from(entry.value)}`).at(-1);
      };
      let last = await shown();
      while (last !== 'awake') last = await shown();
      expect(last).toBe('awake');
    });

    it('keeps namespaces apart, in reads, watches, deletes and what errors say', async () => {
      const [one, two, all] = [
        open(cluster.endpoints, { namespace: '/ns/one' }),
        open(cluster.endpoints, { namespace: '/ns/two' }),
        open(cluster.endpoints),
      ];
      const watch = one.watch({ prefix: '/k/' });
      await watch.next();
      await two.commit([], [put('/k/a', 'of two')]);
      await one.commit([], [put('/k/a', 'of one')]);
      expect((await watch.next()).value).toMatchObject({
        puts: [{ key: '/k/a', value: new Uint8Array(Buffer.from('of one')) }],
      });
      expect((await one.read({ prefix: '/k/' })).entries.map(({ key }) => key)).toEqual(['/k/a']);
      await one.commit([], [{ kind: 'delete', range: { prefix: '/k/' } }]);
      await expect(one.read({ key: 'x' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
      await expect(one.commit([], [put('x', '')])).rejects.toMatchObject({ code: 'INVALID_KEY' });
      expect(() => one.watch({ prefix: 'x/' })).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }));
      expect((await all.read({ prefix: '/ns/' })).entries.map(({ key }) => key)).toEqual(['/ns/two/k/a']);
    });

    it('sorts by age also where one commit made many keys, and a limit cuts through them', async () => {
      const store = open(cluster.endpoints);
      const keys = Array.from({ length: 60 }, (_, n) => `/tie/${String((n * 37) % 60).padStart(2, '0')}`);
      await store.commit(
        [],
        keys.map((key) => put(key, '')),
      );
      const sorted = [...keys].sort();
      for (const order of ['oldest', 'newest'] as const) {
        for (const limit of [1, 7, 59, 60, 61]) {
          const query = { prefix: '/tie/', order, limit } as const;
          const expected = sorted.slice(0, limit);
          expect((await store.read(query)).entries.map(({ key }) => key)).toEqual(expected);
          const { reads } = await store.commit([], [{ kind: 'read', query }]);
          expect(reads[0]?.map(({ key }) => key)).toEqual(expected);
        }
      }
    });

    it('is left for another endpoint when its connection goes dead under an idle watch', async () => {
      const proxy = await startProxy({ target: target() });
      later.push(() => proxy.close());
      const dead = `http://127.0.0.1:${proxy.port}`;
      // Without chance: the first endpoint is the one that will go dead.
      const timeouts = { keepAliveMs: 5_000, keepAliveTimeoutMs: 500 };
      const options = { endpoints: [dead, cluster.endpoints[0] as string], timeouts };
      const watcher = createEtcdStore(options, { random: () => 0 });
      stores.push(watcher);
      const watch = watcher.watch({ key: '/dead' });
      await watch.next();
      expect(proxy.connections).toBe(1);
      proxy.dropAll();
      await open(cluster.endpoints).commit([], [put('/dead', 'alive')]);
      const startedMs = performance.now();
      expect((await watch.next()).value).toMatchObject({ kind: 'changes', puts: [{ key: '/dead' }] });
      expect(performance.now() - startedMs).toBeLessThan(8_000);
    });

    it('refuses what is too large by its own code, and nothing of it is applied', async () => {
      const store = open(cluster.endpoints);
      const half = new Uint8Array(1_000_000);
      const commit = store.commit([], [put('/large/a', half), put('/large/b', half)]);
      await expect(commit).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' });
      expect((await store.read({ prefix: '/large/' })).entries).toEqual([]);
    });
  });

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`a full etcd ${version}`, () => {
    it('takes no more writes, and still lets go of what is held', async () => {
      const cluster = await startEtcd({ version, nodes: 1, flags: ['--quota-backend-bytes=16777216'] });
      later.push(() => cluster.stop());
      const store = open(cluster.endpoints);
      const lease = await store.grant(30_000);
      await store.commit([], [put('/held', '', lease.id)]);
      const fill = async (): Promise<never> => {
        for (let n = 0; ; n++) await store.commit([], [put(`/fill/${n}`, new Uint8Array(1_000_000))]);
      };
      await expect(fill()).rejects.toMatchObject({ code: 'NO_SPACE', retryable: false });
      expect((await store.renew(lease.id)).id).toBe(lease.id);
      expect((await store.commit([], [{ kind: 'delete', range: { key: '/held' } }])).ok).toBe(true);
      await store.revoke(lease.id);
    });
  });
