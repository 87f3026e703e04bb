import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { consul } from '../../../src/consul.js';
import { put, type Store } from '../../../src/core/store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import type { FakeConsul, Kind } from './fake-consul.js';
import { fakeConsul, later, listenersOf, next, passUntil, shortly, storeOn, tidyUp, turns } from './tools.js';

tidyUp();

const kinds: readonly Kind[] = ['txn', 'read', 'grant', 'renew', 'revoke', 'poll'];

/** Every call, with these options. */
function everyCall(store: Store, options: { signal?: AbortSignal } = {}): [string, () => Promise<unknown>][] {
  return [
    ['read', () => store.read({ key: 'k' }, options)],
    ['commit', () => store.commit([], [put('k', 'v')], options)],
    ['grant', () => store.grant(10_000, options)],
    ['renew', () => store.renew('s', options)],
    ['revoke', () => store.revoke('s', options)],
    ['watch', async () => store.watch({ key: 'k' }, options).next()],
  ];
}

const silent = (fake: FakeConsul): void => {
  for (const kind of kinds) fake.on(kind, () => 'silence');
};

const failing = (fake: FakeConsul): void => {
  for (const kind of kinds) fake.on(kind, () => ({ status: 500, body: 'No cluster leader' }));
};

const states: readonly [string, (fake: FakeConsul) => void][] = [
  ['wait for an answer', silent],
  ['wait to be made again', failing],
];

describe('a read in the past', () => {
  it('is refused before anything is sent', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    expect(await codeOf(store.read({ key: 'k' }, { revision: 1n }))).toBe('UNSUPPORTED');
    expect(store.stats.requests).toEqual({});
  });
});

describe('close', () => {
  it.each(states)('rejects calls that %s with CLOSED, and leaves no socket and no timer', async (_, setUp) => {
    const fake = await fakeConsul();
    setUp(fake);
    const clock = new VirtualClock();
    const store = storeOn(fake, { retry: { attempts: 1_000 } }, clock);
    const codes = Promise.all(everyCall(store).map(([, call]) => codeOf(call())));
    await shortly(() => kinds.every((kind) => kind === 'poll' || fake.count(kind) > 0), 'all are under way');
    await store.close();
    expect(new Set(await codes)).toEqual(new Set(['CLOSED']));
    await shortly(() => fake.sockets.size === 0, 'no connection is left');
    expect([clock.pending, store.stats.openPolls]).toEqual([0, 0]);
  });

  it('rejects a commit that waits for a lock-delay to pass', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const store = storeOn(fake, {}, clock);
    fake.kv.delayed.add('k');
    const { id } = await store.grant(10_000);
    const code = codeOf(store.commit([], [put('k', 'v', id)]));
    await shortly(() => fake.count('txn') === 1 && clock.pending > 0, 'the wait');
    await store.close();
    expect([await code, clock.pending]).toEqual(['CLOSED', 0]);
  });

  it('rejects calls that wait for a connection', async () => {
    const fake = await fakeConsul();
    silent(fake);
    const store = storeOn(fake, { connections: { calls: 1 } });
    const codes = Promise.all(Array.from({ length: 5 }, (_, n) => codeOf(store.read({ key: `k${n}` }))));
    await shortly(() => fake.count('read') === 1, 'the first is under way');
    await store.close();
    expect(await codes).toEqual(Array.from({ length: 5 }, () => 'CLOSED'));
    expect(fake.seen.length).toBe(1);
  });

  it('rejects calls that wait for the token, and watches that wait for changes', async () => {
    const fake = await fakeConsul();
    const waiting = storeOn(fake, { token: () => new Promise<string>(() => {}) });
    const codes = Promise.all(everyCall(waiting).map(([, call]) => codeOf(call())));
    await waiting.close();
    expect(new Set(await codes)).toEqual(new Set(['CLOSED']));
    const store = storeOn(fake);
    const watch = store.watch({ key: 'k' });
    await next(watch);
    await shortly(() => fake.openPolls === 1, 'a poll');
    const pending = codeOf(next(watch));
    await store.close();
    expect(await pending).toBe('CLOSED');
    await shortly(() => fake.openPolls === 0 && fake.sockets.size === 0, 'the poll is closed');
  });

  it('lets nothing be sent after it, may be repeated, and is what await using does', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    await store.read({ key: 'k' });
    await Promise.all([store.close(), store.close()]);
    await store[Symbol.asyncDispose]();
    const before = fake.seen.length;
    for (const [name, call] of everyCall(store)) expect([name, await codeOf(call())]).toEqual([name, 'CLOSED']);
    expect(fake.seen.length).toBe(before);
    await shortly(() => fake.sockets.size === 0, 'no connection is left');
  });

  it('of a store that was never used does nothing', async () => {
    const fake = await fakeConsul();
    await storeOn(fake).close();
    expect(fake.connects).toBe(0);
  });
});

describe('abort', () => {
  it.each(states)('of calls that %s rejects at once with its reason, and leaves nothing behind', async (_, setUp) => {
    const fake = await fakeConsul();
    setUp(fake);
    const clock = new VirtualClock();
    const store = storeOn(fake, { retry: { attempts: 1_000 } }, clock);
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = listenersOf(signal);
    const calls = everyCall(store, { signal }).map(([, call]) => call());
    const errors = Promise.all(calls.map((call) => call.catch((error: unknown) => error)));
    await shortly(() => kinds.every((kind) => kind === 'poll' || fake.count(kind) > 0), 'all are under way');
    const reason = { not: 'even an Error' };
    controller.abort(reason);
    expect((await errors).map((error) => error === reason)).toEqual(calls.map(() => true));
    await shortly(() => fake.of('read').every(({ gone }) => gone) || setUp === failing, 'requests are closed');
    expect([clock.pending, listeners.size, store.stats.openPolls]).toEqual([0, 0, 0]);
    for (const kind of kinds) fake.on(kind, (_, plain) => plain());
    expect((await store.read({ key: 'other' })).entries).toEqual([]);
  });

  it('before a call sends nothing', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const reason = new Error('no need');
    for (const [, call] of everyCall(store, { signal: AbortSignal.abort(reason) }))
      await expect(call()).rejects.toBe(reason);
    expect(fake.connects).toBe(0);
  });

  it('of one call that waits for a connection leaves the others their turn', async () => {
    const fake = await fakeConsul();
    let letGo = (): void => {};
    fake.next(
      'read',
      (_, plain) =>
        new Promise((resolve) => {
          letGo = () => resolve(plain());
        }),
    );
    const store = storeOn(fake, { connections: { calls: 1 } });
    const controller = new AbortController();
    const first = store.read({ key: 'a' });
    await shortly(() => fake.count('read') === 1, 'the first is under way');
    const second = store.read({ key: 'b' }, { signal: controller.signal });
    const third = store.read({ key: 'c' });
    controller.abort(new Error('enough'));
    await expect(second).rejects.toBe(controller.signal.reason);
    letGo();
    await Promise.all([first, third]);
    expect(fake.of('read').map(({ range }) => range.text)).toEqual(['a', 'c']);
  });
});

describe('a call that has ended', () => {
  it('leaves no listener, no timer and no request', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const store = storeOn(fake, {}, clock);
    const { signal } = new AbortController();
    const listeners = listenersOf(signal);
    const { id } = await store.grant(10_000, { signal });
    await store.renew(id, { signal });
    await store.read({ prefix: 'k/' }, { signal, timeoutMs: 1_000 });
    await store.commit([], [put('k', 'v', id)], { signal, timeoutMs: 1_000 });
    await store.revoke(id, { signal });
    expect([clock.pending, listeners.size]).toEqual([0, 0]);
    expect(fake.seen.every(({ gone }) => !gone)).toBe(true);
  });
});

describe('a connection', () => {
  it('that is accepted but never becomes one of TLS leaves nothing unknown: nothing was sent', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    later(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo; // It listens on a port.
    const clock = new VirtualClock();
    const store = storeOn(`https://127.0.0.1:${port}`, { retry: { attempts: 1 }, timeouts: { connectMs: 500 } }, clock);
    const codes = Promise.all([store.commit([], [put('k', 'v')]), store.read({ key: 'k' })].map(codeOf));
    await shortly(() => sockets.size === 2, 'both are under way');
    await clock.advance(500);
    for (const code of await codes) expect(code).toMatch(/^(?:UNAVAILABLE|TIMEOUT)$/);
    expect(clock.pending).toBe(0);
    await shortly(() => sockets.size === 0, 'no connection is left');
  });

  it('that the server closes while nobody uses it is replaced, and nobody notices', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    await store.read({ key: 'k' });
    for (const socket of fake.sockets) socket.destroy();
    await shortly(() => fake.sockets.size === 0, 'it is closed');
    await turns();
    expect((await store.commit([], [put('k', 'v')])).ok).toBe(true);
    expect(fake.connects).toBe(2);
  });
});

describe('a session', () => {
  it('is lost when its renewal says so, though the watches hear nothing (hazard 80)', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const client = consul({ address: fake.address, ttlMs: 10_000, clock, random: () => 0.5 });
    later(() => client.store.close());
    fake.on('poll', () => 'silence');
    const session = await client.openSession();
    const watch = client.store.watch({ key: 'k' });
    await next(watch);
    fake.kv.end(session.lease);
    await passUntil(clock, () => session.state.kind === 'lost', 'the loss');
    expect(fake.count('renew')).toBeGreaterThan(0);
    expect(clock.now()).toBeLessThan(10_000);
  });

  it('is renewed on and on while the servers have no leader, and lost only at its deadline (hazard 79)', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    const client = consul({ address: fake.address, ttlMs: 10_000, clock, random: () => 0.5 });
    later(() => client.store.close());
    const session = await client.openSession();
    fake.on('renew', () => ({ status: 500, body: 'No cluster leader' }));
    await passUntil(clock, () => clock.now() >= 9_000, 'nine seconds');
    expect(session.state.kind).toBe('uncertain');
    expect(fake.count('renew')).toBeGreaterThan(3);
    fake.on('renew', (_, plain) => plain());
    await passUntil(clock, () => session.state.kind === 'live', 'a renewal', 10);
    fake.on('renew', () => ({ status: 500, body: 'No cluster leader' }));
    await passUntil(clock, () => session.state.kind === 'lost', 'the deadline');
    expect(clock.now()).toBeGreaterThan(18_000);
    expect(fake.count('renew')).toBeLessThan(200);
  });
});
