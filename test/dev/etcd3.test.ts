/** npm etcd3, which shares nothing with our transport but gRPC. */
import { type DevServer, startDevServer } from 'coterie/dev';
import { Etcd3 } from 'etcd3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { follow, soon, until } from '../system/tools.js';

let server: DevServer;
let etcd: Etcd3;

beforeEach(async () => {
  server = await startDevServer();
  etcd = new Etcd3({ hosts: server.endpoint });
});

afterEach(async () => {
  etcd.close();
  await server.close();
});

test('puts, gets, counts, deletes and compares', async () => {
  await etcd.put('a/1').value('one');
  await etcd.put('a/2').value('two');
  expect(await etcd.get('a/1').string()).toBe('one');
  expect(await etcd.getAll().prefix('a/').sort('Key', 'Descend').keys()).toEqual(['a/2', 'a/1']);
  expect(await etcd.getAll().prefix('a/').count()).toBe(2);
  const { succeeded } = await etcd.if('a/1', 'Value', '==', 'one').then(etcd.put('a/1').value('uno')).commit();
  expect(succeeded).toBe(true);
  expect((await etcd.delete().prefix('a/').getPrevious()).map(({ value }) => value.toString())).toEqual(['uno', 'two']);
  expect(await etcd.get('a/1')).toBeNull();
});

test('watches', async () => {
  const seen: string[] = [];
  const watcher = await etcd.watch().prefix('w/').create();
  watcher.on('put', ({ key, value }) => seen.push(`+${key}=${value}`));
  watcher.on('delete', ({ key }) => seen.push(`-${key}`));
  await etcd.put('w/a').value('1');
  await etcd.delete().key('w/a');
  await until('both', () => seen.length === 2);
  expect(seen).toEqual(['+w/a=1', '-w/a']);
  await watcher.cancel();
});

test('keeps leases alive, and gives them back with their keys', async () => {
  const lease = etcd.lease(2);
  await lease.put('l/a').value('1');
  expect(await lease.keepaliveOnce()).toMatchObject({ TTL: '2' });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await etcd.get('l/a').string()).toBe('1');
  await lease.revoke();
  expect(await etcd.get('l/a')).toBeNull();
});

test('locks: one at a time', async () => {
  const first = await etcd.lock('lock').ttl(10).acquire();
  await expect(etcd.lock('lock').ttl(10).acquire()).rejects.toThrow(/lock/i);
  await first.release();
  await (await etcd.lock('lock').ttl(10).acquire()).release();
});

test('elects: the next leads when the first resigns', async () => {
  const election = etcd.election('office', 10);
  const first = election.campaign('one');
  await soon('the first', new Promise((resolve) => first.once('elected', () => resolve(undefined))));
  expect(await election.leader()).toBe('one');
  const second = election.campaign('two');
  const elected = follow(new Promise((resolve) => second.once('elected', () => resolve(undefined))));
  await until('two in line', async () => (await etcd.getAll().prefix('election/office/').count()) === 2);
  expect(elected.outcome).toBe('pending');
  await first.resign();
  await soon('the second', elected.done);
  expect(await election.leader()).toBe('two');
  await second.resign();
});
