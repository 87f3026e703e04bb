import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, type EtcdCluster, startConsul, startEtcd } from './cluster.js';
import { hasServer } from './find.js';
import { httpGet } from './wait.js';

async function put(cluster: EtcdCluster, key: string, value: string): Promise<void> {
  const { code, stderr } = await cluster.etcdctl(['put', key, value]);
  expect(code, stderr).toBe(0);
}

async function read(cluster: EtcdCluster, key: string): Promise<string> {
  const { stdout, stderr, code } = await cluster.etcdctl(['get', '--print-value-only', key]);
  expect(code, stderr).toBe(0);
  return stdout.trimEnd();
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error('there is none');
  return item;
}

function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

for (const version of ['3.4', '3.5'] as const) {
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`one node of etcd ${version}`, () => {
    let cluster: EtcdCluster;
    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 1 });
    });
    afterAll(() => cluster?.stop());

    test('is the wanted version and leads itself', async () => {
      expect(cluster.version).toMatch(new RegExp(`^${version}\\.`));
      expect(await cluster.leader()).toBe(only(cluster.nodes));
      const { stdout } = await cluster.etcdctl(['endpoint', 'status', '--write-out=json']);
      expect(stdout).toContain(`"version":"${cluster.version}"`);
    });

    test('takes input and environment for etcdctl', async () => {
      const put = await cluster.etcdctl(['put', 'from-stdin'], { input: 'value\n' });
      expect(put.code, put.stderr).toBe(0);
      const { stdout } = await cluster.etcdctl(['get', 'from-stdin'], { env: { ETCDCTL_WRITE_OUT: 'json' } });
      expect(stdout).toContain(Buffer.from('value\n').toString('base64'));
    });

    test('keeps its data and its endpoint over kill and start', async () => {
      const node = only(cluster.nodes);
      const { endpoint, pid } = node;
      await put(cluster, 'kept', 'over kill');
      await node.kill();
      expect(node.state).toBe('stopped');
      expect(isRunning(pid)).toBe(false);
      await expect(httpGet(`${endpoint}/version`)).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
      await node.start();
      await node.waitHealthy();
      expect(node.endpoint).toBe(endpoint);
      expect(node.pid).not.toBe(pid);
      expect(await read(cluster, 'kept')).toBe('over kill');
      await node.restart();
      await node.waitHealthy();
      expect(await read(cluster, 'kept')).toBe('over kill');
    });

    test('answers nothing while paused, and goes on after', async () => {
      const node = only(cluster.nodes);
      await put(cluster, 'before', 'pause');
      await node.pause();
      expect(node.state).toBe('paused');
      const get = await cluster.etcdctl(['get', 'before', '--command-timeout=300ms', '--dial-timeout=300ms']);
      expect(get.code).not.toBe(0);
      await node.resume();
      await node.waitHealthy();
      expect(await read(cluster, 'before')).toBe('pause');
    });

    test('can be killed and stopped while paused', async () => {
      const node = only(cluster.nodes);
      await node.pause();
      await node.kill();
      await node.start();
      await node.waitHealthy();
      await node.pause();
      await node.stop();
      await node.start();
      await node.waitHealthy();
    });

    test('serves an etcdctl that runs long, and ends it with the cluster', async () => {
      const own = await startEtcd({ version, nodes: 1 });
      const holder = own.spawnEtcdctl(['lock', 'name']);
      const [line] = (await once(holder.stdout ?? holder, 'data')) as [Buffer];
      expect(line.toString()).toMatch(/^name\//);
      const ended = once(holder, 'exit');
      const { pid } = only(own.nodes);
      await own.stop();
      await ended;
      expect(isRunning(pid)).toBe(false);
    });

    test('says why, from its log, when a server does not come up', async () => {
      await expect(startEtcd({ version, nodes: 1, flags: ['--no-such-flag'] })).rejects.toThrow(/no-such-flag/);
    });
  });

  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`three nodes of etcd ${version}`, () => {
    let cluster: EtcdCluster;
    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 3 });
    });
    afterAll(() => cluster?.stop());

    test('elect another leader when theirs is killed; it comes back with the data', async () => {
      await put(cluster, 'term', '1');
      const old = await cluster.leader();
      await old.kill();
      const next = await cluster.leader();
      expect(next).not.toBe(old);
      await put(cluster, 'term', '2');
      await old.start();
      await cluster.waitHealthy();
      const own = await cluster.etcdctl(['--endpoints', old.endpoint, 'get', '--print-value-only', 'term']);
      expect(own.stdout.trimEnd()).toBe('2');
    });

    test('elect another leader when theirs is paused', async () => {
      const old = await cluster.leader();
      await old.pause();
      expect(await cluster.leader()).not.toBe(old);
      await old.resume();
      await cluster.waitHealthy();
    });

    test('are not healthy without a majority', async () => {
      const [first, second, third] = cluster.nodes;
      await Promise.all([first?.kill(), second?.kill()]);
      await expect(third?.waitHealthy(1_500)).rejects.toThrow(/not within 1500 ms/);
      await Promise.all([first?.start(), second?.start()]);
      await cluster.waitHealthy();
    });
  });
}

describe.skipIf(!(await hasServer('consul-1.8')))('Consul', () => {
  const leaderOf = (cluster: Cluster) => httpGet(`${cluster.endpoints[0]}/v1/status/leader`);

  test('one node answers who leads, and keeps its data over kill and start', async () => {
    await using cluster = await startConsul({ nodes: 1 });
    expect(cluster.version).toMatch(/^1\.8\./);
    expect((await leaderOf(cluster)).body).toMatch(/^"[\d.]+:\d+"$/);
    const put = await cluster.consul(['kv', 'put', 'kept', 'over kill']);
    expect(put.code, put.stderr).toBe(0);
    const node = only(cluster.nodes);
    await node.kill();
    await node.start();
    await node.waitHealthy();
    expect((await cluster.consul(['kv', 'get', 'kept'])).stdout.trimEnd()).toBe('over kill');
  });

  test('three nodes elect another leader when theirs is killed', async () => {
    await using cluster = await startConsul({ nodes: 3 });
    const old = await cluster.leader();
    await old.kill();
    const next = await cluster.leader();
    expect(next).not.toBe(old);
    await old.start();
    await cluster.waitHealthy();
  });
});
