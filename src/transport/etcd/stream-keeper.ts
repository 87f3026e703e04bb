import { type ClientDuplexStream, type Metadata, status } from '@grpc/grpc-js';
import type { Clock } from '../../core/clock.js';
import { orAbort } from '../../core/signals.js';
import { CoordinationError, isRetryable } from '../../errors.js';
import type { Auth } from './auth.js';
import type { Connection } from './connection.js';
import type { Endpoints } from './endpoints.js';
import { Failure } from './failure.js';
import type { Method } from './methods.js';
import type { Retry } from './retry.js';

/** Whose stream it is. Nothing here may throw, but for `received`. */
export interface StreamUser<A> {
  /** The stream is open: send what is owed. */
  opened(): void;
  received(answer: A): void;
  /** The stream is gone. What was sent and not answered counts as not sent. Returns whether another one is wanted. */
  interrupted(): boolean;
  /** There will be no stream until {@link StreamKeeper.open} is called again. */
  failed(error: unknown): void;
}

export interface StreamContext {
  readonly endpoints: Endpoints;
  readonly auth: Auth;
  readonly clock: Clock;
  readonly connectMs: number;
  readonly life: AbortSignal;
  /** Counts the streams that were opened, and those that are open. */
  readonly count: (change: 1 | -1) => void;
}

type Link<A> = ClientDuplexStream<Buffer, A>;

type State<A> =
  | { readonly kind: 'idle' }
  | { readonly kind: 'opening'; readonly abort: AbortController }
  | {
      readonly kind: 'open';
      readonly link: Link<A>;
      readonly name: string;
      readonly metadata: Metadata;
      unhook(): void;
    };

const maxLogins = 3;

/** Keeps one stream open for as long as its user wants it, on one endpoint after another. */
export class StreamKeeper<A> {
  readonly #method: Method<A>;
  readonly #user: StreamUser<A>;
  readonly #context: StreamContext;
  readonly #retry: Retry;
  #state: State<A> = { kind: 'idle' };
  /** Since the last message that came: failures that other endpoints may not share, and refused tokens. */
  #tlsFailures = 0;
  #logins = 0;

  constructor(method: Method<A>, user: StreamUser<A>, retry: Retry, context: StreamContext) {
    this.#method = method;
    this.#user = user;
    this.#retry = retry;
    this.#context = context;
  }

  get isOpen(): boolean {
    return this.#state.kind === 'open';
  }

  /** Opens the stream, unless it is open or being opened. */
  open(): void {
    if (this.#state.kind === 'idle') this.#reopen(false);
  }

  /** Sends, if the stream is open; what is to be sent after opening is asked for by `opened`. */
  send(message: Buffer): void {
    if (this.#state.kind === 'open') this.#state.link.write(message);
  }

  /** Where the stream leads, for messages. */
  get endpoint(): string {
    return this.#state.kind === 'open' ? this.#state.name : this.#context.endpoints.current.address.name;
  }

  /** Gives the stream up for a reason, told as gRPC would, and opens another one. */
  restart(code: status, text: string): void {
    this.giveUp(Failure.of(code, text, this.endpoint));
  }

  /** As {@link restart}, for a reason that is known already. */
  giveUp(failure: Failure): void {
    if (this.#state.kind === 'open') this.#down(failure);
  }

  /** Closes the stream. {@link open} opens it again. */
  stop(): void {
    const state = this.#leave();
    if (state.kind === 'opening') state.abort.abort();
  }

  #leave(): State<A> {
    const state = this.#state;
    this.#state = { kind: 'idle' };
    if (state.kind === 'open') {
      state.unhook();
      this.#context.count(-1);
      state.link.cancel();
    }
    return state;
  }

  #reopen(wait: boolean): void {
    const abort = new AbortController();
    const state = { kind: 'opening', abort } as const;
    this.#state = state;
    this.#connect(abort.signal, wait).then(
      ([connection, metadata]) => {
        if (this.#state === state) this.#guarded(() => this.#start(connection, metadata));
      },
      (error: unknown) => {
        // Otherwise it was stopped, and may be on its way to another stream already.
        if (this.#state === state) this.#fail(error);
      },
    );
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Tries endpoint after endpoint until one can be talked to. Rejects when it is of no use to go on. */
  async #connect(signal: AbortSignal, wait: boolean): Promise<readonly [Connection, Metadata]> {
    const { endpoints, auth, connectMs } = this.#context;
    if (wait) await this.#retry.wait(Number.POSITIVE_INFINITY, signal);
    for (;;) {
      signal.throwIfAborted();
      try {
        const metadata = await orAbort(auth.metadata(), signal);
        const connection = endpoints.current;
        // Pacing may come before connecting; the wait for both ends with this stream at the latest.
        await connection.connect(2 * connectMs, signal);
        if (connection.ready !== undefined) return [connection, metadata];
      } catch (error) {
        this.#judge(error);
      }
      await this.#retry.wait(Number.POSITIVE_INFINITY, signal);
    }
  }

  /** Throws what ends the stream for good. */
  #judge(error: unknown): void {
    if (error instanceof Failure) {
      this.#context.endpoints.failed(error.endpoint);
      const hopeless = error.meaning.code === 'TLS_FAILED' && ++this.#tlsFailures >= this.#context.endpoints.count;
      if (hopeless) throw error.toError(`open ${this.#method.name}`);
    } else if (!isRetryable(error)) throw error;
  }

  #start(connection: Connection, metadata: Metadata): void {
    const client = connection.ready;
    if (client === undefined) {
      this.#reopen(true);
      return;
    }
    const sent = metadata.clone();
    // etcd then ends the stream when its member has lost the leader, rather than leave it silent.
    sent.set('hasleader', 'true');
    const link = client.makeBidiStreamRequest(this.#method.path, (bytes: Buffer) => bytes, this.#method.decode, sent);
    const { name } = connection.address;
    const unhook = connection.onDrop(() =>
      this.#ended(link, Failure.of(status.UNAVAILABLE, 'the connection was given up', name)),
    );
    this.#state = { kind: 'open', link, name, metadata, unhook };
    this.#context.count(1);
    link.on('data', (answer: A) => this.#received(link, answer));
    link.on('error', (error: { code?: number; details?: string }) => {
      this.#ended(link, Failure.of(error.code ?? status.UNKNOWN, error.details ?? 'unknown', name));
    });
    link.on('end', () => this.#ended(link, Failure.of(status.UNAVAILABLE, 'the server ended the stream', name)));
    this.#user.opened();
  }

  #received(link: Link<A>, answer: A): void {
    if (this.#state.kind !== 'open' || this.#state.link !== link) return;
    this.#retry.reset();
    this.#tlsFailures = 0;
    this.#logins = 0;
    this.#guarded(() => this.#user.received(answer));
  }

  #ended(link: Link<A>, failure: Failure): void {
    if (this.#state.kind === 'open' && this.#state.link === link) this.#down(failure);
  }

  #down(failure: Failure): void {
    const state = this.#leave();
    const { remedy, code } = failure.meaning;
    const { auth, endpoints, life } = this.#context;
    const wanted = this.#user.interrupted();
    if (remedy === 'authenticate' && state.kind === 'open') auth.expire(state.metadata);
    else endpoints.failed(failure.endpoint, code === 'TIMEOUT');
    if (this.#isHopeless(failure)) this.#fail(failure.toError(`use ${this.#method.name}`));
    else if (wanted && this.#state.kind === 'idle' && !life.aborted) this.#reopen(true);
  }

  #isHopeless({ meaning: { remedy, code } }: Failure): boolean {
    if (remedy === 'authenticate') return !this.#context.auth.renewable || ++this.#logins > maxLogins;
    return remedy === 'none' && code !== 'PROTOCOL_ERROR';
  }

  #fail(error: unknown): void {
    this.stop();
    this.#user.failed(error instanceof CoordinationError ? error : unexpected(error));
  }
}

function unexpected(error: unknown): CoordinationError {
  return new CoordinationError('PROTOCOL_ERROR', 'A message of the store could not be understood.', { cause: error });
}
