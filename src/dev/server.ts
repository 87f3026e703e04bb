import { isIP } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { checkInteger, checkKnown, checkText, invalidOption } from '../core/checks.js';
import { type Clock, type Random, systemClock, systemRandom } from '../core/clock.js';
import { CoordinationError, printable } from '../errors.js';
import type { HistoryLimits } from '../transport/memory/history.js';
import type { UnaryMethod } from './methods.js';
import { Refusal } from './refusal.js';
import { kvMethods, leaseMethods, missingMethods, serverMethods } from './services.js';
import { DevStore } from './store.js';
import { type BytesStream, keepAliveMethod, type StreamMethod, watchMethod } from './streams.js';
import { WatchIndex } from './watch-index.js';
import { EventCache } from './watch-messages.js';

export interface DevServerOptions {
  /** The port to listen on; 0 for one that is free. Default 0. */
  readonly port?: number | undefined;
  /** The address to listen on. There are no passwords and there is no TLS: leave it on this machine. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /**
   * How often a watch that asked for `progress_notify` is told how far it has got, in milliseconds, from 100. Default
   * 600,000, as etcd.
   */
  readonly progressNotifyMs?: number | undefined;
  /** How much of the past is kept without being compacted. Default: 100,000 revisions, and at most 256 MiB of them. */
  readonly history?: HistoryLimits | undefined;
  /** What leases are timed by. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Where ids come from. Default: the machine's random numbers. */
  readonly random?: Random | undefined;
}

const optionNames = ['port', 'host', 'progressNotifyMs', 'history', 'clock', 'random'];

/** A server that runs in this process. */
export interface DevServer extends AsyncDisposable {
  /** Where it is reached, as `etcd({ endpoints: [endpoint] })` takes it. */
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  /** Resolves when it has stopped, to the error if that was the reason. */
  readonly ended: Promise<Error | undefined>;
  /** Cuts off every client and stops. Idempotent; never rejects. */
  close(): Promise<void>;
}

const defaultHistory: HistoryLimits = { revisions: 100_000, bytes: 256 * 1024 * 1024 };
/** etcd's limit for a message: its largest request, and room for what gRPC adds. */
const maxMessageBytes = 2 * 1024 * 1024;

/**
 * Starts a server that speaks etcd's v3 API on the embedded store, for tests and for development on one machine:
 * `etcdctl`, etcd's clients and `coterie/etcd` work on it as they are. Everything is gone when it is closed. It is not
 * for production: it is one process, without TLS and users.
 *
 * Rejects with `INVALID_OPTION` (`problem` is `in-use` where the port is taken, `not-an-address` where the host is none
 * of this machine), `UNKNOWN_OPTION`.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const { port = 0, host = '127.0.0.1', progressNotifyMs = 600_000 } = options;
  checkKnown(options, optionNames, 'a dev server');
  checkInteger(port, 'port', 0, 65_535);
  checkText(host, 'host', 'an address of this machine');
  checkInteger(progressNotifyMs, 'progressNotifyMs', 100);
  const { clock = systemClock, random = systemRandom, history = defaultHistory } = options;
  const store = new DevStore({ clock, random, history });
  const server = serverOf(store, clock, progressNotifyMs, () => endpointOf(host, bound));
  let bound = port;
  try {
    bound = await bind(server, host, port);
  } catch (error) {
    store.close();
    throw error;
  }
  return new RunningServer(server, store, host, bound);
}

class RunningServer implements DevServer {
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly ended: Promise<Error | undefined>;
  readonly #server: Server;
  readonly #store: DevStore;
  #end: (error: Error | undefined) => void = () => {};

  constructor(server: Server, store: DevStore, host: string, port: number) {
    this.host = host;
    this.port = port;
    this.#server = server;
    this.#store = store;
    this.endpoint = endpointOf(host, port);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async close(): Promise<void> {
    this.#store.close();
    this.#server.forceShutdown();
    this.#end(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function endpointOf(host: string, port: number): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

const same = (bytes: Buffer): Buffer => bytes;
const bytesBothWays = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** A server for these methods, which take and give bytes as they are on the wire. */
function serverOf(store: DevStore, clock: Clock, noticeMs: number, endpoint: () => string): Server {
  const house = { store, index: new WatchIndex(store), cache: new EventCache() };
  const unaries = [...kvMethods(store), ...leaseMethods(store), ...serverMethods(store, endpoint), ...missingMethods()];
  const streams = [watchMethod(house, clock, noticeMs), keepAliveMethod(store)];
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    // So that it can be started again at once on the port that it had.
    'grpc.so_reuseport': 0,
  });
  const definition = (path: string, stream: boolean): ServiceDefinition => {
    return { [path]: { path, requestStream: stream, responseStream: stream, ...bytesBothWays } };
  };
  for (const method of unaries) server.addService(definition(method.path, false), { [method.path]: answering(method) });
  for (const method of streams) server.addService(definition(method.path, true), { [method.path]: opening(method) });
  return server;
}

function answering(method: UnaryMethod): (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void {
  return ({ request }, done) => {
    let answer: Buffer;
    try {
      answer = method.answer(request);
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 13;
      done({ code, details: error instanceof Error ? error.message : 'internal error' });
      return;
    }
    done(null, answer);
  };
}

function opening(method: StreamMethod): (call: BytesStream) => void {
  return (call) => method.open(call);
}

function bind(server: Server, host: string, port: number): Promise<number> {
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(bindError(error, address));
    });
  });
}

function bindError(cause: Error, address: string): CoordinationError {
  if (!cause.message.includes('EADDRINUSE')) {
    return invalidOption('host', `It cannot listen on ${printable(address)}: ${printable(cause)}`, 'not-an-address');
  }
  const sentence = `Something else listens on ${printable(address)}: stop that, or take another port.`;
  return new CoordinationError('INVALID_OPTION', sentence, { field: 'port', problem: 'in-use', cause });
}
