import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Certs, type KeyPair, makeCerts } from './certs.js';
import { startEtcd } from './cluster.js';
import { hasServer } from './find.js';

let certs: Certs;
beforeAll(async () => {
  certs = await makeCerts();
});

function load({ cert, key }: KeyPair): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

async function connectTo(port: number, client?: KeyPair): Promise<TLSSocket> {
  const own = client === undefined ? {} : load(client);
  const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(certs.ca), ...own });
  await once(socket, 'secureConnect');
  return socket;
}

async function withServer(pair: KeyPair, use: (port: number, server: Server) => Promise<void>): Promise<void> {
  const ca = readFileSync(certs.ca);
  const server = createServer({ ...load(pair), ca, requestCert: true, rejectUnauthorized: false });
  // The client is to complain, not the server.
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port, server);
  } finally {
    server.close();
  }
}

describe('certificates', () => {
  test('a client trusts the server, and the server sees who the client is', async () => {
    const named = await Promise.all([certs.clientFor('alice'), certs.clientFor('bob')]);
    await withServer(certs.server, async (port, server) => {
      for (const [pair, name] of [
        [certs.client, 'client'],
        [named[0], 'alice'],
        [named[1], 'bob'],
      ] as const) {
        const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
        const socket = await connectTo(port, pair);
        const [peer] = await accepted;
        expect(peer.authorized).toBe(true);
        expect(peer.getPeerCertificate().subject.CN).toBe(name);
        socket.destroy();
      }
    });
  });

  test.each([
    ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('a client rejects the one that is %s', async (which, code) => {
    await withServer(certs[which], async (port) => {
      await expect(connectTo(port)).rejects.toMatchObject({ code });
    });
  });
});

for (const version of ['3.4', '3.5'] as const) {
  test.skipIf(!(await hasServer(`etcd-${version}`)))(`etcd ${version} asks clients for one`, async () => {
    const { ca, server, client, selfSigned } = certs;
    const tls = { ca, ...server, clientCert: client.cert, clientKey: client.key };
    await using cluster = await startEtcd({ version, nodes: 1, tls, clientCertAuth: true });
    expect(cluster.endpoints[0]).toMatch(/^https:/);
    const put = await cluster.etcdctl(['put', 'key', 'value']);
    expect(put.code, put.stderr).toBe(0);
    const stranger = [`--cert=${selfSigned.cert}`, `--key=${selfSigned.key}`, '--command-timeout=1s'];
    expect((await cluster.etcdctl([...stranger, 'get', 'key'])).code).not.toBe(0);
  });
}
