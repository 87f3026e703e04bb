import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Cancel, Clock } from '../../core/clock.js';
import { onAbort, type Stop } from '../../core/signals.js';
import { connectionFailure, Failure, garbledAnswer, timeFailure } from './failure.js';
import type { ConsulConfig } from './options.js';

/** One request, whatever it is for. */
export interface Exchange {
  readonly method: 'GET' | 'PUT';
  /** With its query. */
  readonly path: string;
  readonly body?: string | undefined;
  readonly token?: string | undefined;
  /** How long until an answer must begin, in milliseconds. */
  readonly beginMs: number;
  /** How long until all of it must be there. Without it, it may take as long as it does not stand still. */
  readonly limitMs?: number | undefined;
  readonly signal: Stop;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The largest answer that is read: V8 takes no longer strings than twice this. */
const maxAnswerBytes = 256 * 1024 * 1024;

/** After so much silence the kernel asks whether the other side is still there, and goes on every second. */
const probeMs = 5_000;

/** A connection that nobody uses for so long is closed: it counts towards Consul's limit for all clients of an address. */
const idleMs = 5_000;

/** Connections to one Consul, kept open for the next request. Never follows a redirect. */
export class Http {
  readonly #config: ConsulConfig;
  readonly #clock: Clock;
  readonly #agent: Agent;
  readonly #open = new Set<(reason: unknown) => void>();
  #closed: { readonly reason: unknown } | undefined;

  constructor(config: ConsulConfig, clock: Clock, connections: number) {
    const { tls, address } = config;
    const options = { keepAlive: true, maxSockets: connections, scheduling: 'lifo', timeout: idleMs } as const;
    this.#config = config;
    this.#clock = clock;
    const { serverName, ca, cert, key } = tls ?? {};
    const trust = { ...(serverName !== undefined && { servername: serverName }), ...pem({ ca, cert, key }) };
    this.#agent = address.secure ? new SecureAgent({ ...options, ...trust }) : new Agent(options);
  }

  /** Rejects with a {@link Failure}, or with the reason of the signal. */
  exchange(order: Exchange): Promise<Answer> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed.reason);
    return new Promise((resolve, reject) => {
      order.signal.throwIfAborted();
      this.#start(order, resolve, reject);
    });
  }

  /** Ends all requests with this reason, and all connections. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const end of [...this.#open]) end(reason);
    this.#agent.destroy();
  }

  #start(order: Exchange, resolve: (answer: Answer) => void, reject: (reason: unknown) => void): void {
    const { address, timeouts } = this.#config;
    const watch = new Watchdog(this.#clock, order, timeouts.attemptMs, (failure) => fail(failure));
    let cancelConnect: Cancel = () => {};
    let unlink = (): void => {};
    const settle = (): boolean => {
      if (!this.#open.delete(fail)) return false;
      watch.stop();
      cancelConnect();
      unlink();
      return true;
    };
    const fail = (reason: unknown): void => {
      if (!settle()) return;
      reject(reason);
      outgoing.destroy();
    };
    this.#open.add(fail);
    const outgoing = this.#request(order);
    outgoing.on('error', (error) => fail(connectionFailure(error, watch.sent, address.secure)));
    outgoing.on('socket', (socket) => {
      watch.sent = isConnected(socket, address.secure);
      if (watch.sent) return;
      const connectMs = Math.min(timeouts.connectMs, order.beginMs);
      cancelConnect = this.#clock.after(connectMs, () => fail(timeFailure(connectMs, false)));
      socket.setKeepAlive(true, probeMs);
      socket.once(address.secure ? 'secureConnect' : 'connect', () => {
        watch.sent = true;
        cancelConnect();
      });
    });
    outgoing.on('response', (incoming) => {
      collect(incoming, watch, fail, (body) => {
        if (settle()) resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
      });
    });
    unlink = onAbort(order.signal, fail);
    if (this.#open.has(fail)) outgoing.end(order.body);
  }

  #request({ method, path, body, token }: Exchange): ClientRequest {
    const { secure, socketPath, host, port } = this.#config.address;
    const headers: OutgoingHttpHeaders = {};
    if (token !== undefined) headers['X-Consul-Token'] = token;
    if (body !== undefined) headers['Content-Length'] = Buffer.byteLength(body);
    const options = { host, port, socketPath, agent: this.#agent, method, path, headers };
    return secure ? secureRequest(options) : request(options);
  }
}

function pem(
  parts: { [name in 'ca' | 'cert' | 'key']: string | Uint8Array | undefined },
): Record<string, string | Buffer> {
  const given = Object.entries(parts).filter((part): part is [string, string | Uint8Array] => part[1] !== undefined);
  return Object.fromEntries(given.map(([name, text]) => [name, typeof text === 'string' ? text : Buffer.from(text)]));
}

/** Whether the socket can carry a request: it is one that was kept open. */
function isConnected(socket: Socket, secure: boolean): boolean {
  return !socket.connecting && (!secure || (socket as TLSSocket).getProtocol() !== null);
}

/**
 * Ends a request that takes too long: until the answer begins, altogether, or by standing still in the middle. One timer
 * for all of it, which is set again only where it goes off and there is more time: most requests are over long before.
 */
class Watchdog {
  /** Whether the request can have reached the server. */
  sent = false;
  readonly #clock: Clock;
  readonly #order: Exchange;
  readonly #idleMs: number;
  readonly #fail: (failure: Failure) => void;
  readonly #startMs: number;
  #heardMs: number | undefined;
  #cancel: Cancel;

  constructor(clock: Clock, order: Exchange, idleMs: number, fail: (failure: Failure) => void) {
    this.#clock = clock;
    this.#order = order;
    this.#idleMs = idleMs;
    this.#fail = fail;
    this.#startMs = clock.now();
    this.#cancel = clock.after(order.beginMs, () => this.#look());
  }

  /** Something of the answer has come. */
  heard(): void {
    this.#heardMs = this.#clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const now = this.#clock.now();
    const { beginMs, limitMs = Number.POSITIVE_INFINITY } = this.#order;
    const limitLeftMs = this.#startMs + limitMs - now;
    const idleLeftMs = this.#heardMs === undefined ? 0 : this.#heardMs + this.#idleMs - now;
    if (limitLeftMs <= 0) this.#fail(timeFailure(limitMs, this.sent));
    else if (idleLeftMs <= 0) this.#fail(timeFailure(this.#heardMs === undefined ? beginMs : this.#idleMs, this.sent));
    else this.#cancel = this.#clock.after(Math.min(limitLeftMs, idleLeftMs), () => this.#look());
  }
}

/** Reads an answer to its end. */
function collect(
  incoming: IncomingMessage,
  watch: Watchdog,
  fail: (reason: unknown) => void,
  done: (body: string) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  watch.heard();
  incoming.on('data', (chunk: Buffer) => {
    watch.heard();
    size += chunk.length;
    if (size > maxAnswerBytes) fail(new Failure(garbledAnswer, `an answer of more than ${maxAnswerBytes} bytes`));
    else chunks.push(chunk);
  });
  incoming.on('error', (error) => fail(connectionFailure(error, true, false)));
  incoming.on('end', () => {
    if (incoming.complete) done(Buffer.concat(chunks, size).toString('utf8'));
  });
}
