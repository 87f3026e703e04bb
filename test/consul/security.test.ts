import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { consul, environmentOptions } from '../../src/consul.js';
import { absent, put, read, remove } from '../../src/core/store.js';
import { Mutex } from '../../src/recipes/mutex.js';
import { failureOf } from '../rejections.js';
import { type Certs, makeCerts } from '../servers/certs.js';
import { hasServer } from '../servers/find.js';
import { takePorts } from '../servers/ports.js';
import { waitFor } from '../servers/wait.js';
import { scratchDir } from '../servers/watchdog.js';
import { ConsulFixture, shortTtl } from './tools.js';

const found = await hasServer('consul-1.8');
const pem = (path: string): string => readFileSync(path, 'utf8');

describe.skipIf(!found)('ACLs of Consul', () => {
  const fixture = new ConsulFixture(() => ({
    nodes: 1,
    // Whoever has no token may do everything, so that the test itself can set the scene.
    flags: [shortTtl, '-hcl=acl { enabled = true default_policy = "allow" tokens { master = "the-master" } }'],
  }));

  async function tokenWith(name: string, rules: string): Promise<string> {
    const headers = { 'X-Consul-Token': 'the-master' };
    const create = async (path: string, body: object): Promise<{ SecretID?: string; AccessorID?: string }> => {
      const url = `${fixture.address}/v1/acl/${path}`;
      const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as { SecretID?: string };
    };
    await create('policy', { Name: name, Rules: rules });
    return (await create('token', { Policies: [{ Name: name }] })).SecretID ?? '';
  }

  async function forget(secret: string): Promise<void> {
    const headers = { 'X-Consul-Token': secret };
    const self = (await (await fetch(`${fixture.address}/v1/acl/token/self`, { headers })).json()) as {
      AccessorID: string;
    };
    const master = { 'X-Consul-Token': 'the-master' };
    await fetch(`${fixture.address}/v1/acl/token/${self.AccessorID}`, { method: 'DELETE', headers: master });
  }

  it('that forbid a call end it at once, with the rule that is missing', async () => {
    const rules =
      'key_prefix "no/" { policy = "deny" } key_prefix "ro/" { policy = "read" } node_prefix "" { policy = "read" } session_prefix "" { policy = "read" }';
    const token = await tokenWith('narrow', rules);
    const store = fixture.open({ token });
    const denied = async (call: Promise<unknown>, rule: string): Promise<void> => {
      const before = Object.values(store.stats.requests).reduce((sum, count) => sum + count, 0);
      const error = await failureOf(call);
      expect(error).toMatchObject({ code: 'PERMISSION_DENIED', retryable: false });
      expect(error.message).toContain(rule);
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(token);
      expect(Object.values(store.stats.requests).reduce((sum, count) => sum + count, 0) - before).toBe(1);
    };
    await denied(store.read({ key: 'no/key' }), 'key "no/key" { policy = "read" }');
    await denied(store.watch({ key: 'no/key' }).next(), 'key "no/key" { policy = "read" }');
    await denied(store.commit([], [put('ro/key', '')]), 'key "ro/key" { policy = "write" }');
    await denied(store.commit([], [remove({ prefix: 'ro/' })]), 'key_prefix "ro/" { policy = "write" }');
    // A guard that may not be looked at is no guard that does not hold.
    await denied(store.commit([absent('no/key')], [put('yes/key', '')]), 'key "no/key" { policy = "read" }');
    await denied(store.commit([absent('no/key')], [read({ key: 'yes/key' })]), 'key "no/key" { policy = "read" }');
    await denied(store.grant(10_000), 'session_prefix "" { policy = "write" }');
    const { id } = await fixture.open().grant(10_000);
    await denied(store.renew(id), 'session_prefix "" { policy = "write" }');
    await denied(store.revoke(id), 'session_prefix "" { policy = "write" }');
    await fixture.open().revoke(id);
  });

  it('ask for no more than keys and sessions to hold a mutex', async () => {
    const rules =
      'key_prefix "" { policy = "deny" } key_prefix "locks/" { policy = "write" } session_prefix "" { policy = "write" }';
    const token = await tokenWith('lock', rules);
    const client = consul({ address: fixture.address, token });
    const hold = await new Mutex(client, '/locks/job').acquire({ timeoutMs: 5_000 });
    expect(hold.isHeld()).toBe(true);
    expect(await hold.release()).toBe(true);
    await client.close();
  });

  it('that no longer know a token make the function be asked for a new one, once', async () => {
    const tokens = await Promise.all(
      ['old', 'new'].map((name) => tokenWith(name, 'key_prefix "" { policy = "write" }')),
    );
    let asked = 0;
    const store = fixture.open({ token: async () => tokens[asked++] ?? 'gone' });
    await store.commit([], [put('rotated', 'v')]);
    const watch = store.watch({ key: 'rotated' });
    await watch.next();
    expect(asked).toBe(1);
    await forget(tokens[0] ?? '');
    await waitFor(async () => (await store.commit([], [put('rotated', 'w')])).ok, {
      timeoutMs: 5_000,
      what: 'the new token',
    });
    await waitFor(() => asked === 2, { timeoutMs: 5_000, what: 'the function to be asked again' });
    expect((await watch.next()).value).toMatchObject({ kind: 'changes' });
    await forget(tokens[1] ?? '');
    const refusal = (): Promise<unknown> =>
      store.read({ key: 'rotated' }).then(
        () => undefined,
        (error: unknown) => error,
      );
    const error = await waitFor(refusal, { timeoutMs: 5_000, what: 'the second token to be forgotten' });
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', retryable: false });
  });
});

describe.skipIf(!found)('TLS and sockets with Consul', () => {
  let certs: Certs;
  let port = 0;
  let socket = '';
  beforeAll(async () => {
    certs = await makeCerts();
    [port = 0] = await takePorts(1);
    socket = join(scratchDir('consul-socket'), 'http.sock');
  });

  const fixture = new ConsulFixture(() => ({
    nodes: 1,
    mode: 'process',
    flags: [
      `-hcl=ports { https = ${port} }`,
      `-hcl=addresses { http = "127.0.0.1 unix://${socket}" }`,
      `-hcl=ca_file = "${certs.ca}"`,
      `-hcl=cert_file = "${certs.server.cert}"`,
      `-hcl=key_file = "${certs.server.key}"`,
      '-hcl=verify_incoming_https = true',
    ],
  }));

  it('a client shows its certificate, and checks that of the server', async () => {
    const { cert, key } = certs.client;
    const own = { ca: pem(certs.ca), cert: pem(cert), key: pem(key) };
    const address = `https://localhost:${port}`;
    const store = fixture.open({ address, tls: own });
    expect((await store.commit([], [put('tls', 'v')])).ok).toBe(true);
    const watch = store.watch({ key: 'tls' });
    expect((await watch.next()).value).toMatchObject({ kind: 'snapshot' });
    const wrongs = [
      { ca: pem(certs.ca) },
      { ...own, ca: pem(certs.selfSigned.cert) },
      { ...own, serverName: 'other.example' },
      {},
    ];
    for (const tls of wrongs) {
      const wrong = fixture.open({ address, tls });
      expect((await failureOf(wrong.read({ key: 'tls' }))).code).toBe('TLS_FAILED');
      expect((await failureOf(wrong.commit([], [put('tls', 'w')]))).code).toBe('TLS_FAILED');
      expect((await failureOf(wrong.watch({ key: 'tls' }).next())).code).toBe('TLS_FAILED');
    }
    expect((await store.read({ key: 'tls' })).entries).toHaveLength(1);
  });

  it('a Unix socket leads there as well', async () => {
    const store = fixture.open({ address: `unix://${socket}`, token: 'a-token-may-travel-here' });
    expect((await store.commit([], [put('socket', 'v')])).ok).toBe(true);
    const watch = store.watch({ prefix: 'socket/' });
    expect((await watch.next()).value).toMatchObject({ kind: 'snapshot', entries: [] });
  });

  it('the variables of the consul program lead to the same place', async () => {
    const store = fixture.open(
      environmentOptions({
        CONSUL_HTTP_ADDR: `localhost:${port}`,
        CONSUL_HTTP_SSL: 'true',
        CONSUL_CACERT: certs.ca,
        CONSUL_CLIENT_CERT: certs.client.cert,
        CONSUL_CLIENT_KEY: certs.client.key,
      }),
    );
    expect((await store.read({ key: 'tls' })).entries).toHaveLength(1);
  });
});

describe.skipIf(!found)('hazard 81: a limit on connections', () => {
  const fixture = new ConsulFixture(() => ({ nodes: 1, flags: ['-hcl=limits { http_max_conns_per_client = 20 }'] }));

  it('is kept by sharing them: hundreds of calls and watches get through', async () => {
    const store = fixture.open({ connections: { calls: 6, watches: 6 } });
    const keys = Array.from({ length: 200 }, (_, n) => `limited/${n}`);
    const watches = keys.map((key) => store.watch({ key }));
    for (const watch of watches) expect((await watch.next()).value).toMatchObject({ entries: [] });
    await Promise.all(keys.map((key) => store.commit([absent(key)], [put(key, '')])));
    for (const watch of watches) expect((await watch.next()).value).toMatchObject({ kind: 'changes' });
  });

  it('that is overstepped is got over', async () => {
    const stores = Array.from({ length: 5 }, () =>
      fixture.open({ timeouts: { callMs: 20_000 }, retry: { attempts: 30 } }),
    );
    const reads = stores.flatMap((store) => Array.from({ length: 10 }, () => store.read({ key: 'limited/0' })));
    expect((await Promise.all(reads)).every(({ entries }) => entries.length === 1)).toBe(true);
  });
});
