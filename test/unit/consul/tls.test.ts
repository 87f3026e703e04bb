import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { put } from '../../../src/core/store.js';
import type { ConsulOptions } from '../../../src/transport/consul/options.js';
import { codeOf, failureOf } from '../../rejections.js';
import { type Certs, type KeyPair, makeCerts } from '../../servers/certs.js';
import { run } from '../../servers/run.js';
import type { FakeConsul } from './fake-consul.js';
import { fakeConsul, next, storeOn, tidyUp, told } from './tools.js';

tidyUp();

const token = 'canary-tls-token';

/** The certificates are made by the program openssl. */
const hasOpenssl = await run('openssl', ['version'], { timeoutMs: 10_000 }).then(
  ({ code }) => code === 0,
  () => false,
);

describe.skipIf(!hasOpenssl)('TLS', () => {
  let certs: Certs;
  beforeAll(async () => {
    certs = await makeCerts();
  });

  const load = ({ cert, key }: KeyPair): { cert: Buffer; key: Buffer } => {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  };

  /** A server with this certificate, and options that trust the authority. */
  async function secured(
    pair: KeyPair,
    more: object = {},
  ): Promise<{ fake: FakeConsul; trusting: Partial<ConsulOptions> }> {
    const fake = await fakeConsul({ tls: { ...load(pair), ...more } });
    return {
      fake,
      trusting: { token, tls: { ca: readFileSync(certs.ca, 'utf8') }, retry: { attempts: 3, baseMs: 1 } },
    };
  }

  it('carries everything, over connections that are kept', async () => {
    const { fake, trusting } = await secured(certs.server);
    const store = storeOn(fake, trusting);
    const watch = store.watch({ prefix: 'k/' });
    await next(watch);
    for (const n of [1, 2, 3]) {
      await store.commit([], [put('k/a', String(n))]);
      expect(told(await next(watch))).toEqual([`k/a=${n}`]);
    }
    expect(fake.seen[0]?.headers['x-consul-token']).toBe(token);
    expect(fake.connects).toBeLessThanOrEqual(2);
  });

  it.each(['selfSigned', 'wrongHost', 'expired'] as const)(
    'to a server whose certificate is not good (%s) is TLS_FAILED; nothing was sent, nothing is shown (hazard 70)',
    async (which) => {
      const { fake, trusting } = await secured(certs[which]);
      const store = storeOn(fake, trusting);
      for (const call of [
        () => store.read({ key: 'k' }),
        () => store.commit([], [put('k', 'v')]),
        () => store.grant(10_000),
      ]) {
        const error = await failureOf(call());
        expect(error).toMatchObject({ code: 'TLS_FAILED', retryable: false });
        expect(`${error.message}${String(error.stack)}${String(error.cause)}`).not.toContain('canary');
      }
      expect(await codeOf(next(store.watch({ key: 'k' })))).toBe('TLS_FAILED');
      expect(fake.seen).toEqual([]);
    },
  );

  it('without the authority of the server is TLS_FAILED', async () => {
    const { fake } = await secured(certs.server);
    expect(await codeOf(storeOn(fake, { token }).read({ key: 'k' }))).toBe('TLS_FAILED');
    expect(fake.seen).toEqual([]);
  });

  it('takes the name that the server is to have, instead of that in the address', async () => {
    const { fake, trusting } = await secured(certs.wrongHost);
    const named = { ...trusting, tls: { ...trusting.tls, serverName: 'other.invalid' } };
    expect((await storeOn(fake, named).read({ key: 'k' })).entries).toEqual([]);
    const { fake: other } = await secured(certs.server);
    expect(await codeOf(storeOn(other, named).read({ key: 'k' }))).toBe('TLS_FAILED');
  });

  it('shows the certificate of the client, without which a server that wants one takes no commit', async () => {
    const ca = readFileSync(certs.ca);
    const { fake, trusting } = await secured(certs.server, { ca, requestCert: true, rejectUnauthorized: true });
    const store = storeOn(fake, trusting);
    const error = await failureOf(store.commit([], [put('k', 'v')]));
    expect(error.code).toMatch(/^(?:TLS_FAILED|UNAVAILABLE|UNKNOWN_OUTCOME)$/);
    expect(fake.kv.pairs.size).toBe(0);
    const known = { ...trusting, tls: { ...trusting.tls, ...load(certs.client) } };
    expect((await storeOn(fake, known).commit([], [put('k', 'v')])).ok).toBe(true);
  });
});
