/** What people type: every command of etcdctl that the dev server answers, of both versions. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type EtcdCluster, startDev } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { Program } from '../system/program.js';
import { until } from '../system/tools.js';

for (const version of ['3.4', '3.5'] as const) {
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`etcdctl ${version}`, () => {
    let cluster: EtcdCluster;
    const programs: Program[] = [];

    beforeAll(async () => {
      cluster = await startDev(version);
    });

    afterEach(async () => {
      for (const program of programs.splice(0)) await program.end('SIGINT');
    });

    afterAll(() => cluster?.stop());

    const ctl = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await cluster.etcdctl(args);
      expect(code, stderr).toBe(0);
      return stdout.trimEnd();
    };
    const json = async (...args: string[]) => JSON.parse(await ctl(...args, '-w', 'json'));
    const beside = (...args: string[]): Program => {
      const program = new Program(cluster.spawnEtcdctl(args));
      programs.push(program);
      return program;
    };

    test('put, get and del', async () => {
      expect(await ctl('put', '/kv/a', '1')).toBe('OK');
      await ctl('put', '/kv/b', '2');
      expect(await ctl('put', '--prev-kv', '/kv/b', '3')).toBe('OK\n/kv/b\n2');
      expect(await ctl('get', '/kv/a')).toBe('/kv/a\n1');
      expect(await ctl('get', '--prefix', '/kv/', '--keys-only')).toBe('/kv/a\n\n/kv/b');
      expect(await ctl('get', '--prefix', '/kv/', '--sort-by=VALUE', '--order=DESCEND', '--print-value-only')).toBe(
        '3\n1',
      );
      expect(await ctl('get', '/kv/a', '/kv/c', '--limit=1')).toBe('/kv/a\n1');
      const { header } = await json('get', '/kv/b');
      expect(await ctl('get', '/kv/b', `--rev=${header.revision - 1}`)).toBe('/kv/b\n2');
      expect(await ctl('del', '--prefix', '/kv/', '--prev-kv')).toBe('2\n/kv/a\n1\n/kv/b\n3');
      expect(await ctl('get', '--prefix', '/kv/')).toBe('');
    });

    test('txn', async () => {
      await ctl('put', '/txn/a', '1');
      const input = 'value("/txn/a") = "1"\nversion("/txn/b") = "0"\n\nput /txn/b 2\nget /txn/a\n\nput /txn/c 3\n\n';
      const first = await cluster.etcdctl(['txn'], { input });
      expect(first.stdout).toBe('SUCCESS\n\nOK\n\n/txn/a\n1\n');
      const second = await cluster.etcdctl(['txn'], { input });
      expect(second.stdout).toBe('FAILURE\n\nOK\n');
      expect(await ctl('get', '/txn/c', '--print-value-only')).toBe('3');
    });

    test('watch, from now and from a revision', async () => {
      const { header } = await json('put', '/watch/a', '1');
      const watch = beside('watch', '--prefix', '/watch/', '--prev-kv', `--rev=${header.revision}`);
      expect([await watch.line(0), await watch.line(1), await watch.line(2)]).toEqual(['PUT', '/watch/a', '1']);
      await ctl('put', '/watch/a', '2');
      await watch.line(7);
      await ctl('del', '/watch/a');
      await watch.line(11);
      expect(watch.lines.slice(3).join(' ')).toMatch(/PUT \/watch\/a 1 \/watch\/a 2 DELETE \/watch\/a 2 \/watch\/a/);
    });

    test('lease grant, list, timetolive, keep-alive and revoke', async () => {
      const lease = /lease (\S+) granted with TTL\(60s\)/.exec(await ctl('lease', 'grant', '60'))?.[1] ?? '';
      await ctl('put', '--lease', lease, '/lease/a', '1');
      expect(await ctl('lease', 'list')).toContain(lease);
      expect(await ctl('lease', 'timetolive', lease, '--keys')).toMatch(/granted with TTL\(60s\).*\[\/lease\/a\]/);
      expect(await ctl('lease', 'keep-alive', '--once', lease)).toContain(`lease ${lease} keepalived with TTL(60)`);
      const keeping = beside('lease', 'keep-alive', lease);
      expect(await keeping.line(0)).toContain('keepalived');
      expect(await ctl('lease', 'revoke', lease)).toContain('revoked');
      expect(await ctl('get', '/lease/a')).toBe('');
      expect(await ctl('lease', 'timetolive', lease)).toContain('already expired');
    });

    test('lock and elect, one after the other', async () => {
      const first = beside('lock', '/lock');
      await first.line(0);
      const second = beside('lock', '/lock');
      await until(
        'two in line',
        async () => (await ctl('get', '--prefix', '/lock/', '--keys-only')).split('\n\n').length === 2,
      );
      expect(second.lines).toEqual([]);
      await first.end('SIGINT');
      expect(await second.line(0)).toMatch(/^\/lock\//);
      const leader = beside('elect', '/elect', 'me');
      expect(await leader.line(1)).toBe('me');
      const observer = beside('elect', '--listen', '/elect');
      expect(await observer.line(1)).toBe('me');
    });

    test('endpoint status and health, member list, compaction, alarms and defrag', async () => {
      // Without its scheme: of a whole URL etcdctl 3.4 makes an authority that Node's HTTP/2 refuses, for this command alone.
      const address = new URL(cluster.endpoints[0] ?? '').host;
      const [status] = await json('endpoint', 'status', `--endpoints=${address}`);
      expect(status.Status).toMatchObject({ version: expect.stringMatching(/^3\.5\.0\+coterie$/), raftTerm: 2 });
      expect(status.Status.leader).toBe(status.Status.header.member_id);
      const health = await cluster.etcdctl(['endpoint', 'health']);
      expect(health.stdout + health.stderr).toContain('is healthy');
      expect(await ctl('member', 'list')).toMatch(/, started, coterie-dev, , http:\/\/127\.0\.0\.1:\d+, false$/);
      const { header } = await json('put', '/c', '1');
      expect(await ctl('compaction', String(header.revision))).toBe(`compacted revision ${header.revision}`);
      const late = await cluster.etcdctl(['get', '/c', `--rev=${header.revision - 1}`]);
      expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('required revision has been compacted')]);
      expect(await ctl('alarm', 'list')).toBe('');
      await ctl('defrag', `--endpoints=${address}`);
    });

    test('what there is not is said to be so', async () => {
      for (const args of [
        ['user', 'list'],
        ['member', 'add', 'x', '--peer-urls=http://127.0.0.1:1'],
        ['auth', 'enable'],
      ]) {
        const { code, stderr } = await cluster.etcdctl(args);
        expect([code, stderr]).toEqual([1, expect.stringContaining('coterie dev: ')]);
      }
    });
  });
}
