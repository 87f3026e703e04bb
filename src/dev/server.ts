import type { Server } from '@grpc/grpc-js';
import { checkFunction, checkInteger, checkKnown, checkText } from '../core/checks.js';
import { type Clock, type Random, systemClock, systemRandom } from '../core/clock.js';
import { printable } from '../errors.js';
import type { HistoryLimits } from '../transport/memory/history.js';
import { bind, endpointOf, grpcServer } from './grpc-server.js';
import { LogFile } from './log-file.js';
import { kvMethods, leaseMethods, missingMethods, serverMethods } from './services.js';
import { DevStore } from './store.js';
import { keepAliveMethod, watchMethod } from './streams.js';
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
  /**
   * A file that keeps the store, made if it is not there. See {@link LogFile} for what outlives what. Default: none, so that
   * the store ends with the server.
   */
  readonly data?: string | undefined;
  /** Is told in a sentence when a part of the file had to be left out. Default: nobody. */
  readonly onNotice?: ((sentence: string) => void) | undefined;
  /** How much of the past is kept without being compacted. Default: 100,000 revisions, and at most 256 MiB of them. */
  readonly history?: HistoryLimits | undefined;
  /** What leases are timed by. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Where ids come from. Default: the machine's random numbers. */
  readonly random?: Random | undefined;
}

const optionNames = ['port', 'host', 'progressNotifyMs', 'data', 'onNotice', 'history', 'clock', 'random'];

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

/**
 * Starts a server that speaks etcd's v3 API on the embedded store, for tests and for development on one machine:
 * `etcdctl`, etcd's clients and `coterie/etcd` work on it as they are. Without a file everything is gone when it is closed.
 * It is not for production: it is one process, without TLS and users.
 *
 * Rejects with `INVALID_OPTION` (`problem` is `in-use` where the port or the file is taken, `not-an-address` where the host
 * is none of this machine, `not-a-file` where the file cannot be had), `CORRUPT_DATA` where the file is not one that such
 * a server has written, `UNKNOWN_OPTION`.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const { port = 0, host = '127.0.0.1', progressNotifyMs = 600_000, data, onNotice = () => {} } = options;
  checkKnown(options, optionNames, 'a dev server');
  checkInteger(port, 'port', 0, 65_535);
  checkText(host, 'host', 'an address of this machine');
  checkInteger(progressNotifyMs, 'progressNotifyMs', 100);
  checkText(data, 'data', 'the name of a file');
  if (onNotice !== undefined) checkFunction(onNotice, 'onNotice');
  const { clock = systemClock, random = systemRandom, history = defaultHistory } = options;
  const file = data === undefined ? undefined : new LogFile(data, { history, now: clock.now(), onNotice });
  const store = new DevStore({ clock, random, history, restored: file?.restored });
  const place = { host, port };
  const server = serverOf(store, clock, progressNotifyMs, () => endpointOf(place.host, place.port));
  try {
    file?.begin(store.machine, store.origin);
    place.port = await bind(server, host, port);
  } catch (error) {
    store.close();
    file?.close();
    throw error;
  }
  if (file !== undefined) store.keptBy(file);
  return new RunningServer(server, store, file, place);
}

/** What the server does, and for whom. */
function serverOf(store: DevStore, clock: Clock, noticeMs: number, endpoint: () => string): Server {
  const house = { store, index: new WatchIndex(store), cache: new EventCache() };
  const unaries = [...kvMethods(store), ...leaseMethods(store), ...serverMethods(store, endpoint), ...missingMethods()];
  return grpcServer(unaries, [watchMethod(house, clock, noticeMs), keepAliveMethod(store)]);
}

interface Place {
  readonly host: string;
  readonly port: number;
}

class RunningServer implements DevServer {
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly ended: Promise<Error | undefined>;
  readonly #server: Server;
  readonly #store: DevStore;
  #file: LogFile | undefined;
  #end: (error: Error | undefined) => void = () => {};

  constructor(server: Server, store: DevStore, file: LogFile | undefined, { host, port }: Place) {
    this.host = host;
    this.port = port;
    this.#server = server;
    this.#store = store;
    this.#file = file;
    this.endpoint = endpointOf(host, port);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    store.onFailure = (error) => this.#stop(error instanceof Error ? error : new Error(printable(error)));
  }

  async close(): Promise<void> {
    this.#stop(undefined);
  }

  /** Only the first reason counts. */
  #stop(error: Error | undefined): void {
    this.#store.close();
    this.#server.forceShutdown();
    const file = this.#file;
    this.#file = undefined;
    try {
      file?.close();
      this.#end(error);
    } catch (second) {
      this.#end(error ?? (second as Error));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
