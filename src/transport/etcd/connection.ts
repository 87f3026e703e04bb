import { type ChannelCredentials, type ChannelOptions, Client, connectivityState, Metadata } from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.js';
import { onAbort, orAbort, sleep } from '../../core/signals.js';
import type { Address } from './address.js';
import { connectFailure } from './failure.js';
import type { Retry } from './retry.js';
import { SocketTracker } from './socket-tracker.js';
import type { Secure } from './tls.js';

export interface ConnectionContext {
  readonly clock: Clock;
  readonly connectMs: number;
  /** Aborted, with its reason, when the store closes. */
  readonly life: AbortSignal;
  readonly channelOptions: ChannelOptions;
}

/** How a connection shows who it is; `secure` where TLS is used. */
export interface ConnectionTrust {
  readonly credentials: ChannelCredentials;
  readonly secure?: Secure | undefined;
}

const diagnosisMs = 200;
const diagnosisPath = '/etcdserverpb.Maintenance/Status';

/**
 * The way to one endpoint: one channel, opened when it is first needed. gRPC's own reconnecting is not relied on, since
 * it neither bounds the wait for the first HTTP/2 frame nor lets a call find out that nothing was sent: a channel that
 * fails to connect is thrown away, and the next use opens a new one, which also looks the name up again.
 */
export class Connection {
  readonly address: Address;
  /** Counts up with every failure of any connection; 0 for none. The lowest is tried first. */
  failedAt = 0;
  readonly #context: ConnectionContext;
  readonly #trust: ConnectionTrust;
  readonly #pace: Retry;
  readonly #dropped = new Set<() => void>();
  #client: Client | undefined;
  /** Of this channel, and of those that were given up while calls on them went on. */
  #trackers = new Map<Client, SocketTracker>();
  #opening: Promise<Client> | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(address: Address, trust: ConnectionTrust, pace: Retry, context: ConnectionContext) {
    this.address = address;
    this.#trust = trust;
    this.#pace = pace;
    this.#context = context;
  }

  /** The client, if a call on it would be sent at once. */
  get ready(): Client | undefined {
    const client = this.#client;
    return client?.getChannel().getConnectivityState(false) === connectivityState.READY ? client : undefined;
  }

  /** Connects, however many ask for it at once. Rejects with a Failure of which nothing was sent. */
  async connect(limitMs: number, signal: AbortSignal): Promise<Client> {
    const { ready } = this;
    if (ready !== undefined) return ready;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return await this.#within(limitMs, this.#opening, signal);
  }

  /** Calls `run` when this connection is given up while it may still look alive. Returns how to take that back. */
  onDrop(run: () => void): () => void {
    this.#dropped.add(run);
    return () => this.#dropped.delete(run);
  }

  /** Gives the channel up: calls on it may end by themselves, new ones get a new channel. */
  drop(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    client.close();
    for (const run of [...this.#dropped]) run();
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
    this.#dropped.clear();
    for (const tracker of this.#trackers.values()) tracker.destroy();
    this.#trackers.clear();
  }

  #newClient(): Client {
    const tracker = new SocketTracker();
    const { credentials, secure } = this.#trust;
    const { target } = this.address;
    const client = new Client(target, tracker.wrap(credentials, secure), this.#context.channelOptions);
    for (const [old, { isEmpty }] of this.#trackers) if (isEmpty) this.#trackers.delete(old);
    this.#trackers.set(client, tracker);
    return client;
  }

  async #within(limitMs: number, opening: Promise<Client>, signal: AbortSignal): Promise<Client> {
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      const failure = connectFailure(this.address.name, 'not connected in time', false);
      cancel = this.#context.clock.after(limitMs, () => reject(failure));
    });
    try {
      return await orAbort(Promise.race([opening, late]), signal);
    } finally {
      cancel();
    }
  }

  async #open(): Promise<Client> {
    const { clock, life, connectMs } = this.#context;
    const waitMs = this.#notBeforeMs - clock.now();
    if (waitMs > 0) await sleep(clock, waitMs, life);
    life.throwIfAborted();
    this.#client ??= this.#newClient();
    const client = this.#client;
    const state = await settled(client, clock, connectMs, life);
    if (state === 'ready') this.#pace.reset();
    else await this.#giveUp(client, state);
    return client;
  }

  async #giveUp(client: Client, state: 'failed' | 'late'): Promise<void> {
    const { clock, connectMs, life } = this.#context;
    const { name, secure } = this.address;
    const late = `no HTTP/2 connection within ${connectMs} ms`;
    const text = state === 'late' ? late : await diagnose(client, clock.wall() + diagnosisMs);
    if (text === undefined) return;
    this.#notBeforeMs = clock.now() + this.#pace.nextMs();
    if (this.#client === client) this.#client = undefined;
    client.close();
    this.#trackers.get(client)?.destroy();
    this.#trackers.delete(client);
    life.throwIfAborted();
    throw connectFailure(name, text, secure);
  }
}

/** Waits until the channel is ready or has failed to become so. */
function settled(
  client: Client,
  clock: Clock,
  limitMs: number,
  life: AbortSignal,
): Promise<'ready' | 'failed' | 'late'> {
  const channel = client.getChannel();
  return new Promise((resolve) => {
    let over = false;
    const end = (how: 'ready' | 'failed' | 'late'): void => {
      over = true;
      cancel();
      unlink();
      resolve(how);
    };
    const cancel = clock.after(limitMs, () => end('late'));
    let unlink = (): void => {};
    const look = (): void => {
      if (over) return;
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) end('ready');
      else if (state === connectivityState.IDLE || state === connectivityState.CONNECTING) {
        // No deadline here: it would leave a timer of gRPC's behind.
        channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
      } else end('failed');
    };
    unlink = onAbort(life, () => end('failed'));
    look();
  });
}

/**
 * Why a channel failed to connect, which gRPC tells only to calls: a call without consequence is made on it, which never
 * leaves the machine. Undefined if it went through, so that the channel works after all.
 */
function diagnose(client: Client, deadline: number): Promise<string | undefined> {
  const bytes = (buffer: Buffer): Buffer => buffer;
  return new Promise((resolve) => {
    const done = (error: { details?: string; message: string } | null): void => {
      resolve(error === null ? undefined : (error.details ?? error.message));
    };
    try {
      client.makeUnaryRequest(diagnosisPath, bytes, bytes, Buffer.alloc(0), new Metadata(), { deadline }, done);
    } catch (error) {
      // The channel was closed under us.
      resolve(String(error));
    }
  });
}
