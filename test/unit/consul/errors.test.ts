import { describe, expect, it } from 'vitest';
import { absent, put, read } from '../../../src/core/store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { byStatus, byText } from '../../../src/transport/consul/failure.js';
import { codeOf, failureOf } from '../../rejections.js';
import { type Answer, pairJson, type Reply, refused, type Seen } from './fake-consul.js';
import { fakeConsul, next, passFor, passUntil, shortly, storeOn, texts, tidyUp, turns } from './tools.js';

tidyUp();

const once = { retry: { attempts: 1 } };
const answer = (status: number, body = '', headers: Record<string, string> = {}): Answer => ({ status, body, headers });

interface Row {
  readonly name: string;
  readonly reply: Answer;
  readonly read: string;
  readonly commit: string;
  /** Whether the same request is sent again, to a server that may do better. */
  readonly again?: boolean;
}

const busy = 'Your IP is issuing too many concurrent connections, please rate limit your calls';
const lacking = `Permission denied: token with AccessorID '1' lacks permission 'key:write' on "k"`;

const rows: readonly Row[] = [
  {
    name: 'no leader',
    reply: answer(500, 'No cluster leader'),
    read: 'UNAVAILABLE',
    commit: 'UNAVAILABLE',
    again: true,
  },
  {
    name: 'no leader, said by another server',
    reply: answer(500, 'rpc error making call: No cluster leader'),
    ...{ read: 'UNAVAILABLE', commit: 'UNAVAILABLE', again: true },
  },
  { name: 'too many requests', reply: answer(429, busy), read: 'OVERLOADED', commit: 'OVERLOADED', again: true },
  { name: 'too many requests, no text', reply: answer(429), read: 'OVERLOADED', commit: 'OVERLOADED', again: true },
  {
    name: 'a rate limit of the servers',
    reply: answer(503, 'rate limit exceeded, try again later or against a different server'),
    ...{ read: 'OVERLOADED', commit: 'OVERLOADED', again: true },
  },
  {
    name: 'not permitted',
    reply: answer(403, 'Permission denied'),
    read: 'PERMISSION_DENIED',
    commit: 'PERMISSION_DENIED',
  },
  {
    name: 'not permitted, in detail',
    reply: answer(403, lacking),
    read: 'PERMISSION_DENIED',
    commit: 'PERMISSION_DENIED',
  },
  {
    name: 'not permitted, said by another server',
    reply: answer(500, 'rpc error making call: Permission denied'),
    ...{ read: 'PERMISSION_DENIED', commit: 'PERMISSION_DENIED' },
  },
  { name: 'an unknown token', reply: answer(403, 'ACL not found'), read: 'UNAUTHENTICATED', commit: 'UNAUTHENTICATED' },
  {
    name: 'a body that is too large',
    reply: answer(413, 'Request body(800047 bytes) too large, max size: 524288 bytes.'),
    ...{ read: 'VALUE_TOO_LARGE', commit: 'VALUE_TOO_LARGE' },
  },
  {
    name: 'too many operations',
    reply: answer(413, 'Transaction contains too many operations (65 > 64)'),
    ...{ read: 'TOO_MANY_OPS', commit: 'TOO_MANY_OPS' },
  },
  {
    name: 'a session that has ended',
    reply: answer(500, 'invalid session "5e55105e-0000-4000-8000-000000000001"'),
    ...{ read: 'LEASE_NOT_FOUND', commit: 'LEASE_NOT_FOUND' },
  },
  {
    name: 'a time to live that the servers do not give',
    reply: answer(500, "Invalid Session TTL '1000000', must be between [10s=24h0m0s]"),
    ...{ read: 'INVALID_TTL', commit: 'INVALID_TTL' },
  },
  {
    name: 'an agent that is out of the catalog for a while',
    reply: answer(500, 'Missing node registration'),
    ...{ read: 'UNAVAILABLE', commit: 'UNAVAILABLE', again: true },
  },
  { name: 'a proxy that wants a password', reply: answer(401), read: 'UNAUTHENTICATED', commit: 'UNAUTHENTICATED' },
  { name: 'no permission, no text', reply: answer(403), read: 'PERMISSION_DENIED', commit: 'PERMISSION_DENIED' },
  { name: 'too large, no text', reply: answer(413), read: 'VALUE_TOO_LARGE', commit: 'VALUE_TOO_LARGE' },
  { name: 'not implemented', reply: answer(501), read: 'UNSUPPORTED', commit: 'UNSUPPORTED' },
  ...[
    { name: 'leadership lost', reply: answer(500, 'leadership lost while committing log') },
    { name: 'a broken connection between servers', reply: answer(500, 'rpc error making call: EOF') },
    { name: 'a full queue', reply: answer(500, 'raft apply failed: timed out enqueuing operation') },
    { name: '500 of whoever', reply: answer(500) },
    { name: 'a proxy without a server', reply: answer(502, '<html>Bad Gateway</html>') },
    { name: 'a proxy with nobody behind', reply: answer(503, 'upstream connect error') },
    { name: 'a proxy that waited too long', reply: answer(504) },
    { name: 'a status that nobody knows', reply: answer(599) },
  ].map((row) => ({ ...row, read: 'UNAVAILABLE', commit: 'UNKNOWN_OUTCOME' })),
];

/** Codes that say that the same call can be made again: nothing was applied, and the cause passes. */
const retryable = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT']);

describe('an answer that is an error', () => {
  it('is among those below, whatever the transport knows of', () => {
    const known = [...byText].map(([pattern]) => pattern);
    expect(known.filter((pattern) => !rows.some(({ reply }) => pattern.test(reply.body ?? '')))).toEqual([]);
    // The answer to a read that finds nothing, and to a transaction that is refused.
    const statuses = new Set([404, 409, ...rows.map(({ reply }) => reply.status)]);
    expect([...byStatus.keys()].filter((status) => !statuses.has(status))).toEqual([]);
  });

  it.each(rows)('has its code, and a commit tells whether it may have been applied: $name', async (row) => {
    const fake = await fakeConsul();
    fake.on('read', () => row.reply);
    fake.on('txn', () => row.reply);
    const store = storeOn(fake, once);
    const ofRead = await failureOf(store.read({ key: 'k' }));
    expect(ofRead).toMatchObject({ code: row.read, retryable: retryable.has(row.read), key: 'k' });
    const ofCommit = await failureOf(store.commit([], [put('k', 'v')]));
    expect(ofCommit).toMatchObject({ code: row.commit, retryable: retryable.has(row.commit), key: 'k' });
    expect([fake.count('read'), fake.count('txn')]).toEqual([1, 1]);
  });

  it.each(rows)('makes a commit be sent again only where nothing of it was applied: $name', async (row) => {
    const fake = await fakeConsul();
    fake.next('txn', row.reply);
    const outcome = storeOn(fake).commit([absent('k')], [put('k', 'v')]);
    if (row.again === true) expect((await outcome).ok).toBe(true);
    else expect(await codeOf(outcome)).toBe(row.commit);
    expect(fake.count('txn')).toBe(row.again === true ? 2 : 1);
  });

  it.each(rows)('makes a read be sent again where that can help: $name', async (row) => {
    const fake = await fakeConsul();
    fake.next('read', row.reply);
    const outcome = storeOn(fake).read({ key: 'k' });
    if (row.read === 'UNAVAILABLE' || row.read === 'OVERLOADED') expect((await outcome).entries).toEqual([]);
    else expect(await codeOf(outcome)).toBe(row.read);
    expect(fake.count('read')).toBe(retryable.has(row.read) ? 2 : 1);
  });

  it.each([400, 404, 405])('of status %i tells that nothing was applied, and is not repeated', async (status) => {
    const fake = await fakeConsul();
    fake.on('txn', () => answer(status, 'What do you mean?'));
    expect(await codeOf(storeOn(fake).commit([], [put('k', 'v')]))).toMatch(/^(?:REFUSED_BY_STORE|PROTOCOL_ERROR)$/);
    expect(fake.count('txn')).toBe(1);
  });

  it.each(['/x/k', 'x/k', '/x//k', '//k', 'x/\u0001'])('names the key as it was given: %j', async (key) => {
    const fake = await fakeConsul();
    for (const kind of ['read', 'txn'] as const) fake.on(kind, () => answer(400));
    const store = storeOn(fake);
    const calls = [
      store.read({ key }),
      store.read({ prefix: `${key}/` }),
      store.commit([absent(key)], []),
      store.commit([], [put(key, '')]),
      store.watch({ key }).next(),
    ];
    const errors = await Promise.all(calls.map(failureOf));
    expect(errors.map((error) => error.key)).toEqual([key, `${key}/`, key, key, key]);
  });

  it('is cut and escaped before it stands in a message (hazard 95)', async () => {
    const fake = await fakeConsul();
    const hostile = `a\u001b[31m\r\n\u2028${'x'.repeat(50_000)}`;
    fake.on('read', () => answer(400, hostile));
    fake.on('txn', () => refused({ OpIndex: 0, What: hostile }));
    const store = storeOn(fake, once);
    const calls = [store.read({ key: 'k' }), store.commit([], [put('k', 'v')])];
    for (const { message } of await Promise.all(calls.map(failureOf))) {
      expect(message).toContain('\\u001b[31m\\u000d\\u000a');
      expect(message.length).toBeLessThan(500);
    }
  });

  it('is asked for again until the time of the call is over, and tells then that nothing was applied', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    for (const kind of ['read', 'txn'] as const) fake.on(kind, () => answer(500, 'No cluster leader'));
    const store = storeOn(fake, { retry: { attempts: 1_000, baseMs: 100, capMs: 100 } }, clock);
    const calls = [store.read({ key: 'k' }), store.commit([], [put('k', 'v')])];
    const errors = await passFor(clock, Promise.all(calls.map(failureOf)), 'the end of both');
    for (const error of errors) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(?:UNAVAILABLE|TIMEOUT)$/), retryable: true });
    }
    expect(clock.now()).toBeGreaterThan(4_500);
    expect(clock.now()).toBeLessThan(5_200);
    for (const kind of ['read', 'txn'] as const) expect(fake.count(kind)).toBeGreaterThan(20);
  });
});

describe('a broken way to the server', () => {
  const replies: readonly [string, Reply][] = [
    ['closed', 'hangup'],
    ['reset', 'reset'],
    ['closed before the body of the answer', { ...answer(200, '{"Results":[]}'), cutAfter: 0 }],
    ['closed in the midst of the answer', { ...answer(200, '{"Results":[]}'), cutAfter: 5 }],
    ['closed at the last byte of the answer', { ...answer(200, '{"Results":[]}'), cutAfter: 13 }],
  ];

  it.each(replies)('leaves a commit unknown, which is sent once (hazard 22): %s', async (_, reply) => {
    const fake = await fakeConsul();
    fake.next('txn', async (_, plain) => {
      await plain();
      return reply;
    });
    const store = storeOn(fake);
    // On a connection that was used before as on a new one.
    await store.read({ key: 'k' });
    const error = await failureOf(store.commit([], [put('k', 'v')]));
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false, key: 'k' });
    expect(fake.count('txn')).toBe(1);
    expect(fake.kv.pairs.has('k')).toBe(true);
    expect(texts((await store.read({ key: 'k' })).entries)).toEqual(['k=v']);
  });

  it.each(replies)('makes everything else be sent again: %s', async (_, reply) => {
    const fake = await fakeConsul();
    for (const kind of ['read', 'grant', 'renew', 'revoke'] as const) fake.next(kind, reply, reply);
    const store = storeOn(fake);
    expect((await store.read({ key: 'k' })).entries).toEqual([]);
    const { id } = await store.grant(10_000);
    expect(await store.renew(id)).toEqual({ id, ttlMs: 10_000 });
    await store.revoke(id);
    expect(fake.kv.sessions.has(id)).toBe(false);
    for (const kind of ['read', 'grant', 'renew', 'revoke'] as const) expect(fake.count(kind)).toBe(3);
  });

  it('makes a commit that only reads be sent again, too', async () => {
    const fake = await fakeConsul();
    fake.kv.set('k', 'v');
    fake.next('txn', 'reset', answer(502));
    const { reads } = await storeOn(fake).commit([], [read({ key: 'k' })]);
    expect(reads.map((entries) => texts(entries))).toEqual([['k=v']]);
    expect(fake.count('txn')).toBe(3);
  });

  it('after the head of a commit leaves it unknown: what was read of it is not known', async () => {
    const fake = await fakeConsul();
    fake.refusesAtHead = (kind) => kind === 'txn';
    expect(await codeOf(storeOn(fake).commit([], [put('k', new Uint8Array(300_000))]))).toBe('UNKNOWN_OUTCOME');
    expect(fake.seen).toEqual([]);
  });

  it.each([
    ['bytes that are no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a status that is none', 'HTTP/1.1 OK\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(200_000)}\r\n`],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]'],
    ['chunks that are none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ])('where somebody else answers leaves a commit unknown, and a read without an answer: %s', async (_, bytes) => {
    const fake = await fakeConsul();
    for (const kind of ['read', 'txn'] as const) {
      fake.on(kind, ({ socket }) => {
        socket.write(bytes);
        return 'silence';
      });
    }
    const clock = new VirtualClock();
    const store = storeOn(fake, { retry: { attempts: 2 } }, clock);
    const calls = [store.commit([], [put('k', 'v')]), store.read({ key: 'k' })];
    const [ofCommit, ofRead] = await passFor(clock, Promise.all(calls.map(codeOf)), 'the end of both');
    expect(ofCommit).toBe('UNKNOWN_OUTCOME');
    expect(ofRead).toMatch(/^(?:UNAVAILABLE|TIMEOUT|PROTOCOL_ERROR)$/);
    expect(fake.count('txn')).toBe(1);
    await shortly(() => fake.sockets.size === 0, 'the connections are given up');
  });

  it('on which there is an answer too many does not make it the answer to the next request', async () => {
    const fake = await fakeConsul();
    fake.kv.set('k', 'right');
    const stale = `[${pairJson({ key: 'k', value: 'b2xk', flags: 1n, session: '', created: 5n, modified: 5n, locks: 0n })}]`;
    const extra = `HTTP/1.1 200 OK\r\nX-Consul-Index: 5\r\nContent-Length: ${stale.length}\r\n\r\n${stale}`;
    const store = storeOn(fake);
    expect((await store.read({ key: 'other' })).entries).toEqual([]);
    for (const socket of fake.sockets) await new Promise<unknown>((resolve) => socket.write(extra, resolve));
    await turns();
    expect(texts((await store.read({ key: 'k' })).entries)).toEqual(['k=right']);
  });

  it('that was never made leaves nothing unknown', async () => {
    const fake = await fakeConsul();
    fake.stop();
    const store = storeOn(fake, { retry: { attempts: 2, baseMs: 1 } });
    const error = await failureOf(store.commit([], [put('k', 'v')]));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(await codeOf(store.read({ key: 'k' }))).toBe('UNAVAILABLE');
    expect(await codeOf(store.grant(10_000))).toBe('UNAVAILABLE');
    expect(await codeOf(store.renew('s'))).toBe('UNAVAILABLE');
    expect(await codeOf(store.revoke('s'))).toBe('UNAVAILABLE');
  });

  it('is mended for a commit when it was never made the first time', async () => {
    const fake = await fakeConsul();
    const address = fake.address;
    fake.stop();
    const clock = new VirtualClock();
    const store = storeOn(address, { retry: { attempts: 100, baseMs: 50, capMs: 50 } }, clock);
    const outcome = store.commit([], [put('k', 'v')], { timeoutMs: 60_000 });
    await shortly(() => (store.stats.requests['txn'] ?? 0) > 0 && clock.pending > 0, 'a first attempt');
    const back = await fakeConsul({ port: Number(new URL(address).port) });
    await passUntil(clock, () => back.count('txn') > 0, 'another attempt');
    expect((await outcome).ok).toBe(true);
    expect(back.count('txn')).toBe(1);
  });
});

/** A server, and a store on a virtual clock. */
async function withClock() {
  const fake = await fakeConsul();
  const clock = new VirtualClock();
  return { fake, clock, store: storeOn(fake, {}, clock) };
}

describe('silence', () => {
  it('leaves a commit unknown after its time, which is sent once', async () => {
    const { fake, clock, store } = await withClock();
    fake.on('txn', () => 'silence');
    const error = await passFor(clock, failureOf(store.commit([], [put('k', 'v')])), 'the end');
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false, key: 'k' });
    expect(fake.count('txn')).toBe(1);
    await shortly(() => fake.of('txn')[0]?.gone === true, 'its connection is given up');
  });

  it('ends everything else with TIMEOUT', async () => {
    const { fake, clock, store } = await withClock();
    for (const kind of ['read', 'grant', 'renew', 'revoke', 'txn', 'poll'] as const) fake.on(kind, () => 'silence');
    const options = { timeoutMs: 3_000 };
    const calls = [
      store.read({ key: 'k' }, options),
      store.commit([], [read({ key: 'k' })], options),
      store.grant(10_000, options),
      store.renew('s', options),
      store.revoke('s', options),
      store.watch({ key: 'k' }, options).next(),
    ];
    for (const error of await passFor(clock, Promise.all(calls.map(failureOf)), 'the end of all')) {
      expect(error).toMatchObject({ code: 'TIMEOUT', retryable: true });
    }
    expect(clock.now()).toBeLessThanOrEqual(3_100);
  });

  it('makes a read be sent again after the time of one attempt, on another connection', async () => {
    const { fake, clock, store } = await withClock();
    fake.next('read', 'silence');
    expect((await passFor(clock, store.read({ key: 'k' }), 'an answer')).entries).toEqual([]);
    expect(fake.count('read')).toBe(2);
    expect(fake.of('read')[0]?.socket).not.toBe(fake.of('read')[1]?.socket);
  });

  it.each([0, 10])('after %i bytes of an answer counts as well', async (stallAfter) => {
    const { fake, clock, store } = await withClock();
    const half = (): Reply => ({ ...answer(200, `[${' '.repeat(50)}]`, { 'x-consul-index': '11' }), stallAfter });
    fake.next('read', half);
    fake.on('txn', half);
    expect((await passFor(clock, store.read({ key: 'k' }), 'an answer')).entries).toEqual([]);
    expect(fake.count('read')).toBe(2);
    const commit = passFor(clock, codeOf(store.commit([], [put('k', 'v')])), 'the end of the commit');
    expect(await commit).toBe('UNKNOWN_OUTCOME');
    expect(fake.count('txn')).toBe(1);
    fake.next('read', half);
    expect((await passFor(clock, next(store.watch({ key: 'k' })), 'a batch')).kind).toBe('snapshot');
    expect(fake.count('read')).toBe(4);
  });

  it('is no silence when an answer is long, and comes in pieces: a read has all of its time for it', async () => {
    const { fake, clock, store, trickle } = await trickling();
    const found = store.read({ prefix: 'k/' });
    await trickle(3);
    expect(texts((await found).entries)).toEqual(['k/a=v']);
    expect(fake.seen.length).toBe(1);
    expect(
      await codeOf(Promise.race([store.read({ prefix: 'k/' }), trickle(5).then(() => Promise.reject(late))])),
    ).toBe('TIMEOUT');
    expect(clock.pending).toBe(0);
  });

  it('is no silence when the answer to a poll comes in pieces, however long that takes', async () => {
    const { store, trickle } = await trickling();
    const first = next(store.watch({ prefix: 'k/' }));
    await trickle(40);
    expect(await first).toMatchObject({ kind: 'snapshot', entries: [{ key: 'k/a' }] });
  });

  it('of a server without a leader, which lasts 7 seconds, keeps no call beyond its own time (hazard 53)', async () => {
    const fake = await fakeConsul();
    fake.on('read', () => 'silence');
    fake.on('txn', () => 'silence');
    const clock = new VirtualClock();
    const store = storeOn(fake, {}, clock);
    const codes = Promise.all([codeOf(store.read({ key: 'k' })), codeOf(store.commit([], [put('k', 'v')]))]);
    await shortly(() => fake.count('read') === 1 && fake.count('txn') === 1, 'both are under way');
    for (let step = 0; step < 11; step++) {
      await clock.advance(500);
      await shortly(() => fake.count('read') >= Math.min(2, step - 4), 'what time has set off');
    }
    expect(await codes).toEqual(['TIMEOUT', 'UNKNOWN_OUTCOME']);
    expect(clock.now()).toBe(5_500);
  });
});

const late = new Error('it did not end');

/** A server whose first answers come in pieces, one each second and a half. */
async function trickling() {
  const fake = await fakeConsul();
  const clock = new VirtualClock();
  const body = `[${pairJson({ key: 'k/a', value: 'dg==', flags: 1n, session: '', created: 11n, modified: 11n, locks: 0n })}]`;
  fake.on('read', () => 'silence');
  const trickle = async (pieces: number): Promise<void> => {
    const { length } = fake.seen;
    await shortly(() => fake.seen.length > length || fake.of('read').at(-1)?.gone === false, 'a request');
    const { socket } = fake.of('read').at(-1) as Seen; // It has just come.
    socket.write(`HTTP/1.1 200 OK\r\nX-Consul-Index: 11\r\nContent-Length: ${body.length + pieces}\r\n\r\n`);
    for (let n = 0; n < pieces; n++) {
      await turns();
      await clock.advance(1_500);
      socket.write(' ');
    }
    socket.write(body);
    await turns();
  };
  return { fake, clock, store: storeOn(fake, {}, clock), trickle };
}

describe('Retry-After (hazard 81)', () => {
  it('is waited for before the next attempt', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    fake.next('txn', answer(429, busy, { 'retry-after': '3' }));
    const outcome = storeOn(fake, {}, clock).commit([], [put('k', 'v')]);
    await shortly(() => clock.pending === 1 && fake.count('txn') === 1, 'a wait');
    await clock.advance(2_990);
    expect([clock.pending, fake.count('txn')]).toEqual([1, 1]);
    await passUntil(clock, () => fake.count('txn') === 2, 'the second attempt');
    expect((await outcome).ok).toBe(true);
  });

  it('does not keep a call waiting for longer than 5 s', async () => {
    const fake = await fakeConsul();
    const clock = new VirtualClock();
    fake.next('read', answer(429, busy, { 'retry-after': '86400' }));
    const outcome = storeOn(fake, {}, clock).read({ key: 'k' }, { timeoutMs: 60_000 });
    await shortly(() => clock.pending === 1 && fake.count('read') === 1, 'a wait');
    await clock.advance(5_100);
    expect((await outcome).entries).toEqual([]);
    expect(fake.count('read')).toBe(2);
  });

  it('beyond the time of the call ends it, without another attempt', async () => {
    const fake = await fakeConsul();
    fake.on('txn', () => answer(429, busy, { 'retry-after': '2' }));
    const error = await failureOf(storeOn(fake).commit([], [put('k', 'v')], { timeoutMs: 1_000 }));
    expect(error).toMatchObject({ code: expect.stringMatching(/^(?:OVERLOADED|TIMEOUT)$/), retryable: true });
    expect(fake.count('txn')).toBe(1);
  });

  it.each(['-1', 'NaN', '1e309', 'Fri, 31 Dec 2099 23:59:59 GMT', ''])('that is %j changes nothing', async (value) => {
    const fake = await fakeConsul();
    fake.next('read', answer(429, busy, { 'retry-after': value }));
    expect((await storeOn(fake).read({ key: 'k' })).entries).toEqual([]);
    expect(fake.count('read')).toBe(2);
  });
});

describe('an answer that no Consul gives', () => {
  const good = { key: 'k', value: 'dg==', flags: 1n, session: '', created: 11n, modified: 11n, locks: 0n };
  const entry = pairJson(good);
  const change = (from: string, to: string): string => `[${entry.replace(from, to)}]`;

  const bodies: readonly [string, string][] = [
    ['no JSON', '<html>Welcome</html>'],
    ['nothing', ''],
    ['half of it', `[${entry.slice(0, 40)}`],
    ['more than one', `[${entry}][]`],
    ['an object', '{}'],
    ['a text', '"k"'],
    ['a number', '7'],
    ['a list of nothing', '[null]'],
    ['a list of numbers', '[1]'],
    ['a list of lists', '[[]]'],
    ['an entry without anything', '[{}]'],
    ['no key', change('"Key":"k"', '"Keys":"k"')],
    ['a key that is a number', change('"Key":"k"', '"Key":7')],
    ['another key', change('"Key":"k"', '"Key":"l"')],
    ['a key of which this is the beginning', change('"Key":"k"', '"Key":"k/x"')],
    ['a value that is a number', change('"dg=="', '7')],
    ['a value that is an object', change('"dg=="', '{}')],
    ['no flags', change('"Flags":1,', '')],
    ['negative flags', change('"Flags":1', '"Flags":-1')],
    ['broken flags', change('"Flags":1', '"Flags":1.5')],
    ['flags beyond 64 bits', change('"Flags":1', '"Flags":18446744073709551616')],
    ['flags of a word', change('"Flags":1', '"Flags":"one"')],
    ['no index', change(',"ModifyIndex":11', '')],
    ['a negative index', change('"ModifyIndex":11', '"ModifyIndex":-11')],
    ['a long negative index', change('"ModifyIndex":11', '"ModifyIndex":-1234567890123456789')],
    ['an index beyond 64 bits', change('"CreateIndex":11', '"CreateIndex":100000000000000000000')],
    ['an index with an exponent', change('"CreateIndex":11', '"CreateIndex":1e300')],
    ['a session that is a number', change('"CreateIndex"', '"Session":7,"CreateIndex"')],
    ['base64 without its padding', change('"dg=="', '"dg"')],
    ['base64 with too much padding', change('"dg=="', '"dg==="')],
    ['base64 with a blank', change('"dg=="', '"dg== "')],
    ['base64 with a line feed', change('"dg=="', '"d\\ng=="')],
    ['base64 for addresses', change('"dg=="', '"-_8="')],
    ['base64 with bits left over', change('"dg=="', '"dh=="')],
    ['no base64 at all', change('"dg=="', '"!!!!"')],
  ];

  it.each(bodies)('to a read is PROTOCOL_ERROR, and is not asked for again: %s', async (_, body) => {
    const fake = await fakeConsul();
    fake.on('read', () => answer(200, body, { 'x-consul-index': '11' }));
    expect(await failureOf(storeOn(fake).read({ key: 'k' }))).toMatchObject({
      code: 'PROTOCOL_ERROR',
      retryable: false,
    });
    expect(fake.count('read')).toBe(1);
  });

  it.each(bodies)('to a poll ends its watches with PROTOCOL_ERROR: %s', async (_, body) => {
    const fake = await fakeConsul();
    for (const kind of ['read', 'poll'] as const) fake.on(kind, () => answer(200, body, { 'x-consul-index': '11' }));
    expect(await codeOf(next(storeOn(fake).watch({ key: 'k' })))).toBe('PROTOCOL_ERROR');
  });

  it('for a key below the prefix that was asked for is told from one that is not', async () => {
    const fake = await fakeConsul();
    const list = (key: string): Answer => answer(200, `[${pairJson({ ...good, key })}]`, { 'x-consul-index': '11' });
    fake.next('read', list('a/b'), list('a'), list('ab'));
    const store = storeOn(fake);
    expect(texts((await store.read({ prefix: '/a/' })).entries)).toEqual(['/a/b=v']);
    expect(await codeOf(store.read({ prefix: '/a/' }))).toBe('PROTOCOL_ERROR');
    expect(await codeOf(store.read({ prefix: '/a/' }))).toBe('PROTOCOL_ERROR');
  });

  const results = (...pairs: readonly object[]): string => {
    const all = pairs.map((pair) => `{"KV":${pairJson({ ...good, modified: 12n, value: '', ...pair })}}`);
    return `{"Results":[${all}],"Errors":null}`;
  };

  /** Answers to a put of `k` with a lease and a read of it, which gives two results. */
  const garbled: readonly [string, string][] = [
    ['no JSON', 'OK'],
    ['nothing', ''],
    ['half of it', results({}, {}).slice(0, 60)],
    ['a list', '[]'],
    ['null', 'null'],
    ['no results', '{"Results":null,"Errors":null}'],
    ['too few results', results({})],
    ['too many results', results({}, {}, {})],
    ['a result that is no entry', '{"Results":[{"KV":null},{"KV":7}]}'],
    ['results of something else', '{"Results":[{"Node":{}},{"Node":{}}]}'],
    ['the result of another key', results({ key: 'l' }, {})],
    ['an index that is none', results({}, {}).replaceAll('"ModifyIndex":12', '"ModifyIndex":"x"')],
  ];

  it.each(garbled)('to a commit leaves it unknown, for that reason, and it is sent once: %s', async (_, body) => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    fake.on('txn', () => answer(200, body));
    const error = await failureOf(store.commit([], [put('k', 'v', id), read({ key: 'k' })]));
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', retryable: false, cause: { code: 'PROTOCOL_ERROR' } });
    expect(fake.count('txn')).toBe(1);
  });

  it.each([
    ['no JSON', 'Conflict'],
    ['nothing', ''],
    ['a list', '[]'],
    ['no errors', '{"Results":null,"Errors":null}'],
    ['an empty list of errors', '{"Results":null,"Errors":[]}'],
    ['an error that is none', '{"Results":null,"Errors":[7]}'],
    ['an error of no operation', '{"Results":null,"Errors":[{"What":"key \\"k\\" exists"}]}'],
    ['an error that says nothing', '{"Results":null,"Errors":[{"OpIndex":0}]}'],
  ])('to a commit, with the status of a refusal, is no refusal: %s', async (_, body) => {
    const fake = await fakeConsul();
    fake.on('txn', () => answer(409, body));
    const store = storeOn(fake);
    expect(await codeOf(store.commit([absent('k')], [put('k', 'v')]))).toBe('UNKNOWN_OUTCOME');
    expect(fake.count('txn')).toBe(1);
    expect(await codeOf(store.commit([absent('k')], [read({ key: 'l' })]))).toBe('PROTOCOL_ERROR');
  });

  it('to a commit that only reads is PROTOCOL_ERROR', async () => {
    const fake = await fakeConsul();
    fake.on('txn', () => answer(200, results({ key: 'l' })));
    expect(await codeOf(storeOn(fake).commit([], [read({ key: 'k' })]))).toBe('PROTOCOL_ERROR');
  });

  it.each([
    ['grant', '{"ID":7}'],
    ['grant', '{"ID":""}'],
    ['grant', '{"ID":"a/b"}'],
    ['grant', '{}'],
    ['grant', '[]'],
    ['grant', 'true'],
    ['grant', ''],
    ['renew', '[]'],
    ['renew', '{}'],
    ['renew', 'null'],
    ['renew', '[{"ID":"s"}]'],
    ['renew', '[{"ID":"s","TTL":""}]'],
    ['renew', '[{"ID":"s","TTL":"soon"}]'],
    ['renew', '[{"ID":"s","TTL":"-10s"}]'],
    ['renew', '[{"ID":"s","TTL":10}]'],
    ['renew', '[{"ID":"another","TTL":"10s"}]'],
  ] as const)('to a %s is PROTOCOL_ERROR: %s', async (kind, body) => {
    const fake = await fakeConsul();
    fake.on(kind, () => answer(200, body));
    const store = storeOn(fake);
    const call = kind === 'grant' ? store.grant(10_000) : store.renew('s');
    expect(await codeOf(call)).toBe('PROTOCOL_ERROR');
  });

  it('because it is longer than any is not taken in whole', async () => {
    const fake = await fakeConsul();
    const chunk = Buffer.alloc(4 * 1024 * 1024, 0x20);
    let sent = 0;
    fake.on('read', ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nX-Consul-Index: 11\r\nContent-Length: 1000000000\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && sent < 1_000_000_000) {
          sent += chunk.length;
          if (!socket.write(chunk)) break;
        }
      };
      socket.on('drain', more);
      more();
      return 'silence';
    });
    const store = storeOn(fake, { timeouts: { attemptMs: 30_000, callMs: 30_000 } });
    expect(await codeOf(store.read({ key: 'k' }))).toBe('PROTOCOL_ERROR');
    await shortly(() => fake.sockets.size === 0, 'the connection is closed');
    expect(sent).toBeLessThan(320 * 1024 * 1024);
  });
});

describe('a refusal', () => {
  it.each([
    ['Permission denied', 'PERMISSION_DENIED'],
    ['lacks permission', 'PERMISSION_DENIED'],
    ['ACL not found', 'UNAUTHENTICATED'],
    ['rate limit', 'OVERLOADED'],
    ['too many concurrent connections', 'OVERLOADED'],
    ['invalid session', 'LEASE_NOT_FOUND'],
    ['No cluster leader', 'UNAVAILABLE'],
    ['too many operations', 'TOO_MANY_OPS'],
    ['too large', 'VALUE_TOO_LARGE'],
    ['due to lock delay', 'TIMEOUT'],
    ['"Permission denied" and "', 'PERMISSION_DENIED'],
    ['\\"Permission denied\\', 'PERMISSION_DENIED'],
  ])('that is about a key named "%s" is one like any other, and not %s', async (words) => {
    const fake = await fakeConsul();
    fake.kv.set(`app/${words}`, 'taken');
    const store = storeOn(fake);
    const { ok } = await store.commit([absent(`app/${words}`)], [put('app/other', '')]);
    expect(ok).toBe(false);
    expect(fake.kv.pairs.has('app/other')).toBe(false);
  });

  it('tells apart what failed: a guard refuses, whatever else failed with it', async () => {
    const fake = await fakeConsul();
    fake.kv.set('a', '1');
    const store = storeOn(fake);
    const { id } = await store.grant(10_000);
    await store.revoke(id);
    const { ok } = await store.commit([absent('a')], [put('b', '', id)]);
    expect(ok).toBe(false);
    expect(await failureOf(store.commit([absent('b')], [put('b', '', id)]))).toMatchObject({ code: 'LEASE_NOT_FOUND' });
  });

  it.each([
    [{ OpIndex: 0, What: 'Permission denied' }],
    [{ OpIndex: 1, What: 'Permission denied' }],
    [{ OpIndex: 1, What: lacking }],
  ])('because something is not permitted is none, but PERMISSION_DENIED: %j', async (error) => {
    const fake = await fakeConsul();
    fake.on('txn', () => refused(error));
    const outcome = storeOn(fake).commit([absent('x/k')], [put('x/k', 'v')]);
    expect(await failureOf(outcome)).toMatchObject({ code: 'PERMISSION_DENIED', retryable: false });
    expect(fake.count('txn')).toBe(1);
  });

  it('for a reason that nobody knows is none, but REFUSED_BY_STORE, and nothing was applied', async () => {
    const fake = await fakeConsul();
    fake.on('txn', () => refused({ OpIndex: 1, What: 'it is Tuesday' }));
    const error = await failureOf(storeOn(fake).commit([absent('k')], [put('k', 'v')]));
    expect(error).toMatchObject({ code: 'REFUSED_BY_STORE', message: expect.stringContaining('it is Tuesday') });
    expect(fake.count('txn')).toBe(1);
  });

  it('whose otherwise reads fail is the failure of those reads, since nothing was applied', async () => {
    const fake = await fakeConsul();
    fake.kv.set('k', '');
    fake.on('read', () => answer(403, 'Permission denied'));
    const store = storeOn(fake);
    const error = await failureOf(store.commit([absent('k')], [put('k', '')], { otherwise: [{ key: 'secret' }] }));
    expect(error.code).toBe('PERMISSION_DENIED');
    expect(await codeOf(store.commit([absent('k')], [], { otherwise: [{ key: 'k' }] }))).toBe('PERMISSION_DENIED');
  });
});

describe('the index of the store', () => {
  it('that has gone back by a commit is REVISION_REGRESSED, and the store is of no use after (hazard 55)', async () => {
    const fake = await fakeConsul();
    fake.kv.jump(1_000n);
    const store = storeOn(fake);
    const watch = store.watch({ key: 'w' });
    await next(watch);
    const pending = codeOf(next(watch));
    await store.commit([], [put('k', '1')]);
    fake.kv.index = 500n;
    expect(await failureOf(store.commit([], [put('k', '2')]))).toMatchObject({
      code: 'REVISION_REGRESSED',
      retryable: false,
    });
    expect(await pending).toBe('REVISION_REGRESSED');
    const before = fake.seen.length;
    expect(await codeOf(store.read({ key: 'k' }))).toBe('REVISION_REGRESSED');
    expect(await codeOf(store.commit([], [put('k', '3')]))).toBe('REVISION_REGRESSED');
    expect(await codeOf(store.grant(10_000))).toBe('REVISION_REGRESSED');
    expect(() => store.watch({ key: 'k' })).toThrow(expect.objectContaining({ code: 'REVISION_REGRESSED' }));
    expect(fake.seen.length).toBe(before);
    await shortly(() => fake.sockets.size === 0, 'no connection is left');
  });

  it('is the same by a commit as one seen before only if the store went back', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    const { revision } = await store.commit([], [put('k', '1')]);
    fake.kv.index = revision - 1n;
    expect(await codeOf(store.commit([], [put('l', '2')]))).toBe('REVISION_REGRESSED');
  });

  it('of commits whose answers overtake each other has not gone back', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake);
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    fake.next('txn', async (_, plain) => {
      const first = await plain();
      await held;
      return first;
    });
    const slow = store.commit([], [put('a', '1')]);
    await shortly(() => fake.kv.pairs.has('a'), 'the first is applied');
    const quick = await store.commit([], [put('b', '2')]);
    letGo();
    expect((await slow).revision).toBeLessThan(quick.revision);
  });

  const indexes: readonly [string, Record<string, string>][] = [
    ['missing', {}],
    ['empty', { 'x-consul-index': '' }],
    ['negative', { 'x-consul-index': '-5' }],
    ['NaN', { 'x-consul-index': 'NaN' }],
    ['a word', { 'x-consul-index': 'abc' }],
    ['hexadecimal', { 'x-consul-index': '0x10' }],
    ['broken', { 'x-consul-index': '12.5' }],
    ['with an exponent', { 'x-consul-index': '1e3' }],
    ['given twice', { 'x-consul-index': '5, 6' }],
    ['above 2^63', { 'x-consul-index': '9223372036854775808' }],
    ['above 2^64', { 'x-consul-index': '18446744073709551616' }],
    ['endless', { 'x-consul-index': '9'.repeat(1_000) }],
  ];

  it.each(indexes)('in the header is needed to make sense of an answer (hazard 72): %s', async (_, headers) => {
    const fake = await fakeConsul();
    for (const kind of ['read', 'poll'] as const) fake.on(kind, () => answer(404, '', headers));
    const store = storeOn(fake);
    expect(await codeOf(store.read({ key: 'k' }))).toBe('PROTOCOL_ERROR');
    expect(await codeOf(next(store.watch({ key: 'k' })))).toBe('PROTOCOL_ERROR');
    expect(fake.seen.length).toBe(2);
  });
});
