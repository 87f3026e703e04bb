import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
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
    const timers: Cancel[] = [];
    const { limitMs, beginMs } = order;
    let silent = this.#clock.after(beginMs, () => late(beginMs));
    let sent = false;
    let unlink = (): void => {};
    const settle = (): boolean => {
      if (!this.#open.delete(abort)) return false;
      silent();
      for (const cancel of timers) cancel();
      unlink();
      return true;
    };
    const fail = (reason: unknown): void => {
      if (!settle()) return;
      reject(reason);
      outgoing.destroy();
    };
    const abort = (reason: unknown): void => fail(reason);
    const late = (ms: number): void => fail(timeFailure(ms, sent));

    this.#open.add(abort);
    const outgoing = this.#request(order);
    if (limitMs !== undefined) timers.push(this.#clock.after(limitMs, () => late(limitMs)));
    outgoing.on('error', (error) => fail(connectionFailure(error, sent, address.secure)));
    outgoing.on('socket', (socket) => {
      const connectMs = Math.min(timeouts.connectMs, beginMs);
      const cancel = this.#clock.after(connectMs, () => sent || late(connectMs));
      timers.push(cancel);
      onConnected(socket, address.secure, () => {
        sent = true;
        cancel();
      });
    });
    outgoing.on('response', (incoming) => {
      const heard = (): void => {
        silent();
        silent = this.#clock.after(timeouts.attemptMs, () => late(timeouts.attemptMs));
      };
      heard();
      incoming.on('data', heard);
      collect(incoming, fail, (body) => {
        if (settle()) resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body });
      });
    });
    unlink = onAbort(order.signal, abort);
    if (this.#open.has(abort)) outgoing.end(order.body);
  }

  #request({ method, path, body, token }: Exchange): ClientRequest {
    const { address } = this.#config;
    const headers = {
      ...(token !== undefined && { 'X-Consul-Token': token }),
      ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
    };
    const send = address.secure ? secureRequest : request;
    const { socketPath, host, port } = address;
    const to = socketPath === undefined ? { host, port } : { socketPath };
    return send({ ...to, agent: this.#agent, method, path, headers });
  }
}

function pem(
  parts: { [name in 'ca' | 'cert' | 'key']: string | Uint8Array | undefined },
): Record<string, string | Buffer> {
  const given = Object.entries(parts).filter((part): part is [string, string | Uint8Array] => part[1] !== undefined);
  return Object.fromEntries(given.map(([name, text]) => [name, typeof text === 'string' ? text : Buffer.from(text)]));
}

/** Calls `run` once the socket can carry a request, at once where it is one that was kept open. */
function onConnected(socket: Socket, secure: boolean, run: () => void): void {
  const tls = secure ? (socket as TLSSocket) : undefined;
  if (!socket.connecting && (tls === undefined || tls.getProtocol() !== null)) {
    run();
    return;
  }
  socket.setKeepAlive(true, probeMs);
  socket.once(secure ? 'secureConnect' : 'connect', run);
}

/** Reads an answer to its end. */
function collect(incoming: IncomingMessage, fail: (reason: unknown) => void, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  incoming.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxAnswerBytes) fail(new Failure(garbledAnswer, `an answer of more than ${maxAnswerBytes} bytes`));
    else chunks.push(chunk);
  });
  incoming.on('error', (error) => fail(connectionFailure(error, true, false)));
  incoming.on('end', () => {
    if (incoming.complete) done(Buffer.concat(chunks, size).toString('utf8'));
  });
}
