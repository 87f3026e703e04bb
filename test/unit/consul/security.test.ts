import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { absent, put, read, type Store } from '../../../src/core/store.js';
import type { ConsulStore } from '../../../src/transport/consul/store.js';
import { codeOf, failureOf } from '../../rejections.js';
import { type Answer, type FakeConsul, type Kind, refused } from './fake-consul.js';
import { fakeConsul, later, next, shortly, storeOn, tidyUp, told } from './tools.js';

tidyUp();

const secret = 'canary-5f1d';
const kinds: readonly Kind[] = ['txn', 'read', 'grant', 'renew', 'revoke'];

/** One call of each kind that takes one request, and a watch. */
function everyCall(store: Store): [string, () => Promise<unknown>][] {
  return [
    ['read', () => store.read({ key: 'x/k' })],
    ['read of a prefix', () => store.read({ prefix: 'x/' })],
    ['commit', () => store.commit([], [put('x/k', 'v')])],
    ['commit that only reads', () => store.commit([], [read({ key: 'x/k' })])],
    ['grant', () => store.grant(10_000)],
    ['renew', () => store.renew('s')],
    ['revoke', () => store.revoke('s')],
    ['watch', () => next(store.watch({ key: 'x/k' }))],
  ];
}

/** Makes the server answer everything like this. */
function always(fake: FakeConsul, answer: Answer): void {
  for (const kind of [...kinds, 'poll'] as const) fake.on(kind, () => answer);
}

/** Whether any of what a program may log of these things shows the secret. */
function leaks(...things: unknown[]): string[] {
  const shown = things.flatMap((thing) => [
    inspect(thing, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
    String(JSON.stringify(thing)),
    String(thing),
    thing instanceof Error ? String(thing.stack) : '',
  ]);
  return shown.filter((text) => text.includes('canary'));
}

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])(
    'of status %i is PROTOCOL_ERROR and followed by nobody, least of all the token',
    async (status) => {
      const [fake, elsewhere] = [await fakeConsul(), await fakeConsul()];
      always(fake, { status, headers: { location: `${elsewhere.address}/v1/kv/x/k` } });
      const store = storeOn(fake, { token: secret });
      const errors = await Promise.all(everyCall(store).map(([, call]) => failureOf(call())));
      expect(errors.map(({ code }) => code)).toEqual(errors.map(() => 'PROTOCOL_ERROR'));
      expect([elsewhere.connects, fake.seen.length]).toEqual([0, errors.length]);
      expect(leaks(errors)).toEqual([]);
    },
  );

  it('to the same server is not followed either', async () => {
    const fake = await fakeConsul();
    fake.kv.set('k', 'v');
    fake.next('read', { status: 301, headers: { location: '/v1/kv/k?consistent' } });
    expect(await codeOf(storeOn(fake, { token: secret }).read({ key: 'k' }))).toBe('PROTOCOL_ERROR');
    expect(fake.seen.length).toBe(1);
  });
});

describe('a token', () => {
  it('travels in its header with every request, and nowhere else', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { token: secret, datacenter: 'dc1' });
    const { id } = await store.grant(10_000);
    await store.renew(id);
    await store.commit([], [put('k', 'v', id)]);
    await store.read({ key: 'k' });
    await next(store.watch({ key: 'k' }));
    await shortly(() => fake.count('poll') > 0, 'a poll');
    await store.revoke(id);
    for (const { path, query, body, headers } of fake.seen) {
      const { 'x-consul-token': token, ...others } = headers;
      expect(token).toBe(secret);
      expect(leaks(path, String(query), body, others)).toEqual([]);
      expect(query.has('token')).toBe(false);
    }
  });

  it('is not sent where there is none', async () => {
    const fake = await fakeConsul();
    await storeOn(fake).read({ key: 'k' });
    expect(Object.keys(fake.seen[0]?.headers ?? {})).not.toContain('x-consul-token');
    expect(fake.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  it('goes through a socket of this machine', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coterie-socket-'));
    later(() => rmSync(folder, { recursive: true, force: true }));
    const fake = await fakeConsul({ socketPath: join(folder, 'consul.sock') });
    const store = storeOn(fake, { token: secret });
    const watch = store.watch({ prefix: 'k/' });
    await next(watch);
    await store.commit([], [put('k/a', 'v')]);
    expect(told(await next(watch))).toEqual(['k/a=v']);
    expect(fake.seen[0]?.headers['x-consul-token']).toBe(secret);
  });

  it('is asked for once, however many calls need it together', async () => {
    const fake = await fakeConsul();
    let asked = 0;
    const token = async (): Promise<string> => `${secret}-${++asked}`;
    const store = storeOn(fake, { token });
    await Promise.all(Array.from({ length: 50 }, (_, n) => store.read({ key: `k${n}` })));
    await store.read({ key: 'k' });
    expect(asked).toBe(1);
  });

  it('that is waited for keeps no call beyond its time, nor from being aborted', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { token: () => new Promise<string>(() => {}) });
    expect(await codeOf(store.read({ key: 'k' }, { timeoutMs: 30 }))).toMatch(/^(?:TIMEOUT|UNAVAILABLE)$/);
    const error = await failureOf(store.commit([], [put('k', 'v')], { timeoutMs: 30 }));
    expect(error.code).not.toBe('UNKNOWN_OUTCOME');
    const controller = new AbortController();
    const pending = store.read({ key: 'k' }, { signal: controller.signal });
    const watch = store.watch({ key: 'k' }, { signal: controller.signal });
    const waiting = watch.next();
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toBe(controller.signal.reason);
    await expect(waiting).rejects.toBe(controller.signal.reason);
    expect(fake.seen).toEqual([]);
  });

  it('whose source fails fails the call that needs it, and is asked for again by the next', async () => {
    const fake = await fakeConsul();
    let asked = 0;
    const token = async (): Promise<string> => {
      if (++asked <= 2) throw new Error('the vault is sealed');
      return secret;
    };
    const store = storeOn(fake, { token });
    const sealed = {
      code: 'UNAUTHENTICATED',
      retryable: true,
      cause: expect.objectContaining({ message: 'the vault is sealed' }),
    };
    expect(await failureOf(store.read({ key: 'k' }))).toMatchObject(sealed);
    expect(await failureOf(store.commit([], [put('k', 'v')]))).toMatchObject(sealed);
    expect((await store.read({ key: 'k' })).entries).toEqual([]);
    expect(fake.seen.map(({ headers }) => headers['x-consul-token'])).toEqual([secret]);
  });

  it('whose source fails for a while ends no watch', async () => {
    const fake = await fakeConsul();
    let asked = 0;
    const token = async (): Promise<string> => {
      if (++asked <= 3) throw new Error('the vault is sealed');
      return secret;
    };
    const watch = storeOn(fake, { token }).watch({ key: 'k' });
    expect(told(await next(watch))).toEqual(['snapshot']);
    expect(asked).toBe(4);
  });

  it.each([`${secret}\n`, `${secret} x`, `${secret}\u{1f600}`, '', 7, undefined, null, { secret }])(
    'that is none is refused when its source gives it, is not sent and not shown: %j',
    async (bad) => {
      const fake = await fakeConsul();
      // A source without types can give anything.
      const store = storeOn(fake, { token: () => bad as string });
      const error = await failureOf(store.read({ key: 'k' }));
      expect(error.code).toBe('INVALID_OPTION');
      expect(leaks(error)).toEqual([]);
      expect(await codeOf(next(store.watch({ key: 'k' })))).toBe('INVALID_OPTION');
      expect(fake.seen).toEqual([]);
    },
  );
});

/** A server that no longer knows tokens from before `rotate`, and a store that asks for new ones. */
async function rotating(): Promise<{ fake: FakeConsul; store: ConsulStore; asked: () => number; rotate: () => void }> {
  const fake = await fakeConsul();
  let [asked, good] = [0, 1];
  for (const kind of [...kinds, 'poll'] as const) {
    fake.on(kind, ({ headers }, plain) => {
      const number = Number(String(headers['x-consul-token']).slice(secret.length + 1));
      return number >= good ? plain() : { status: 403, body: 'ACL not found' };
    });
  }
  const store = storeOn(fake, { token: async () => `${secret}-${++asked}` });
  const rotate = (): void => {
    good = asked + 1;
  };
  return { fake, store, asked: () => asked, rotate };
}

describe('a token that Consul no longer knows (hazard 68)', () => {
  it('is asked for again, and the call is made with the new one', async () => {
    const { fake, store, asked, rotate } = await rotating();
    await store.read({ key: 'k' });
    rotate();
    expect((await store.commit([absent('k')], [put('k', 'v')])).ok).toBe(true);
    expect([asked(), fake.count('txn')]).toEqual([2, 2]);
    rotate();
    expect((await store.grant(10_000)).ttlMs).toBe(10_000);
    expect([asked(), fake.count('grant')]).toEqual([3, 2]);
  });

  it('is asked for again by a watch, too, which goes on', async () => {
    const { fake, store, asked, rotate } = await rotating();
    const watch = store.watch({ prefix: 'k/' });
    await next(watch);
    await shortly(() => fake.openPolls === 1, 'a poll');
    rotate();
    fake.kv.set('k/a', '1');
    expect(told(await next(watch))).toEqual(['k/a=1']);
    fake.kv.set('k/b', '2');
    expect(told(await next(watch))).toEqual(['k/b=2']);
    expect(asked()).toBe(2);
  });

  it('is asked for once more, however many calls find out together', async () => {
    const { store, asked, rotate } = await rotating();
    await store.read({ key: 'k' });
    rotate();
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.read({ key: `k${n}` })));
    expect(asked()).toBe(2);
  });

  it('after that is UNAUTHENTICATED, without a storm of questions', async () => {
    const fake = await fakeConsul();
    always(fake, { status: 403, body: 'ACL not found' });
    let asked = 0;
    const store = storeOn(fake, { token: () => `${secret}-${++asked}` });
    const error = await failureOf(store.read({ key: 'k' }));
    expect([error.code, error.retryable, asked, fake.seen.length]).toEqual(['UNAUTHENTICATED', false, 2, 2]);
    expect(leaks(error, store)).toEqual([]);
  });

  it('and is always the same is UNAUTHENTICATED after at most two attempts', async () => {
    const fake = await fakeConsul();
    always(fake, { status: 403, body: 'ACL not found' });
    const store = storeOn(fake, { token: secret });
    for (const [name, call] of everyCall(store)) {
      const before = fake.seen.length;
      expect([name, await codeOf(call())]).toEqual([name, 'UNAUTHENTICATED']);
      expect(fake.seen.length - before).toBeLessThanOrEqual(2);
    }
  });
});

describe('what is not permitted (hazard 68)', () => {
  it('is not asked for again, and is told with the rule that is missing', async () => {
    const fake = await fakeConsul();
    always(fake, { status: 403, body: 'Permission denied' });
    const store = storeOn(fake, { token: secret });
    const rules: Record<string, string> = {
      read: 'key "x/k" { policy = "read" }',
      'read of a prefix': 'key_prefix "x/" { policy = "read" }',
      commit: 'key "x/k" { policy = "write" }',
      'commit that only reads': '"x/k" { policy = "read" }',
      grant: 'session_prefix "" { policy = "write" }',
      renew: 'session_prefix "" { policy = "write" }',
      revoke: 'session_prefix "" { policy = "write" }',
      watch: 'key "x/k" { policy = "read" }',
    };
    for (const [name, call] of everyCall(store)) {
      const before = fake.seen.length;
      const error = await failureOf(call());
      expect(error).toMatchObject({ code: 'PERMISSION_DENIED', retryable: false });
      expect(error.message).toContain(rules[name]);
      expect([name, fake.seen.length - before]).toEqual([name, 1]);
      expect(leaks(error)).toEqual([]);
    }
  });

  it('of a commit that writes is told with the rule for writing, whatever guards it has', async () => {
    const fake = await fakeConsul();
    fake.on('txn', () => ({ status: 403, body: 'Permission denied' }));
    const error = await failureOf(storeOn(fake).commit([absent('x/k')], [put('x/k', 'v')]));
    expect(error.message).toContain('key "x/k" { policy = "write" }');
  });

  it('inside of a transaction is told with the rule for that very operation', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { token: secret });
    fake.next('txn', ({ ops }) => {
      return refused({
        OpIndex: ops.findIndex(({ Key, Verb }) => Key === 'b' && Verb === 'set'),
        What: 'Permission denied',
      });
    });
    const error = await failureOf(store.commit([absent('a')], [put('a', ''), put('b', '')]));
    expect(error.message).toContain('key "b" { policy = "write" }');
  });

  it.each(['read', 'poll'] as const)(
    'is not taken for nothing when Consul just leaves it out of a %s',
    async (kind) => {
      const fake = await fakeConsul();
      const filtered = async (plain: () => Promise<Answer>): Promise<Answer> => {
        const { headers, ...rest } = await plain();
        return { ...rest, headers: { ...headers, 'x-consul-results-filtered-by-acls': 'true' } };
      };
      const store = storeOn(fake, { token: secret });
      fake.kv.set('x/a', '1');
      if (kind === 'read') {
        fake.on('read', (_, plain) => filtered(plain));
        const error = await failureOf(store.read({ prefix: 'x/' }));
        expect(error).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('key_prefix "x/"') });
        return;
      }
      fake.on('poll', (_, plain) => filtered(plain));
      const watch = store.watch({ prefix: 'x/' });
      await next(watch);
      await shortly(() => fake.openPolls === 1, 'a poll');
      const pending = codeOf(next(watch));
      fake.kv.set('x/b', '2');
      expect(await pending).toBe('PERMISSION_DENIED');
    },
  );
});

describe('a token and a value', () => {
  it('never show in an error, in inspect or in JSON, whatever goes wrong', async () => {
    const fake = await fakeConsul();
    const store = storeOn(fake, { token: () => secret, retry: { attempts: 1 } });
    await store.read({ key: 'k' });
    const watch = store.watch({ key: 'k' });
    await next(watch);
    const value = `canary-value-${'x'.repeat(20)}`;
    const errors: unknown[] = [];
    for (const reply of [
      { status: 400, body: 'Bad request' },
      { status: 403, body: 'ACL not found' },
      { status: 403, body: 'Permission denied' },
      { status: 413, body: 'too large' },
      { status: 500, body: 'rpc error' },
      { status: 200, body: 'nonsense' },
      'reset',
      'hangup',
    ] as const) {
      for (const kind of kinds) fake.on(kind, () => reply);
      errors.push(await failureOf(store.commit([absent('k')], [put('k', value)])));
      errors.push(await failureOf(store.read({ key: 'k' })));
      errors.push(await failureOf(store.grant(10_000)));
    }
    errors.push(await failureOf(store.commit([], [put('k', new Uint8Array(1_000_000).fill(97))])));
    expect(leaks(store, watch, ...errors)).toEqual([]);
  });

  it('do not show where the server says what it was sent', async () => {
    const fake = await fakeConsul();
    always(fake, { status: 400, body: `{"X-Consul-Token":"${secret}"}` });
    const errors = await Promise.all(everyCall(storeOn(fake, { token: secret })).map(([, call]) => failureOf(call())));
    expect(leaks(errors)).toEqual([]);
    expect(errors[0]?.message).toContain('(token)');
  });

  it('are not sent to a server that speaks no TLS, where TLS was asked for', async () => {
    let received = '';
    const server = createServer((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      });
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    later(() => server.close());
    const { port } = server.address() as AddressInfo; // It listens on a port.
    const store = storeOn(`https://127.0.0.1:${port}`, { token: secret, retry: { attempts: 1 } });
    const error = await failureOf(store.commit([], [put('k', 'canary-value')]));
    expect(error.code).toMatch(/^(?:TLS_FAILED|UNAVAILABLE)$/);
    expect(received.length).toBeGreaterThan(0);
    expect(leaks(received, error)).toEqual([]);
  });
});
