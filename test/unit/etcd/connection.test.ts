import { constants, createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/core/clock.js';
import { put } from '../../../src/core/store.js';
import { createEtcdStore } from '../../../src/transport/etcd/store.js';
import { codeOf, failureOf } from '../../rejections.js';
import { waitFor } from '../../servers/wait.js';
import { fakeEtcd, later, storeOn, tidyUp } from './tools.js';

tidyUp();

const shortly = (condition: () => unknown, what: string): Promise<unknown> => {
  return waitFor(condition, { timeoutMs: 5_000, intervalMs: 2, what });
};

async function listening(server: Server | ReturnType<typeof createHttp2>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface RawServer {
  readonly endpoint: string;
  readonly sockets: Set<Socket>;
  readonly connects: () => number;
}

/** A TCP server that does this to every connection. */
async function rawServer(onSocket: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let connects = 0;
  const server = createServer((socket) => {
    connects++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    onSocket(socket);
  });
  const endpoint = await listening(server);
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { endpoint, sockets, connects: () => connects };
}

const blackHole = (): Promise<RawServer> => rawServer((socket) => socket.resume());

/** An HTTP/2 server that does this to every request once it has come whole. */
async function http2Server(
  onRequest: (stream: ServerHttp2Stream) => void,
): Promise<{ endpoint: string; count: () => number }> {
  let count = 0;
  const server = createHttp2();
  server.on('session', (session) => later(() => session.destroy()));
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.resume();
    stream.on('end', () => {
      count++;
      onRequest(stream);
    });
  });
  const endpoint = await listening(server);
  later(() => server.close());
  return { endpoint, count: () => count };
}

const nowhere = 'http://127.0.0.1:1';
const commit = [[], [put('k', 'v')]] as const;
const fast = { connectMs: 100, attemptMs: 100, callMs: 2_000 };

describe('a connection', () => {
  it('that never gets its first frame is left for the next endpoint in time, and closed', async () => {
    const [silent, good] = [await blackHole(), await fakeEtcd()];
    const store = storeOn([silent.endpoint, good.endpoint], { timeouts: fast });
    const startedMs = systemClock.now();
    expect((await store.commit(...commit)).ok).toBe(true);
    expect(systemClock.now() - startedMs).toBeLessThan(1_000);
    await shortly(() => silent.sockets.size === 0, 'the connection is closed');
    expect(good.count('Txn')).toBe(1);
  });

  it('that never gets its first frame makes no commit unknown: nothing was sent', async () => {
    const silent = await blackHole();
    const store = storeOn(silent.endpoint, { timeouts: fast });
    const error = await failureOf(store.commit([], [put('k', 'v')], { timeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
  });

  it('that is refused makes nothing unknown either', async () => {
    const store = storeOn(nowhere, { retry: { attempts: 2, baseMs: 1 } });
    expect(await failureOf(store.commit(...commit))).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(await codeOf(store.read({ key: 'k' }))).toBe('UNAVAILABLE');
    expect(await codeOf(store.grant(5_000))).toBe('UNAVAILABLE');
    expect(await codeOf(store.renew('1', { timeoutMs: 100 }))).toBe('TIMEOUT');
  });

  it('is not tried in a hurry while it fails, however many calls want it', async () => {
    const server = await rawServer((socket) => socket.destroy());
    const store = storeOn(server.endpoint, { retry: { attempts: 100, baseMs: 1, capMs: 10 } });
    const startedMs = systemClock.now();
    await Promise.all(Array.from({ length: 50 }, () => codeOf(store.read({ key: 'k' }, { timeoutMs: 700 }))));
    expect(server.connects()).toBeLessThanOrEqual(2 + (systemClock.now() - startedMs) / 50);
  });

  it('that is torn at whatever byte gives a coded error, and nothing uncaught', async () => {
    for (let bytes = 1; bytes <= 400; bytes += 21) {
      const server = await rawServer((socket) => {
        let got = 0;
        socket.write(Buffer.from('000000040000000000', 'hex'));
        socket.on('data', (chunk: Buffer) => {
          got += chunk.length;
          if (got >= bytes) socket.destroy();
        });
      });
      const store = storeOn(server.endpoint, { retry: { attempts: 1 }, timeouts: fast });
      const watch = store.watch({ key: 'k' }, { timeoutMs: 50 });
      const [read, write] = await Promise.all([codeOf(store.read({ key: 'k' })), codeOf(store.commit(...commit))]);
      expect(['UNAVAILABLE', 'TIMEOUT', 'PROTOCOL_ERROR']).toContain(read);
      expect(['UNAVAILABLE', 'TIMEOUT', 'UNKNOWN_OUTCOME']).toContain(write);
      expect(await codeOf(watch.next())).toBe('TIMEOUT');
      await store.close();
    }
  });
});

describe('a commit', () => {
  it('is sent once to a server that closes the connection after reading it, and is unknown', async () => {
    const server = await http2Server((stream) => stream.session?.destroy());
    const store = storeOn([server.endpoint, (await fakeEtcd()).endpoint]);
    expect(await failureOf(store.commit(...commit))).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false });
    expect(server.count()).toBe(1);
  });

  it.each([
    ['CANCEL', constants.NGHTTP2_CANCEL],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
    ['PROTOCOL_ERROR', constants.NGHTTP2_PROTOCOL_ERROR],
    ['ENHANCE_YOUR_CALM', constants.NGHTTP2_ENHANCE_YOUR_CALM],
    ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
  ])('is unknown, and sent once, when the server resets its stream with %s', async (_, code) => {
    const server = await http2Server((stream) => stream.close(code));
    const store = storeOn([server.endpoint, (await fakeEtcd()).endpoint]);
    expect(await codeOf(store.commit(...commit))).toBe('UNKNOWN_OUTCOME');
    expect(server.count()).toBe(1);
  });

  it('is sent elsewhere when the server refuses its stream, which says that it was not looked at', async () => {
    const server = await http2Server((stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    const good = await fakeEtcd();
    expect((await storeOn([server.endpoint, good.endpoint]).commit(...commit)).ok).toBe(true);
    expect([server.count(), good.count('Txn')]).toEqual([1, 1]);
  });

  it('is never sent twice to a server that says goodbye in the middle of it', async () => {
    const server = await http2Server((stream) => {
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
      stream.session?.destroy();
    });
    const store = storeOn(server.endpoint, { retry: { attempts: 3, baseMs: 1 } });
    expect(['UNKNOWN_OUTCOME', 'UNAVAILABLE']).toContain(await codeOf(store.commit(...commit)));
    expect(server.count()).toBe(1);
  });

  it('is unknown when a proxy on the way answers for the server', async () => {
    const server = await http2Server((stream) => stream.respond({ ':status': 502 }, { endStream: true }));
    expect(await codeOf(storeOn(server.endpoint).commit(...commit))).toBe('UNKNOWN_OUTCOME');
    expect(server.count()).toBe(1);
  });

  it.each([
    ['that cannot be read', [0, 0, 0, 0, 2, 0x0a, 0xff]],
    ['that is not there', []],
  ])('is unknown when the server says that all is well, with an answer %s', async (_, body) => {
    const server = await http2Server((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from(body));
    });
    const store = storeOn(server.endpoint, { retry: { attempts: 1 } });
    expect(await codeOf(store.commit(...commit))).toBe('UNKNOWN_OUTCOME');
    expect(await codeOf(store.read({ key: 'k' }))).toBe('PROTOCOL_ERROR');
    expect(server.count()).toBe(2);
  });

  it('is unknown when no answer comes in its time, and is not repeated', async () => {
    const fake = await fakeEtcd();
    fake.on('Txn', () => 'silence');
    const error = await failureOf(storeOn(fake.endpoint).commit([], [put('k', 'v')], { timeoutMs: 80 }));
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false });
    expect(fake.count('Txn')).toBe(1);
  });

  it('still gets its answer when others have given its connection up', async () => {
    const fake = await fakeEtcd();
    let reads = 0;
    fake.on('Range', () => (reads++ === 0 ? 'silence' : {}));
    fake.on('Txn', () => 'silence');
    const store = storeOn(fake.endpoint, { timeouts: { attemptMs: 60, callMs: 700 } });
    const pending = codeOf(store.commit([], [put('k', 'v')], { timeoutMs: 400 }));
    await shortly(() => fake.count('Txn') === 1, 'the commit is under way');
    await store.read({ key: 'k' });
    // Had its connection been torn, it would have ended before its own time.
    const startedMs = systemClock.now();
    expect(await pending).toBe('UNKNOWN_OUTCOME');
    expect(systemClock.now() - startedMs).toBeGreaterThan(100);
  });
});

describe('a read', () => {
  it('is repeated elsewhere when its endpoint does not answer', async () => {
    const [silent, good] = [await fakeEtcd(), await fakeEtcd()];
    silent.on('Range', () => 'silence');
    const store = storeOn([silent.endpoint, good.endpoint], { timeouts: { attemptMs: 60 } });
    expect((await store.read({ key: 'k' })).revision).toBe(10n);
    await store.read({ key: 'k' });
    expect([silent.count('Range'), good.count('Range')]).toEqual([1, 2]);
  });

  it('goes to those that did not fail before it goes back to one that did', async () => {
    const fakes = [await fakeEtcd(), await fakeEtcd(), await fakeEtcd()] as const;
    for (const fake of fakes.slice(0, 2)) fake.on('Range', () => ({ code: 14, details: 'etcdserver: server stopped' }));
    const store = storeOn(
      fakes.map(({ endpoint }) => endpoint),
      { retry: { baseMs: 1 } },
    );
    await store.read({ key: 'k' });
    expect(fakes.map((fake) => fake.count('Range'))).toEqual([1, 1, 1]);
    await store.read({ key: 'k' });
    expect(fakes.map((fake) => fake.count('Range'))).toEqual([1, 1, 2]);
  });

  it('rejects with TIMEOUT after its own time', async () => {
    const fake = await fakeEtcd();
    fake.on('Range', () => 'silence');
    const startedMs = systemClock.now();
    expect(await codeOf(storeOn(fake.endpoint).read({ key: 'k' }, { timeoutMs: 80 }))).toBe('TIMEOUT');
    expect(systemClock.now() - startedMs).toBeLessThan(1_000);
  });
});

describe('close', () => {
  it('ends calls that wait for an answer, a connection, a back-off or a snapshot, and leaves no timer', async () => {
    const timers = new Set<object>();
    const clock: Clock = {
      ...systemClock,
      after: (ms, fire) => {
        const timer = {};
        timers.add(timer);
        const cancel = systemClock.after(ms, () => {
          timers.delete(timer);
          fire();
        });
        return () => {
          timers.delete(timer);
          cancel();
        };
      },
    };
    const [fake, silent] = [await fakeEtcd(), await blackHole()];
    fake.on('Range', () => 'silence');
    fake.on('LeaseGrant', () => ({ code: 14, details: 'etcdserver: no leader' }));
    fake.onKeepAlive = () => {};
    const stores = [fake.endpoint, silent.endpoint, nowhere].map((endpoints) => {
      return createEtcdStore({ endpoints, retry: { attempts: 100 } }, { clock });
    });
    const calls = stores.flatMap((store) => [
      store.read({ key: 'k' }),
      store.grant(5_000),
      store.renew('1'),
      store.watch({ key: 'k' }).next(),
    ]);
    const codes = Promise.all(calls.map(codeOf));
    await shortly(() => fake.count('LeaseGrant') > 1 && fake.leaseStreams.length === 1, 'all are under way');
    await Promise.all(stores.map((store) => store.close()));
    expect(new Set(await codes)).toEqual(new Set(['CLOSED']));
    await shortly(() => timers.size === 0, 'no timer is left');
    await shortly(() => silent.sockets.size === 0, 'no connection is left');
    for (const store of stores) expect(store.stats.openStreams).toBe(0);
  });

  it('is also the end of a call that was about to be repeated', async () => {
    const store = storeOn(nowhere);
    const pending = codeOf(store.commit(...commit));
    await store.close();
    expect(await pending).toBe('CLOSED');
  });
});

describe('abort', () => {
  it('rejects at once with the reason, wherever the call is', async () => {
    const [fake, silent] = [await fakeEtcd(), await blackHole()];
    fake.on('Range', () => 'silence');
    const reason = new Error('no longer needed');
    for (const endpoint of [fake.endpoint, silent.endpoint, nowhere]) {
      const controller = new AbortController();
      const pending = storeOn(endpoint).read({ key: 'k' }, { signal: controller.signal });
      controller.abort(reason);
      await expect(pending).rejects.toBe(reason);
    }
  });
});
