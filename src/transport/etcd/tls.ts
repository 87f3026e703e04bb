import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { TlsOptions } from '../../core/transport-options.js';
import { CoordinationError } from '../../errors.js';

/** Secures a connected socket, or rejects. */
export type Secure = (socket: Socket) => Promise<TLSSocket>;

/** The certificates of the options, read. Throws `INVALID_OPTION` when they are not usable. */
export function secureContext(tls: TlsOptions | undefined): SecureContext {
  try {
    return createSecureContext({ ca: pem(tls?.ca), key: pem(tls?.key), cert: pem(tls?.cert) });
  } catch {
    // What OpenSSL says is of no use to anybody, and its error may hold the key.
    throw unusable(tls);
  }
}

function pem(text: string | Uint8Array | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text);
}

function unusable(tls: TlsOptions | undefined): CoordinationError {
  const given = (['ca', 'cert', 'key'] as const).filter((name) => tls?.[name] !== undefined);
  const sentence = `tls.${given.join(', tls.')}: not usable; give PEM, and the key that belongs to the certificate.`;
  return new CoordinationError('INVALID_OPTION', sentence, { field: 'tls', problem: 'not-pem' });
}

/**
 * Secures sockets for HTTP/2 to the server of this name. gRPC would send an IP address as the server name, which TLS does
 * not allow: Node warns of it, and is going to leave it out, after which the certificate would be held against the wrong
 * name. So an address is only held against the certificate.
 */
export function secureFor(name: string, context: SecureContext): Secure {
  const servername = isIP(name) === 0 ? { servername: name } : {};
  return (socket) =>
    new Promise((resolve, reject) => {
      const secured = connect({
        socket,
        secureContext: context,
        ALPNProtocols: ['h2'],
        ...servername,
        checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      });
      secured.once('secureConnect', () => resolve(secured));
      // It stays: whatever goes wrong later is told by the connection on top.
      secured.on('error', reject);
      secured.once('close', () => reject(new Error('the connection was closed during the TLS handshake')));
    });
}
