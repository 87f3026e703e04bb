import { CoordinationError, printable } from '../errors.js';

/** Where a server is reached. */
export interface Address {
  /** For messages: scheme, host and port, or the path of a socket. Never holds credentials: those are refused. */
  readonly name: string;
  /** Without the brackets of an IPv6 address; empty for a socket. */
  readonly host: string;
  readonly port: number;
  /** The file of a Unix domain socket, where it is one. */
  readonly socketPath?: string;
  readonly secure: boolean;
}

/** What differs between one kind of server and another. */
export interface AddressKind {
  /** The option that holds the address. */
  readonly field: string;
  readonly defaultPort: string;
  /** Where credentials go, if not into the address. */
  readonly credentials: string;
}

/** Takes an address apart: a URL, `host:port` or `unix:///path`. `tls` says what one without a scheme means. */
export class AddressReader {
  readonly #kind: AddressKind;
  readonly #tls: boolean;

  constructor(kind: AddressKind, tls: boolean) {
    this.#kind = kind;
    this.#tls = tls;
  }

  /** Throws `INVALID_ENDPOINT`. */
  read(text: unknown): Address {
    const { defaultPort, credentials } = this.#kind;
    if (typeof text !== 'string' || text === '') {
      const got = text === '' ? 'empty text' : printable(text);
      throw this.#invalid('not-a-string', `Write it like "http://127.0.0.1:${defaultPort}"; got ${got}.`);
    }
    // Whatever stands before an @ may be a password: such an address is never repeated in a message.
    if (text.includes('@')) {
      throw this.#invalid('credentials', `An address must not hold credentials; use the option "${credentials}".`);
    }
    return text.startsWith('unix:') ? this.#socket(text) : this.#url(text);
  }

  #invalid(problem: string, sentence: string): CoordinationError {
    const { field } = this.#kind;
    return new CoordinationError('INVALID_ENDPOINT', `${field}: ${sentence}`, { field, problem });
  }

  #socket(text: string): Address {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (!path.startsWith('/') || path.startsWith('//') || path.includes('\0')) {
      throw this.#invalid('socket-path', `A socket is "unix:///absolute/path", got "${printable(text)}".`);
    }
    if (this.#tls) throw this.#invalid('scheme', 'The option "tls" does not go with a unix: address.');
    return { name: `unix:${path}`, host: '', port: 0, socketPath: path, secure: false };
  }

  #url(address: string): Address {
    const text = scheme.test(address) ? address : `${this.#tls ? 'https' : 'http'}://${address}`;
    const url = urlOf(text);
    const shown = `"${printable(address)}"`;
    if (url === undefined) throw this.#invalid('malformed', `${shown} is none; write "http://host:port".`);
    const secure = url.protocol === 'https:';
    if (!secure && url.protocol !== 'http:') throw this.#invalid('scheme', `It is http, https or unix, got ${shown}.`);
    if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') {
      throw this.#invalid('path', `It has no path, query or fragment: ${shown}.`);
    }
    if (this.#tls && !secure) {
      throw this.#invalid('scheme', `The option "tls" is given, but ${shown} says http; write https.`);
    }
    // The URL parser drops a port that is its scheme's default, which is not ours.
    const port = /:(\d+)\/?$/.exec(text)?.[1] ?? this.#kind.defaultPort;
    const name = `${secure ? 'https' : 'http'}://${url.hostname}:${port}`;
    return { name, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(port), secure };
  }
}

const scheme = /^[a-z][a-z0-9+.-]*:\/\//i;

function urlOf(text: string): URL | undefined {
  // The URL parser strips and repairs silently what is more likely a mistake.
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' || url.port === '0' ? undefined : url;
}
