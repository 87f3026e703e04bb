import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { isCoordinationError } from '../../../src/errors.js';
import { environmentOptions } from '../../../src/transport/consul/environment.js';
import { type ConsulOptions, resolveOptions } from '../../../src/transport/consul/options.js';
import { createConsulStore } from '../../../src/transport/consul/store.js';

interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** The error that a function throws. */
function refusalBy(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (isCoordinationError(error)) return error;
    throw error;
  }
  throw new Error('it was taken');
}

/** The error of options that are refused; a caller without types can pass anything. */
const refusal = (options: unknown): Refusal => refusalBy(() => createConsulStore(options as ConsulOptions));

const address = '127.0.0.1:8500';
const token = 'canary-7b1c';

describe('an address', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:8500'],
    ['127.0.0.1:18500', 'http://127.0.0.1:18500'],
    ['localhost', 'http://localhost:8500'],
    ['http://consul.example:80', 'http://consul.example:80'],
    ['https://consul.example:443/', 'https://consul.example:443'],
    ['https://consul.example', 'https://consul.example:8500'],
    ['http://[::1]', 'http://[::1]:8500'],
    ['unix:///run/consul.sock', 'unix:/run/consul.sock'],
  ])('%s leads to %s', (text, name) => {
    expect(resolveOptions({ address: text }).address.name).toBe(name);
  });

  it('without a scheme is https where tls is given', () => {
    expect(resolveOptions({ address: 'host:1', tls: {} }).address).toMatchObject({
      name: 'https://host:1',
      secure: true,
    });
  });

  it.each([
    undefined,
    null,
    7,
    '',
    [address],
    'http://',
    'http://host:port',
    'http://host:99999',
    'http://host:0',
    'http://host/v1',
    'http://host?dc=x',
    'http://host#x',
    'ftp://host',
    'http://ho st',
    'http://host\n:1',
    'unix:relative',
    'unix://host/path',
  ])('that is %j is refused with INVALID_ENDPOINT', (bad) => {
    expect(refusal({ address: bad }).code).toBe('INVALID_ENDPOINT');
  });

  it('with credentials is refused, and they are not repeated', () => {
    const { code, message } = refusal({ address: `http://root:${token}@host:1` });
    expect(code).toBe('INVALID_ENDPOINT');
    expect(message).not.toContain('canary');
  });
});

describe('options', () => {
  it.each([
    [undefined, 'INVALID_OPTION'],
    [{ address, endpoints: address }, 'UNKNOWN_OPTION'],
    [{ address: 'host', tls: { rejectUnauthorized: false } }, 'UNKNOWN_OPTION'],
    [{ address, timeouts: { call: 1 } }, 'UNKNOWN_OPTION'],
    [{ address, retry: { max: 1 } }, 'UNKNOWN_OPTION'],
    [{ address, session: { ttlMs: 1 } }, 'UNKNOWN_OPTION'],
    [{ address, session: { behavior: 'release' } }, 'UNKNOWN_OPTION'],
    [{ address, connections: { all: 1 } }, 'UNKNOWN_OPTION'],
    [{ address: 'http://127.0.0.1', tls: { ca: 'x' } }, 'INVALID_ENDPOINT'],
    [{ address: 'unix:///a', tls: { ca: 'x' } }, 'INVALID_ENDPOINT'],
    [{ address: 'host', tls: { ca: '' } }, 'INVALID_OPTION'],
    [{ address: 'host', tls: { cert: 'x' } }, 'INVALID_OPTION'],
    [{ address: 'host', tls: { serverName: '' } }, 'INVALID_OPTION'],
    [{ address: 'consul.example', token }, 'INSECURE_CREDENTIALS'],
    [{ address: 'http://10.0.0.1', token }, 'INSECURE_CREDENTIALS'],
    [{ address: 'http://128.0.0.1', token: () => token }, 'INSECURE_CREDENTIALS'],
    [{ address: 'http://127.0.0.1.example', token }, 'INSECURE_CREDENTIALS'],
    [{ address: 'http://localhost.example', token }, 'INSECURE_CREDENTIALS'],
    [{ address, token, allowInsecureAuth: 'yes' }, 'INVALID_OPTION'],
    [{ address, token: '' }, 'INVALID_OPTION'],
    [{ address, token: `${token}\r\nx-other: 1` }, 'INVALID_OPTION'],
    [{ address, token: `${token} ` }, 'INVALID_OPTION'],
    [{ address, token: `${token}\u{1f600}` }, 'INVALID_OPTION'],
    [{ address, token: null }, 'INVALID_OPTION'],
    [{ address, token: { secret: token } }, 'INVALID_OPTION'],
    [{ address, datacenter: '' }, 'INVALID_OPTION'],
    [{ address, datacenter: 7 }, 'INVALID_OPTION'],
    [{ address, namespace: '' }, 'INVALID_OPTION'],
    [{ address, partition: {} }, 'INVALID_OPTION'],
    [{ address, session: 7 }, 'INVALID_OPTION'],
    [{ address, session: { lockDelayMs: -1 } }, 'INVALID_OPTION'],
    [{ address, session: { lockDelayMs: 60_001 } }, 'INVALID_OPTION'],
    [{ address, session: { lockDelayMs: Number.NaN } }, 'INVALID_OPTION'],
    [{ address, session: { lockDelayMs: '1s' } }, 'INVALID_OPTION'],
    [{ address, session: { checks: 'serfHealth' } }, 'INVALID_OPTION'],
    [{ address, session: { checks: [undefined] } }, 'INVALID_OPTION'],
    [{ address, session: { checks: [7] } }, 'INVALID_OPTION'],
    [{ address, session: { minTtlMs: 999 } }, 'INVALID_OPTION'],
    [{ address, session: { minTtlMs: 10_001 } }, 'INVALID_OPTION'],
    [{ address, connections: { calls: 0 } }, 'INVALID_OPTION'],
    [{ address, connections: { watches: 1.5 } }, 'INVALID_OPTION'],
    [{ address, timeouts: { callMs: 0 } }, 'INVALID_TIMEOUT'],
    [{ address, timeouts: { connectMs: Number.POSITIVE_INFINITY } }, 'INVALID_TIMEOUT'],
    [{ address, timeouts: { attemptMs: '1' } }, 'INVALID_TIMEOUT'],
    [{ address, timeouts: { watchMs: 999 } }, 'INVALID_TIMEOUT'],
    [{ address, timeouts: { watchMs: 55_001 } }, 'INVALID_TIMEOUT'],
    [{ address, retry: { attempts: 0 } }, 'INVALID_OPTION'],
    [{ address, retry: { baseMs: -1 } }, 'INVALID_TIMEOUT'],
  ])('%j are refused with %s, and show no secret', (options, code) => {
    const error = refusal(options);
    expect(error.code).toBe(code);
    expect(inspect(error, { depth: null })).not.toContain('canary');
  });

  it.each([
    { address: 'https://consul.example' },
    { address: 'consul.example', tls: {} },
    { address: 'unix:///run/consul.sock' },
    { address: 'http://localhost' },
    { address: 'http://127.3.2.1' },
    { address: 'http://[::1]' },
    { address: 'http://consul.example', allowInsecureAuth: true },
  ])('let a token travel where nobody can listen, or when it is said that it may: %j', (more) => {
    expect(resolveOptions({ ...more, token }).token?.()).toBe(token);
  });

  it('have the defaults that are documented (hazard 75: no poll is longer than 55 s)', () => {
    expect(resolveOptions({ address })).toMatchObject({
      token: undefined,
      tls: undefined,
      place: {},
      session: { lockDelayMs: 0, checks: [], minTtlMs: 10_000 },
      connections: { calls: 32, watches: 32 },
      timeouts: { callMs: 5_000, connectMs: 1_500, attemptMs: 2_000, watchMs: 55_000 },
      retry: { attempts: 5, baseMs: 50, capMs: 1_000 },
    });
  });
});

describe('the environment of the consul program', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coterie-environment-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A file with this text; returns its path. */
  const fileOf = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  /** Where the options lead to. */
  const nameOf = (options: ConsulOptions): string => resolveOptions(options).address.name;

  it('says nothing: the agent on this machine, without a token', () => {
    for (const env of [{}, { CONSUL_HTTP_ADDR: '', CONSUL_HTTP_SSL: '', CONSUL_HTTP_TOKEN: '', CONSUL_CACERT: '' }]) {
      const options = environmentOptions(env);
      expect(nameOf(options)).toBe('http://127.0.0.1:8500');
      expect(Object.keys(options)).toEqual(['address']);
    }
  });

  it('is that of this process where none is given', () => {
    vi.stubEnv('CONSUL_HTTP_ADDR', '127.0.0.1:18501');
    try {
      expect(nameOf(environmentOptions())).toBe('http://127.0.0.1:18501');
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each([
    [{ CONSUL_HTTP_ADDR: 'host:1' }, 'http://host:1'],
    [{ CONSUL_HTTP_ADDR: 'http://host:1' }, 'http://host:1'],
    [{ CONSUL_HTTP_ADDR: 'https://host:1' }, 'https://host:1'],
    [{ CONSUL_HTTP_ADDR: 'unix:///run/consul.sock' }, 'unix:/run/consul.sock'],
    [{ CONSUL_HTTP_SSL: 'true' }, 'https://127.0.0.1:8500'],
    [{ CONSUL_HTTP_ADDR: 'host:1', CONSUL_HTTP_SSL: 'true' }, 'https://host:1'],
    [{ CONSUL_HTTP_ADDR: 'http://host:1', CONSUL_HTTP_SSL: '1' }, 'https://host:1'],
    [{ CONSUL_HTTP_ADDR: 'host:1', CONSUL_HTTP_SSL: 'false' }, 'http://host:1'],
    [{ CONSUL_HTTP_ADDR: 'host:1', CONSUL_HTTP_SSL: '0', CONSUL_HTTP_SSL_VERIFY: 'true' }, 'http://host:1'],
    [{ CONSUL_HTTP_ADDR: 'unix:///run/consul.sock', CONSUL_HTTP_SSL: 'true' }, 'unix:/run/consul.sock'],
  ])('%j leads to %s', (env, name) => {
    expect(nameOf(environmentOptions(env))).toBe(name);
  });

  it('gives the token, out of a file too, without the end of its line', () => {
    const path = fileOf('token', `${token}\n`);
    expect(environmentOptions({ CONSUL_HTTP_TOKEN: token }).token).toBe(token);
    expect(environmentOptions({ CONSUL_HTTP_TOKEN_FILE: path }).token).toBe(token);
  });

  it('gives the token of the file where there are both, as the program does', () => {
    const path = fileOf('other-token', 'of-the-file\n');
    const env = { CONSUL_HTTP_TOKEN: token, CONSUL_HTTP_TOKEN_FILE: path };
    expect(environmentOptions(env).token).toBe('of-the-file');
  });

  it('gives namespace and partition; CONSUL_DATACENTER is not one of the program', () => {
    const env = { CONSUL_NAMESPACE: 'team', CONSUL_PARTITION: 'part', CONSUL_DATACENTER: 'dc9' };
    const { address: _, ...options } = environmentOptions(env);
    expect(options).toEqual({ namespace: 'team', partition: 'part' });
  });

  it('gives certificates and the name of the server', () => {
    const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => fileOf(`${name}.pem`, `PEM of ${name}`));
    const env = {
      CONSUL_HTTP_ADDR: 'https://host:1',
      CONSUL_CACERT: ca,
      CONSUL_CLIENT_CERT: cert,
      CONSUL_CLIENT_KEY: key,
      CONSUL_TLS_SERVER_NAME: 'server.dc1.consul',
    };
    const tls = { ca: 'PEM of ca', cert: 'PEM of cert', key: 'PEM of key', serverName: 'server.dc1.consul' };
    expect(environmentOptions(env).tls).toEqual(tls);
  });

  it('gives all authorities of a folder', () => {
    const authorities = mkdtempSync(join(folder, 'authorities-'));
    for (const name of ['a', 'b']) writeFileSync(join(authorities, name), `PEM of ${name}`);
    const { tls } = environmentOptions({ CONSUL_HTTP_ADDR: 'https://host:1', CONSUL_CAPATH: authorities });
    expect(tls?.ca).toContain('PEM of a');
    expect(tls?.ca).toContain('PEM of b');
  });

  it('gives no certificates where nothing is encrypted, as with the program', () => {
    const options = environmentOptions({ CONSUL_CACERT: '/nowhere/at/all', CONSUL_TLS_SERVER_NAME: 'server' });
    expect(options.tls).toBe(undefined);
    expect(nameOf(options)).toBe('http://127.0.0.1:8500');
  });

  it.each([
    [{ CONSUL_HTTP_SSL_VERIFY: 'false' }],
    [{ CONSUL_HTTP_SSL_VERIFY: '0' }],
    [{ CONSUL_HTTP_AUTH: `user:${token}` }],
    [{ CONSUL_HTTP_TOKEN_FILE: '/nowhere/at/all' }],
    [{ CONSUL_CACERT: '/nowhere/at/all', CONSUL_HTTP_SSL: 'true' }],
    [{ CONSUL_CAPATH: '/nowhere/at/all', CONSUL_HTTP_SSL: 'true' }],
    [{ CONSUL_CLIENT_CERT: '/nowhere/at/all', CONSUL_CLIENT_KEY: '/nowhere/at/all', CONSUL_HTTP_SSL: 'true' }],
  ])('%j is refused with INVALID_OPTION, which names the variable and shows no secret', (env) => {
    const error = refusalBy(() => environmentOptions(env));
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toContain(Object.keys(env)[0]);
    expect(inspect(error, { depth: null })).not.toContain('canary');
  });
});
