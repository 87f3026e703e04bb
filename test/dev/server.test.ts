/** The server as a part of a program, with `coterie/dev`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Mutex } from 'coterie';
import { type DevServer, type DevServerOptions, startDevServer } from 'coterie/dev';
import { etcd } from 'coterie/etcd';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { startProxy } from '../servers/proxy.js';
import { until } from '../system/tools.js';
import { bytes, int, RawClient } from './wire.js';

const servers: DevServer[] = [];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coterie-server-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: DevServerOptions = {}): Promise<DevServer> {
  const server = await startDevServer(options);
  servers.push(server);
  return server;
}

test('takes a free port, tells where it is, and frees it when it is closed; closing twice does no harm', async () => {
  const server = await start();
  expect(server.endpoint).toBe(`http://127.0.0.1:${server.port}`);
  await expect(start({ port: server.port })).rejects.toMatchObject({ code: 'INVALID_OPTION', problem: 'in-use' });
  await server.close();
  await server.close();
  expect(await server.ended).toBeUndefined();
  expect((await start({ port: server.port })).port).toBe(server.port);
});

test('listens on IPv6 where that is asked for', async () => {
  const { endpoint, port } = await start({ host: '::1' });
  expect(endpoint).toBe(`http://[::1]:${port}`);
  const client = new RawClient(endpoint);
  expect(await client.status()).toMatchObject({ version: '3.5.0+coterie' });
  client.close();
});

test.each<[string, object]>([
  ['port', { port: -1 }],
  ['port', { port: 70_000 }],
  ['port', { port: '1' }],
  ['host', { host: '' }],
  ['host', { host: '192.0.2.1' }],
  ['data', { data: '' }],
  ['onNotice', { onNotice: 1 }],
  ['progressNotifyMs', { progressNotifyMs: 5 }],
  ['revisions', { history: { revisions: 0 } }],
  ['bytes', { history: { bytes: 1.5 } }],
  ['ports', { ports: [1] }],
])('refuses a wrong %s: %j', async (field, options) => {
  await expect(start(options)).rejects.toMatchObject({ name: 'CoordinationError', field });
});

test('two servers in one process are two clusters', async () => {
  const clients = [await start(), await start()].map(({ endpoint }) => etcd({ endpoints: [endpoint] }));
  const holds = await Promise.all(clients.map((client) => new Mutex(client, '/locks/job').acquire()));
  expect(holds.every((hold) => hold.isHeld())).toBe(true);
  for (const client of clients) await client.close();
});

test('in place of a server that was closed, with the same file: watches go on, and leases have their whole time again', async () => {
  const data = join(folder, 'data');
  const first = await start({ data });
  const client = new RawClient(first.endpoint);
  await client.grant({ ID: int(77), TTL: int(3) });
  await client.put({ key: bytes('a'), lease: int(77) });
  const { header } = (await client.put({ key: bytes('b') })) as { header: { revision: number } };
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await first.close();
  const second = await start({ data, port: first.port });
  const began = performance.now();
  const stream = client.watch();
  stream.send({ createRequest: { key: bytes('\0'), rangeEnd: bytes('\0'), startRevision: int(header.revision) } });
  expect(await stream.next()).toMatchObject({ created: true });
  expect(await stream.next()).toMatchObject({ events: [{ kv: { key: 'b' } }] });
  expect(await client.timeToLive({ ID: int(77), keys: true })).toMatchObject({ grantedTTL: 3, keys: ['a'] });
  expect(await stream.next()).toMatchObject({ events: [{ type: 1, kv: { key: 'a' } }] });
  expect(performance.now() - began).toBeGreaterThan(2_500);
  client.close();
  await second.close();
});

test('keeps nothing of streams that were cancelled, cut off or half-closed, and no timer once it is closed', async () => {
  const pending = new Set<object>();
  const clock: Clock = {
    ...systemClock,
    after: (ms, fire) => {
      const timer = {};
      pending.add(timer);
      const cancel = systemClock.after(ms, () => {
        pending.delete(timer);
        fire();
      });
      return () => {
        pending.delete(timer);
        cancel();
      };
    },
  };
  const server = await start({ clock });
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: server.port } });
  const [direct, cut] = [new RawClient(server.endpoint), new RawClient(`http://127.0.0.1:${proxy.port}`)];
  const streams = [direct.watch(), direct.watch(), cut.watch(), direct.keepAlive()] as const;
  for (const stream of streams.slice(0, 3)) {
    (stream as (typeof streams)[0]).send({ createRequest: { key: bytes('a') } });
    await stream.next();
  }
  // Each stream of watches has a timer, for its notices of progress.
  expect(pending.size).toBe(3);
  streams[0].cancel();
  streams[1].end();
  proxy.cut();
  await until('only the half-closed one', () => pending.size === 1);
  direct.close();
  await until('none', () => pending.size === 0);
  const other = new RawClient(server.endpoint);
  await other.grant({ ID: int(5), TTL: int(60) });
  expect(pending.size).toBe(1);
  await server.close();
  expect(pending.size).toBe(0);
  for (const client of [cut, other]) client.close();
  await proxy[Symbol.asyncDispose]();
});

test('ends with the reason where what changes can be kept no longer, and that change is not answered', async () => {
  const server = await start({ data: join(folder, 'data') });
  const client = new RawClient(server.endpoint);
  await client.put({ key: bytes('a') });
  // What is written to the file that was there still works; that it is written anew does not.
  rmSync(folder, { recursive: true });
  const value = new Uint8Array(1_500_000);
  const puts = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) await client.put({ key: bytes('a'), value });
  };
  // Cut off: whether it was applied cannot be told.
  await expect(puts()).rejects.toMatchObject({ code: status.CANCELLED });
  expect(await server.ended).toMatchObject({ code: 'ENOENT' });
  client.close();
});

test('lets go of the past beyond its limits, as if it had been compacted', async () => {
  const { endpoint } = await start({ history: { revisions: 10 } });
  const client = new RawClient(endpoint);
  for (let n = 0; n < 30; n++) await client.put({ key: bytes(`k${n}`) });
  await expect(client.range({ key: bytes('k1'), revision: int(5) })).rejects.toMatchObject({ code: 11 });
  expect(await client.range({ key: bytes('k1'), revision: int(21) })).toMatchObject({ count: 1 });
  const stream = client.watch();
  stream.send({ createRequest: { key: bytes('k1'), startRevision: int(5) } });
  await stream.next();
  expect(await stream.next()).toMatchObject({ canceled: true, compactRevision: 21 });
  client.close();
});

test('a client that reads too slowly is not buffered for without end, and is cancelled once what it missed is compacted', async () => {
  const { endpoint } = await start({ history: { revisions: 20 } });
  const [slow, other] = [new RawClient(endpoint), new RawClient(endpoint)];
  const stream = slow.watch();
  stream.send({ createRequest: { key: bytes('a') } });
  await stream.next();
  stream.pause();
  const value = new Uint8Array(500_000);
  for (let n = 0; n < 100; n++) await other.put({ key: bytes('a'), value });
  stream.resume();
  await until('the end of the watch', () => stream.received.some((one) => (one as { canceled?: boolean }).canceled));
  expect(stream.received.at(-1)).toMatchObject({ canceled: true, compactRevision: 81 });
  expect(stream.received.length).toBeLessThan(90);
  for (const client of [slow, other]) client.close();
});
