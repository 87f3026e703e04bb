import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { put } from '../../src/core/store.js';
import { isCoordinationError } from '../../src/errors.js';
import type { EtcdOptions } from '../../src/transport/etcd/options.js';
import { createEtcdStore, type EtcdStore } from '../../src/transport/etcd/store.js';
import { type Certs, type KeyPair, makeCerts } from '../servers/certs.js';
import { type EtcdCluster, startEtcd } from '../servers/cluster.js';
import { hasServer } from '../servers/find.js';
import { waitFor } from '../servers/wait.js';

const stores: EtcdStore[] = [];
const clusters: EtcdCluster[] = [];
let certs: Certs;

beforeAll(async () => {
  certs = await makeCerts();
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

afterAll(async () => {
  for (const cluster of clusters.splice(0)) await cluster.stop();
});

function open(endpoints: string | readonly string[], options: Partial<EtcdOptions> = {}): EtcdStore {
  const store = createEtcdStore({ endpoints, ...options });
  stores.push(store);
  return store;
}

async function serve(version: '3.4' | '3.5', pair: KeyPair, flags: { clientCertAuth?: boolean } = {}): Promise<string> {
  const cluster = await startEtcd({ version, nodes: 1, tls: { ca: certs.ca, ...pair }, ...flags });
  clusters.push(cluster);
  return cluster.endpoints[0] as string;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isCoordinationError(error) ? error.code : String(error);
}

const pem = (path: string): string => readFileSync(path, 'utf8');

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`TLS with etcd ${version}`, () => {
    it('is used when the authority is known, and refused when it is not', async () => {
      const endpoint = await serve(version, certs.server);
      const store = open(endpoint, { tls: { ca: pem(certs.ca) } });
      expect((await store.commit([], [put('k', 'v')])).ok).toBe(true);
      expect((await store.watch({ key: 'k' }).next()).value?.kind).toBe('snapshot');
      for (const tls of [{}, { ca: pem(certs.selfSigned.cert) }, { ca: pem(certs.ca), serverName: 'other.example' }]) {
        const wrong = open(endpoint, { tls });
        expect(await codeOf(wrong.read({ key: 'k' }))).toBe('TLS_FAILED');
        expect(await codeOf(wrong.commit([], [put('k', 'v')]))).toBe('TLS_FAILED');
        expect(await codeOf(wrong.watch({ key: 'k' }).next())).toBe('TLS_FAILED');
      }
    });

    it('refuses a certificate for another host, one that is over, and one that signed itself', async () => {
      for (const pair of [certs.wrongHost, certs.expired, certs.selfSigned]) {
        const store = open(await serve(version, pair), { tls: { ca: pem(certs.ca) } });
        expect(await codeOf(store.read({ key: 'k' }))).toBe('TLS_FAILED');
      }
    });

    it('shows our certificate where the server wants one, and says TLS_FAILED where we have none', async () => {
      const endpoint = await serve(version, certs.server, { clientCertAuth: true });
      const { cert, key } = certs.client;
      const store = open(endpoint, { tls: { ca: pem(certs.ca), cert: pem(cert), key: pem(key) } });
      expect((await store.commit([], [put('k', 'v')])).ok).toBe(true);
      const without = open(endpoint, { tls: { ca: pem(certs.ca) } });
      expect(await codeOf(without.read({ key: 'k' }))).toBe('TLS_FAILED');
    });
  });

const ttlFlags = { '3.4': [], '3.5': ['--auth-token-ttl=1'] } as const;

for (const version of ['3.4', '3.5'] as const)
  describe.skipIf(!(await hasServer(`etcd-${version}`)))(`authentication with etcd ${version}`, () => {
    let cluster: EtcdCluster;

    beforeAll(async () => {
      cluster = await startEtcd({ version, nodes: 1, flags: ttlFlags[version] });
      const run = async (...args: string[]): Promise<void> => {
        const { code, stderr } = await cluster.etcdctl(args);
        if (code !== 0) throw new Error(stderr);
      };
      await run('user', 'add', 'root:rootpw');
      await run('user', 'grant-role', 'root', 'root');
      await run('user', 'add', 'app:apppw');
      await run('role', 'add', 'app');
      await run('role', 'grant-permission', 'app', '--prefix=true', 'readwrite', '/app/');
      await run('user', 'grant-role', 'app', 'app');
      await run('auth', 'enable');
    });

    afterAll(() => cluster?.stop());

    const app = (password = 'apppw'): EtcdStore => {
      return open(cluster.endpoints, { auth: { username: 'app', password }, allowInsecureAuth: true });
    };

    it('lets in who has the password, to what is permitted, and nobody else', async () => {
      const store = app();
      expect((await store.commit([], [put('/app/k', 'v')])).ok).toBe(true);
      expect(await codeOf(store.read({ key: '/other' }))).toBe('PERMISSION_DENIED');
      expect(await codeOf(store.commit([], [put('/other', '')]))).toBe('PERMISSION_DENIED');
      const [allowed, denied] = [store.watch({ prefix: '/app/' }), store.watch({ prefix: '/other/' })];
      expect((await allowed.next()).value?.kind).toBe('snapshot');
      expect(await codeOf(denied.next())).toBe('PERMISSION_DENIED');
      await store.commit([], [put('/app/k', 'still')]);
      expect((await allowed.next()).value?.kind).toBe('changes');
      expect(await codeOf(app('wrong').read({ key: '/app/k' }))).toBe('UNAUTHENTICATED');
      expect(await codeOf(open(cluster.endpoints).read({ key: '/app/k' }))).toBe('UNAUTHENTICATED');
    });

    /** 3.5 lets tokens grow old in a second; 3.4 has no such flag, but forgets them when the password is set anew. */
    async function endToken(): Promise<void> {
      if (version === '3.5') return waitUnused(2_500);
      const args = ['--user', 'root:rootpw', 'user', 'passwd', 'app', '--interactive=false'];
      const { code, stderr } = await cluster.etcdctl(args, { input: 'apppw\n' });
      if (code !== 0) throw new Error(stderr);
    }

    it('forgets tokens, and calls, streams that are open and streams that are new go on', async () => {
      const store = app();
      const watch = store.watch({ key: '/app/w' });
      await watch.next();
      const lease = await store.grant(60_000);
      for (let round = 1; round <= 3; round++) {
        const logins = store.stats.unary['Authenticate'] ?? 0;
        await endToken();
        const late = store.watch({ key: '/app/late' });
        expect((await late.next()).value?.kind).toBe('snapshot');
        await late.return();
        await store.commit([], [put('/app/w', String(round))]);
        expect((await store.renew(lease.id)).id).toBe(lease.id);
        expect(store.stats.unary['Authenticate']).toBeGreaterThan(logins);
      }
      expect((await watch.next()).value?.kind).toMatch(/changes|snapshot/);
    });
  });

/** Lets a token grow old. */
async function waitUnused(ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  await waitFor(() => performance.now() >= untilMs, { timeoutMs: ms + 5_000, what: 'the token is old' });
}
