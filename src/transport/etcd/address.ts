import { isIP } from 'node:net';
import { CoordinationError, printable } from '../../errors.js';

/** One endpoint, taken apart. */
export interface Address {
  /** For messages: scheme, host and port. Never holds credentials, since an endpoint with any is refused. */
  readonly name: string;
  /** What gRPC connects to. */
  readonly target: string;
  /** The name or address that a certificate must be made out to; without brackets. */
  readonly host: string;
  readonly secure: boolean;
  /** Whether others on the network can read along: neither TLS nor a socket of this machine's file system. */
  readonly exposed: boolean;
}

const defaultPort = '2379';

function invalidEndpoint(problem: string, sentence: string): CoordinationError {
  return new CoordinationError('INVALID_ENDPOINT', sentence, { field: 'endpoints', problem });
}

/** Takes an endpoint apart. `tls` says what one without a scheme means. Throws `INVALID_ENDPOINT`. */
export function parseEndpoint(endpoint: unknown, tls: boolean): Address {
  if (typeof endpoint !== 'string' || endpoint === '') {
    throw invalidEndpoint(
      'not-a-string',
      `An endpoint must be text like "http://127.0.0.1:2379", got ${kindOf(endpoint)}.`,
    );
  }
  // Whatever stands before an @ may be a password: such an endpoint is never repeated in a message.
  if (endpoint.includes('@')) {
    throw invalidEndpoint('credentials', 'An endpoint must not hold credentials; use the option "auth".');
  }
  return endpoint.startsWith('unix:') ? parseSocket(endpoint, tls) : parseUrl(endpoint, tls);
}

function kindOf(value: unknown): string {
  return value === '' ? 'empty text' : printable(value);
}

function parseSocket(endpoint: string, tls: boolean): Address {
  const path = endpoint.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (!path.startsWith('/') || path.startsWith('//') || path.includes('\0')) {
    throw invalidEndpoint('socket-path', `A socket endpoint is "unix:///absolute/path", got "${printable(endpoint)}".`);
  }
  if (tls) throw invalidEndpoint('scheme', 'The option "tls" does not go with a unix: endpoint.');
  return { name: `unix:${path}`, target: `unix:${path}`, host: '', secure: false, exposed: false };
}

const scheme = /^[a-z][a-z0-9+.-]*:\/\//i;

function parseUrl(endpoint: string, tls: boolean): Address {
  const text = scheme.test(endpoint) ? endpoint : `${tls ? 'https' : 'http'}://${endpoint}`;
  const url = urlOf(text);
  if (url === undefined) {
    throw invalidEndpoint('malformed', `"${printable(endpoint)}" is no endpoint; write "http://host:2379".`);
  }
  const secure = url.protocol === 'https:';
  if (!secure && url.protocol !== 'http:') {
    throw invalidEndpoint('scheme', `An endpoint is http, https or unix, got "${printable(endpoint)}".`);
  }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') {
    throw invalidEndpoint('path', `An endpoint has no path, query or fragment: "${printable(endpoint)}".`);
  }
  if (tls && !secure) {
    throw invalidEndpoint('scheme', `The option "tls" is given, but "${printable(endpoint)}" says http; write https.`);
  }
  // The URL parser drops a port that is its scheme's default, which is not ours.
  return addressOf(url.hostname, /:(\d+)\/?$/.exec(text)?.[1] ?? defaultPort, secure);
}

function urlOf(text: string): URL | undefined {
  // The URL parser strips and repairs silently what is more likely a mistake.
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' || url.port === '0' ? undefined : url;
}

function addressOf(host: string, port: string, secure: boolean): Address {
  const bare = host.replace(/^\[|\]$/g, '');
  const kind = isIP(bare);
  const target = kind === 4 ? `ipv4:${host}:${port}` : kind === 6 ? `ipv6:[${bare}]:${port}` : `dns:${host}:${port}`;
  return { name: `${secure ? 'https' : 'http'}://${host}:${port}`, target, host: bare, secure, exposed: !secure };
}
