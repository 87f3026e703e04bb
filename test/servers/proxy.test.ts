import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FaultProxy, startProxy } from './proxy.js';
import { waitFor } from './wait.js';

/** One end of a connection, with all that it has got so far. */
class End {
  readonly socket: Socket;
  got = '';
  ended = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.got += text;
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', (error) => {
      this.error = error;
    });
  }

  has(text: string): Promise<boolean> {
    return waitFor(() => this.got === text, { timeoutMs: 5_000, intervalMs: 1, what: `got ${text.slice(0, 20)}` });
  }

  isReset(): Promise<boolean> {
    return waitFor(() => this.error?.code === 'ECONNRESET', { timeoutMs: 5_000, what: 'a reset' });
  }
}

describe('the proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  const ends: End[] = [];

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startProxy({ target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } });
  });

  afterEach(async () => {
    for (const { socket } of ends.splice(0)) socket.destroy();
    await proxy.close();
    server.close();
  });

  async function pair(): Promise<{ client: End; remote: End }> {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = new End(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    const remote = new End((await accepted)[0]);
    ends.push(client, remote);
    return { client, remote };
  }

  test('passes bytes and ends, both ways', async () => {
    const { client, remote } = await pair();
    expect(proxy.url).toBe(`http://127.0.0.1:${proxy.port}`);
    client.socket.end('question');
    await remote.has('question');
    await waitFor(() => remote.ended, { timeoutMs: 5_000, what: 'the end of the question' });
    const long = 'answer'.repeat(1_000_000);
    remote.socket.end(long);
    await client.has(long);
    await waitFor(() => proxy.connections === 0, { timeoutMs: 5_000, what: 'no connection' });
  });

  test('passes on that a server resets or is not there', async () => {
    const { client, remote } = await pair();
    remote.socket.resetAndDestroy();
    await client.isReset();
    server.close();
    await once(server, 'close');
    const late = new End(connect(proxy.port, '127.0.0.1'));
    ends.push(late);
    await late.isReset();
  });

  test('delay: later, in order, and no longer after heal', async () => {
    const { client, remote } = await pair();
    proxy.delay(150);
    const started = performance.now();
    for (const part of ['1', '2', '3']) client.socket.write(part);
    await remote.has('123');
    expect(performance.now() - started).toBeGreaterThanOrEqual(145);
    proxy.delay(60_000);
    client.socket.write('4');
    await waitFor(() => proxy.held === 1, { timeoutMs: 5_000, what: 'held back' });
    proxy.heal();
    await remote.has('1234');
  });

  test('throttle: no faster than told', async () => {
    const { client, remote } = await pair();
    proxy.throttle(100_000);
    const started = performance.now();
    client.socket.write('x'.repeat(30_000));
    await remote.has('x'.repeat(30_000));
    expect(performance.now() - started).toBeGreaterThanOrEqual(250);
  });

  test('dropAll: swallows both ways, keeps the sockets, and heals with a reset', async () => {
    const { client, remote } = await pair();
    client.socket.write('before');
    await remote.has('before');
    proxy.dropAll();
    client.socket.write('lost');
    remote.socket.end('lost too');
    await waitFor(() => proxy.swallowed === 12, { timeoutMs: 5_000, what: 'both swallowed' });
    expect(proxy.connections).toBe(1);
    expect([client.ended, client.error, remote.error]).toEqual([false, undefined, undefined]);
    proxy.heal();
    await Promise.all([client.isReset(), waitFor(() => remote.socket.destroyed, { timeoutMs: 5_000, what: 'closed' })]);
    expect([client.got, remote.got]).toEqual(['', 'before']);
    const next = await pair();
    next.client.socket.write('after');
    await next.remote.has('after');
  });

  test('dropAll: a connection of which nothing was swallowed goes on after heal', async () => {
    const { client, remote } = await pair();
    proxy.dropAll();
    proxy.heal();
    client.socket.write('still here');
    await remote.has('still here');
  });

  test.each([
    ['dropToServer', 'client', 'remote'],
    ['dropToClient', 'remote', 'client'],
  ] as const)('%s: one way only', async (verb, mute, deaf) => {
    const both = await pair();
    proxy[verb]();
    both[mute].socket.write('lost');
    both[deaf].socket.write('heard');
    await both[mute].has('heard');
    await waitFor(() => proxy.swallowed === 4, { timeoutMs: 5_000, what: 'swallowed' });
    proxy.heal();
    await both[deaf].isReset();
    expect(both[deaf].got).toBe('');
  });

  test('hold: keeps everything back until heal', async () => {
    const { client, remote } = await pair();
    proxy.hold();
    client.socket.write('late');
    await waitFor(() => proxy.held === 4, { timeoutMs: 5_000, what: 'held back' });
    expect(remote.got).toBe('');
    proxy.heal();
    await remote.has('late');
  });

  test('cut: resets what there is; new connections go on', async () => {
    const { client, remote } = await pair();
    proxy.cut();
    await Promise.all([client.isReset(), remote.isReset()]);
    const next = await pair();
    next.client.socket.write('new');
    await next.remote.has('new');
  });

  test('refuse: resets new connections; those there are go on', async () => {
    const { client, remote } = await pair();
    proxy.refuse();
    const refused = new End(connect(proxy.port, '127.0.0.1'));
    ends.push(refused);
    await refused.isReset();
    client.socket.write('old');
    await remote.has('old');
    expect(proxy.connections).toBe(1);
    proxy.heal();
    const next = await pair();
    next.client.socket.write('new');
    await next.remote.has('new');
  });
});
