import { describe, expect, it } from 'vitest';
import { isCoordinationError } from '../../../src/errors.js';
import { parseEndpoint } from '../../../src/transport/etcd/address.js';
import { type EtcdOptions, resolveOptions } from '../../../src/transport/etcd/options.js';
import { createEtcdStore } from '../../../src/transport/etcd/store.js';

/** The error of options that are refused; a caller without types can pass anything. */
function refusal(options: unknown): { code: string; message: string } {
  try {
    createEtcdStore(options as EtcdOptions);
  } catch (error) {
    if (isCoordinationError(error)) return error;
    throw error;
  }
  throw new Error('the options were taken');
}

const endpoints = 'http://127.0.0.1:2379';
const auth = { username: 'root', password: 'canary-secret' };

describe('an endpoint', () => {
  it.each([
    ['127.0.0.1:2379', 'ipv4:127.0.0.1:2379', 'http://127.0.0.1:2379'],
    ['http://127.0.0.1', 'ipv4:127.0.0.1:2379', 'http://127.0.0.1:2379'],
    ['http://etcd.example:80', 'dns:etcd.example:80', 'http://etcd.example:80'],
    ['https://etcd.example:443/', 'dns:etcd.example:443', 'https://etcd.example:443'],
    ['localhost', 'dns:localhost:2379', 'http://localhost:2379'],
    ['http://[::1]', 'ipv6:[::1]:2379', 'http://[::1]:2379'],
    ['[::1]:4000', 'ipv6:[::1]:4000', 'http://[::1]:4000'],
    ['unix:///run/etcd.sock', 'unix:/run/etcd.sock', 'unix:/run/etcd.sock'],
  ])('%s leads to %s', (endpoint, target, name) => {
    expect(parseEndpoint(endpoint, false)).toMatchObject({ target, name });
  });

  it('without a scheme is https where tls is given', () => {
    expect(parseEndpoint('host:1', true)).toMatchObject({ name: 'https://host:1', secure: true, exposed: false });
  });

  it.each([
    undefined,
    null,
    7,
    '',
    [],
    [''],
    [undefined],
    'http://',
    'http://host:port',
    'http://host:99999',
    'http://host:0',
    'http://host/path',
    'http://host?query',
    'http://host#part',
    'ftp://host',
    'http://ho st',
    'http://host\n:1',
    'unix:relative',
    'unix://host/path',
    ['http://good:1', 'bad host'],
  ])('that is %j is refused with INVALID_ENDPOINT', (bad) => {
    expect(refusal({ endpoints: bad }).code).toBe('INVALID_ENDPOINT');
  });

  it('with credentials is refused, and they are not repeated', () => {
    const { code, message } = refusal({ endpoints: 'http://root:canary-secret@host:1' });
    expect(code).toBe('INVALID_ENDPOINT');
    expect(message).not.toContain('canary');
  });

  it('given twice counts once', () => {
    expect(resolveOptions({ endpoints: [endpoints, '127.0.0.1:2379'] }).addresses.length).toBe(1);
  });
});

describe('options', () => {
  it.each([
    [undefined, 'INVALID_OPTION'],
    [{ endpoints, hosts: 1 }, 'UNKNOWN_OPTION'],
    [{ endpoints, tls: { rejectUnauthorized: false } }, 'UNKNOWN_OPTION'],
    [{ endpoints, timeouts: { call: 1 } }, 'UNKNOWN_OPTION'],
    [{ endpoints, retry: { max: 1 } }, 'UNKNOWN_OPTION'],
    [{ endpoints, auth: { ...auth, token: '' } }, 'UNKNOWN_OPTION'],
    [{ endpoints, tls: { ca: 'x' } }, 'INVALID_ENDPOINT'],
    [{ endpoints: 'host', tls: { ca: '' } }, 'INVALID_OPTION'],
    [{ endpoints: 'host', tls: { cert: 'x' } }, 'INVALID_OPTION'],
    [{ endpoints: 'host', tls: { ca: 'x', key: 'canary', cert: 'canary' } }, 'INVALID_OPTION'],
    [{ endpoints: 'host', tls: { serverName: '' } }, 'INVALID_OPTION'],
    [{ endpoints, auth }, 'INSECURE_CREDENTIALS'],
    [{ endpoints: ['https://a', 'http://b'], auth }, 'INSECURE_CREDENTIALS'],
    [{ endpoints, auth: { username: 'root' }, allowInsecureAuth: true }, 'INVALID_OPTION'],
    [{ endpoints, auth, allowInsecureAuth: 'yes' }, 'INVALID_OPTION'],
    [{ endpoints, namespace: '' }, 'INVALID_KEY'],
    [{ endpoints, namespace: '/app/' }, 'INVALID_PREFIX'],
    [{ endpoints, namespace: '/' }, 'INVALID_PREFIX'],
    [{ endpoints, timeouts: { callMs: 0 } }, 'INVALID_TIMEOUT'],
    [{ endpoints, timeouts: { connectMs: Number.POSITIVE_INFINITY } }, 'INVALID_TIMEOUT'],
    [{ endpoints, timeouts: { keepAliveMs: 4_999 } }, 'INVALID_TIMEOUT'],
    [{ endpoints, retry: { attempts: 0 } }, 'INVALID_OPTION'],
    [{ endpoints, retry: { baseMs: -1 } }, 'INVALID_TIMEOUT'],
  ])('%j are refused with %s, and show no secret', (options, code) => {
    const error = refusal(options);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('canary');
  });

  it('let a password travel with TLS, through a socket of this machine, or when it is said that it may', () => {
    for (const more of [
      { endpoints: 'https://a' },
      { endpoints: 'unix:///a' },
      { endpoints, allowInsecureAuth: true },
    ]) {
      expect(resolveOptions({ ...more, auth }).auth).toEqual(auth);
    }
  });
});
