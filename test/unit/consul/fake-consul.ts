import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { FakeKv, type KvRange, type Pair, type TxnError, type TxnOp } from './fake-kv.js';

/** What a request is for, in the words of the store's own statistics; `other` is what no test expects. */
export type Kind = 'txn' | 'read' | 'poll' | 'grant' | 'renew' | 'revoke' | 'other';

/** What stands in an answer. After `cutAfter` bytes of the body the connection ends, after `stallAfter` nothing more comes. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly cutAfter?: number;
  readonly stallAfter?: number;
}

/** An answer, no answer at all, or the end of the connection: closed, or reset. */
export type Reply = Answer | 'silence' | 'hangup' | 'reset';

/** Decides on the answer to a request; `plain` gives the one that Consul itself would give. */
export type Handler = (seen: Seen, plain: () => Promise<Answer>) => Reply | Promise<Reply>;

/** One request, with all that came. */
export interface Seen {
  readonly kind: Kind;
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The operations of a transaction. */
  readonly ops: readonly TxnOp[];
  /** The key or prefix that a read or a poll asks for. */
  readonly range: KvRange;
  /** The session that a renewal or a revocation is about. */
  readonly session: string;
  readonly socket: Socket;
  /** Whether the connection has ended before the answer was given. */
  gone: boolean;
}

/** How to listen. */
export interface FakeOptions {
  /** With it the server speaks TLS. */
  readonly tls?: ServerOptions;
  /** Listens here instead of on a port. */
  readonly socketPath?: string;
  /** Default: any that is free. */
  readonly port?: number;
}

const json = { 'content-type': 'application/json' };
const plainText = (status: number, body: string): Answer => ({ status, body });

/** The JSON of a key, as Consul writes it, with every digit of its numbers. */
export function pairJson({ key, value, flags, session, created, modified, locks }: Pair): string {
  const held = session === '' ? '' : `"Session":${JSON.stringify(session)},`;
  const fields = `"Key":${JSON.stringify(key)},"Flags":${flags},"Value":${value === '' ? 'null' : `"${value}"`}`;
  return `{"LockIndex":${locks},${fields},${held}"CreateIndex":${created},"ModifyIndex":${modified}}`;
}

/** The answer to a transaction that was refused. */
export function refused(...errors: readonly TxnError[]): Answer {
  return { status: 409, headers: json, body: JSON.stringify({ Results: null, Errors: errors }) };
}

function kindOf(method: string, path: string, query: URLSearchParams): Kind {
  if (method === 'GET' && path.startsWith('/v1/kv/')) return query.has('index') ? 'poll' : 'read';
  if (method !== 'PUT') return 'other';
  if (path === '/v1/txn') return 'txn';
  if (path === '/v1/session/create') return 'grant';
  if (path.startsWith('/v1/session/renew/')) return 'renew';
  return path.startsWith('/v1/session/destroy/') ? 'revoke' : 'other';
}

/** The operations of a body. Strings in it have their quotes escaped, so that what looks like a number is one. */
function opsOf(body: string): TxnOp[] {
  const exact = body.replace(/"(Flags|Index)":(\d+)/g, '"$1":"$2"');
  return (JSON.parse(exact) as { KV: TxnOp }[]).map(({ KV }) => {
    const { Flags = 0, Index = 0 } = KV;
    return { ...KV, Flags: BigInt(Flags), Index: BigInt(Index) };
  });
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** A Consul that does whatever a test tells it to; what it is not told, it does as an empty Consul would. */
export class FakeConsul {
  readonly kv = new FakeKv();
  readonly seen: Seen[] = [];
  /** The connections that are open. */
  readonly sockets = new Set<Socket>();
  /** How many connections there ever were. */
  connects = 0;
  /** Is shown every connection as it comes. */
  onConnect: (socket: Socket) => void = () => {};
  /** Whether the connection ends as soon as the head of a request of this kind is there; its body is not read. */
  refusesAtHead: (kind: Kind) => boolean = () => false;
  address = '';
  /** The address of the server that leads. */
  leader = '127.0.0.1:8300';
  leaderQuestions = 0;
  readonly #handlers = new Map<Kind, Handler>();
  #stop: () => void = () => {};

  static async start({ tls, socketPath, port = 0 }: FakeOptions = {}): Promise<FakeConsul> {
    const fake = new FakeConsul();
    const listener = (request: IncomingMessage, response: ServerResponse): void => void fake.#serve(request, response);
    const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      fake.connects++;
      fake.sockets.add(socket);
      socket.on('close', () => fake.sockets.delete(socket));
      socket.on('error', () => {});
      fake.onConnect(socket);
    });
    server.on('tlsClientError', () => {});
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(socketPath ?? { host: '127.0.0.1', port }, resolve));
    const { port: bound } = server.address() as AddressInfo; // A text for a socket, which is not asked for its port.
    fake.address = socketPath === undefined ? `http${tls ? 's' : ''}://127.0.0.1:${bound}` : `unix://${socketPath}`;
    fake.#stop = () => {
      server.close();
      server.closeAllConnections();
    };
    return fake;
  }

  stop(): void {
    this.#stop();
  }

  /** From now on requests of this kind are answered so. */
  on(kind: Kind, handler: Handler): void {
    this.#handlers.set(kind, handler);
  }

  /** The next requests of this kind are answered so, one reply each; those after them as before. */
  next(kind: Kind, ...replies: readonly (Reply | Handler)[]): void {
    const before = this.#handlers.get(kind) ?? ((_, plain) => plain());
    const left = [...replies];
    this.on(kind, (seen, plain) => {
      const reply = left.shift() ?? before;
      return typeof reply === 'function' ? reply(seen, plain) : reply;
    });
  }

  of(kind: Kind): Seen[] {
    return this.seen.filter((each) => each.kind === kind);
  }

  count(kind: Kind): number {
    return this.of(kind).length;
  }

  /** Polls that wait for an answer. */
  get openPolls(): number {
    return [...this.#open].filter(({ kind }) => kind === 'poll').length;
  }

  readonly #open = new Set<Seen>();

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers, socket } = request;
    const [path = '', search = ''] = url.split(/\?(.*)/s);
    const query = new URLSearchParams(search);
    if (path === '/v1/status/leader') {
      // Asked for once in a while, whatever a test is about: no part of its record.
      this.leaderQuestions++;
      response.end(JSON.stringify(this.leader));
      return;
    }
    const kind = kindOf(method, path, query);
    if (this.refusesAtHead(kind)) {
      socket.resetAndDestroy();
      return;
    }
    const body = await text(request).catch(() => undefined);
    if (body === undefined) return;
    const range = { text: (decoded(path) ?? path).slice('/v1/kv/'.length), recurse: query.has('recurse') };
    const ops = kind === 'txn' ? opsOf(body) : [];
    const session = path.slice(path.lastIndexOf('/') + 1);
    const seen: Seen = { kind, method, path, query, headers, body, ops, range, session, socket, gone: false };
    this.seen.push(seen);
    this.#open.add(seen);
    response.on('close', () => {
      this.#open.delete(seen);
      seen.gone = !response.writableFinished;
    });
    const plain = (): Promise<Answer> => this.#plain(seen);
    const handler = this.#handlers.get(kind) ?? plain;
    await this.#send(await handler(seen, plain), response);
  }

  async #send(reply: Reply, response: ServerResponse): Promise<void> {
    if (reply === 'silence') return;
    if (reply === 'hangup') response.socket?.destroy();
    else if (reply === 'reset') response.socket?.resetAndDestroy();
    else {
      const { status, headers = {}, body = '', cutAfter, stallAfter } = reply;
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
      response.flushHeaders();
      const part = Buffer.from(body).subarray(0, cutAfter ?? stallAfter);
      if (cutAfter !== undefined) response.write(part, () => response.socket?.destroy());
      else if (stallAfter !== undefined) response.write(part);
      else response.end(body);
    }
  }

  async #plain(seen: Seen): Promise<Answer> {
    const path = decoded(seen.path);
    if (path === undefined) return plainText(400, 'Bad Request');
    const clean = path.replace(/\/(?:\.?\/)+/g, '/').replace(/\/\.$/, '');
    if (clean !== path) return { status: 301, headers: { location: clean } };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    if (/[\u0000-\u001f\u007f]/.test(path))
      return plainText(400, 'invalid URL path: contains non-printable characters');
    switch (seen.kind) {
      case 'read':
        return this.#look(seen);
      case 'poll':
        return this.#poll(seen);
      case 'txn':
        return this.#txn(seen);
      case 'grant':
        return this.#grant(JSON.parse(seen.body) as Readonly<Record<string, string>>);
      case 'renew': {
        const { id: ID, ttl: TTL } = this.kv.sessions.get(seen.session) ?? {};
        if (ID === undefined) return plainText(404, `Session id '${seen.session}' not found`);
        return { status: 200, headers: json, body: JSON.stringify([{ ID, Name: '', TTL, Behavior: 'delete' }]) };
      }
      case 'revoke':
        this.kv.end(seen.session);
        return { status: 200, headers: json, body: 'true' };
      default:
        return { status: 404 };
    }
  }

  #look({ range }: Seen): Answer {
    if (range.text === '' && !range.recurse) return plainText(400, 'Missing key name');
    const pairs = this.kv.find(range);
    const headers = { ...json, 'x-consul-index': String(this.kv.indexOf(range)), 'x-consul-knownleader': 'true' };
    return pairs.length === 0 ? { status: 404, headers } : { status: 200, headers, body: `[${pairs.map(pairJson)}]` };
  }

  /** A blocking query: waits until the index is above `index`, or a backup is restored, or for as long as `wait` says. */
  async #poll(seen: Seen): Promise<Answer> {
    const { range, query } = seen;
    const last = BigInt(query.get('index') ?? 0);
    const [, count = '300', unit = 's'] = /^(\d+)(ms|s)$/.exec(query.get('wait') ?? '') ?? [];
    let timer: NodeJS.Timeout | undefined;
    const timeIsUp = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, Number(count) * (unit === 's' ? 1_000 : 1), 'late').unref();
    });
    const { jumps } = this.kv;
    while (this.kv.indexOf(range) <= last && this.kv.jumps === jumps) {
      if ((await Promise.race([this.kv.change(), timeIsUp])) === 'late') break;
    }
    clearTimeout(timer);
    return this.#look(seen);
  }

  #txn({ ops, body }: Seen): Answer {
    if (body.length > 512 * 1024) return plainText(413, `Request body(${body.length} bytes) too large`);
    if (ops.length > 64) return plainText(413, `Transaction contains too many operations (${ops.length} > 64)`);
    const done = this.kv.txn(ops);
    if ('errors' in done) return refused(...done.errors);
    const results = done.results.map((pair) => `{"KV":${pairJson(pair)}}`);
    return { status: 200, headers: json, body: `{"Results":[${results}],"Errors":null}` };
  }

  #grant({ TTL: ttl = '', Behavior = 'release', LockDelay = '15s' }: Readonly<Record<string, string>>): Answer {
    const behavior = Behavior === 'delete' ? 'delete' : 'release';
    const id = this.kv.open({ ttl, behavior, hasLockDelay: !/^0+(?:s|ms)$/.test(LockDelay) });
    return { status: 200, headers: json, body: JSON.stringify({ ID: id }) };
  }
}
