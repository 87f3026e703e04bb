import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { put } from '../../../src/core/store.js';
import type { EtcdStore } from '../../../src/transport/etcd/store.js';
import { failureOf } from '../../rejections.js';
import { waitFor } from '../../servers/wait.js';
import type { FakeEtcd } from './fake-etcd.js';
import { fakeEtcd, storeOn, tidyUp } from './tools.js';

tidyUp();

const password = 'canary-password-9f3c';
const secret = 'canary-token';

function clientOf(fake: FakeEtcd): EtcdStore {
  return storeOn(fake.endpoint, {
    auth: { username: 'root', password },
    allowInsecureAuth: true,
    retry: { baseMs: 1, capMs: 5 },
  });
}

interface Guarded {
  readonly fake: FakeEtcd;
  /** Makes the token that was given out no longer good. */
  expire(): void;
}

/** An etcd that takes only the last token it has given out. */
async function guarded(
  refusal = { code: status.UNAUTHENTICATED, details: 'etcdserver: invalid auth token' },
): Promise<Guarded> {
  const fake = await fakeEtcd();
  let current = 0;
  let good = 0;
  const isGood = (token: string | undefined): boolean => token === `${secret}-${good}` && good > 0;
  fake.on('Authenticate', () => {
    good = ++current;
    return { token: `${secret}-${current}` };
  });
  fake.on('Range', (_, token) => (isGood(token) ? {} : refusal));
  fake.on('Txn', (_, token) => (isGood(token) ? { succeeded: true, responses: [{ responsePut: {} }] } : refusal));
  const created = fake.onWatch;
  fake.onWatch = (request, stream) => {
    if (!request.createRequest || isGood(stream.token)) created(request, stream);
    else stream.send(fake.created(request, { canceled: true, cancelReason: refusal.details }));
  };
  return { fake, expire: () => (good = -1) };
}

describe('authentication', () => {
  it('asks once, however many calls need a token together', async () => {
    const { fake } = await guarded();
    const store = clientOf(fake);
    await Promise.all(Array.from({ length: 100 }, () => store.read({ key: 'k' })));
    expect(fake.count('Authenticate')).toBe(1);
    expect(fake.count('Range')).toBe(100);
  });

  it('asks once more, however many calls find their token expired together', async () => {
    const { fake, expire } = await guarded();
    const store = clientOf(fake);
    await store.read({ key: 'k' });
    expire();
    await Promise.all(Array.from({ length: 100 }, () => store.read({ key: 'k' })));
    expect(fake.count('Authenticate')).toBe(2);
  });

  it('renews the token for a commit too, which is then applied once', async () => {
    const { fake, expire } = await guarded({
      code: status.INVALID_ARGUMENT,
      details: 'etcdserver: revision of auth store is old',
    });
    const store = clientOf(fake);
    await store.read({ key: 'k' });
    expire();
    expect((await store.commit([], [put('k', 'v')])).ok).toBe(true);
    expect(fake.count('Txn')).toBe(2);
  });

  it.each(['etcdserver: invalid auth token', 'etcdserver: permission denied'])(
    'renews the token of a live watch stream that is refused with "%s"',
    async (details) => {
      const { fake, expire } = await guarded({ code: status.UNAUTHENTICATED, details });
      // Unary calls say what it is; the watch stream of some versions does not.
      fake.on('Range', (_, token) => {
        return token === undefined || fake.count('Authenticate') < 2
          ? { code: status.UNAUTHENTICATED, details: 'etcdserver: invalid auth token' }
          : {};
      });
      const store = clientOf(fake);
      expire();
      const watch = store.watch({ key: 'k' });
      const first = watch.next();
      await fake.watchStream();
      expire();
      expect((await first).value).toMatchObject({ kind: 'snapshot' });
    },
  );

  it('gives up after a bounded number of logins that do not help', async () => {
    const fake = await fakeEtcd();
    fake.on('Range', () => ({ code: status.UNAUTHENTICATED, details: 'etcdserver: invalid auth token' }));
    expect((await failureOf(clientOf(fake).read({ key: 'k' }))).code).toBe('UNAUTHENTICATED');
    expect(fake.count('Authenticate')).toBeLessThanOrEqual(5);
  });

  it('goes on without a token where the cluster has it switched off', async () => {
    const fake = await fakeEtcd();
    fake.on('Authenticate', () => ({
      code: status.FAILED_PRECONDITION,
      details: 'etcdserver: authentication is not enabled',
    }));
    await clientOf(fake).read({ key: 'k' });
    expect(fake.seen.at(-1)).toMatchObject({ method: 'Range', token: undefined });
  });

  it('ends every watch when the password is wrong', async () => {
    const fake = await fakeEtcd();
    const details = 'etcdserver: authentication failed, invalid user ID or password';
    fake.on('Authenticate', () => ({ code: status.INVALID_ARGUMENT, details }));
    expect((await failureOf(clientOf(fake).watch({ key: 'k' }).next())).code).toBe('UNAUTHENTICATED');
  });
});

describe('a password and a token', () => {
  it('never show in an error, in inspect or in JSON', async () => {
    const { fake, expire } = await guarded();
    const store = clientOf(fake);
    await store.read({ key: 'k' });
    void store
      .watch({ key: 'k' })
      .next()
      .catch(() => {});
    await fake.watchStream();
    expire();
    fake.on('Authenticate', () => ({
      code: status.INVALID_ARGUMENT,
      details: 'etcdserver: authentication failed, invalid user ID or password',
    }));
    const error = await failureOf(store.read({ key: 'k' }));
    fake.on('Range', () => ({ code: status.INTERNAL, details: 'broken' }));
    const shown = [error, store].flatMap((thing) => {
      return [inspect(thing, { depth: Number.POSITIVE_INFINITY, showHidden: true }), JSON.stringify(thing)];
    });
    shown.push(String(error.stack), String(error.cause));
    for (const text of shown) expect(text).not.toMatch(/canary/);
  });
});

describe('a store', () => {
  it('rejects everything with CLUSTER_CHANGED for good once an answer is of another cluster', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    const watch = store.watch({ key: 'w' });
    await watch.next();
    const pending = failureOf(watch.next());
    fake.clusterId = 8n;
    expect((await failureOf(store.read({ key: 'k' }))).code).toBe('CLUSTER_CHANGED');
    expect((await pending).code).toBe('CLUSTER_CHANGED');
    fake.clusterId = 7n;
    expect((await failureOf(store.commit([], [put('k', 'v')]))).code).toBe('CLUSTER_CHANGED');
    expect((await failureOf(store.renew('1'))).code).toBe('CLUSTER_CHANGED');
    await waitFor(() => store.stats.openStreams === 0, { timeoutMs: 5_000, what: 'the streams are closed' });
  });

  it('takes the header of a read in the past for what it is: the present', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    await store.read({ key: 'k' });
    fake.revision = 12n;
    expect(await store.read({ key: 'k' }, { revision: 4n })).toEqual({ revision: 4n, entries: [] });
    expect((await store.read({ key: 'k' })).revision).toBe(12n);
    expect(fake.seen.map(({ request }: { request: { revision?: unknown } }) => Number(request.revision ?? 0))).toEqual([
      0, 4, 0,
    ]);
  });

  it('notices in a read of the past too that the present has gone back', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    await store.read({ key: 'k' });
    fake.revision = 5n;
    expect((await failureOf(store.read({ key: 'k' }, { revision: 4n }))).code).toBe('REVISION_REGRESSED');
  });

  it('rejects everything with REVISION_REGRESSED once a linearizable answer is older than one before', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    await store.read({ key: 'k' });
    fake.revision = 9n;
    expect((await failureOf(store.read({ key: 'k' }))).code).toBe('REVISION_REGRESSED');
    fake.revision = 11n;
    expect((await failureOf(store.grant(5_000))).code).toBe('REVISION_REGRESSED');
  });

  it('finds out by the reconnect of an idle watch that the store was restored from a backup', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint, { retry: { baseMs: 1 } });
    const watch = store.watch({ key: 'w' });
    await watch.next();
    const pending = failureOf(watch.next());
    fake.revision = 4n;
    (await fake.watchStream()).end();
    expect((await pending).code).toBe('REVISION_REGRESSED');
  });

  it('takes the older revision of a member that lags behind for what it is on a stream', async () => {
    const fake = await fakeEtcd();
    const store = storeOn(fake.endpoint);
    await store.read({ key: 'k' });
    fake.onKeepAlive = ({ ID }, stream) =>
      stream.send({ header: fake.header(5n), ID, TTL: { low: 5, high: 0, unsigned: false } });
    expect((await store.renew('1')).ttlMs).toBe(5_000);
  });
});
