import { Metadata, Server, ServerCredentials, type ServerDuplexStream, type status } from '@grpc/grpc-js';
import * as codec from '../../../src/transport/etcd/codec/etcd.js';
import { fromBigint, fromNumber } from '../../../src/transport/etcd/int64.js';
import { waitFor } from '../../servers/wait.js';

/** What a handler may say: an answer, an error, or nothing at all. */
export type Reply = object | { readonly code: status; readonly details: string } | 'silence';
export type Handler = (request: never, token: string | undefined) => Reply;

export interface Seen {
  readonly method: string;
  readonly request: never;
  readonly token: string | undefined;
}

interface Message {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

const unary: Record<string, [service: string, request: Message, response: Message]> = {
  Range: ['KV', codec.RangeRequest, codec.RangeResponse],
  Txn: ['KV', codec.TxnRequest, codec.TxnResponse],
  LeaseGrant: ['Lease', codec.LeaseGrantRequest, codec.LeaseGrantResponse],
  LeaseRevoke: ['Lease', codec.LeaseRevokeRequest, codec.LeaseRevokeResponse],
  Authenticate: ['Auth', codec.AuthenticateRequest, codec.AuthenticateResponse],
};

const duplex: Record<string, [service: string, request: Message, response: Message]> = {
  Watch: ['Watch', codec.WatchRequest, codec.WatchResponse],
  LeaseKeepAlive: ['Lease', codec.LeaseKeepAliveRequest, codec.LeaseKeepAliveResponse],
};

function definition(name: string, [service, request, response]: [string, Message, Message], stream: boolean): object {
  const bytes = (type: Message) => (message: object) => type.encode(message).finish() as Buffer;
  return {
    path: `/etcdserverpb.${service}/${name}`,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: bytes(request),
    requestDeserialize: (buffer: Buffer) => request.decode(buffer),
    responseSerialize: bytes(response),
    responseDeserialize: (buffer: Buffer) => response.decode(buffer),
  };
}

/** One stream that a client has opened, with all that came on it. */
export class FakeStream<Q> {
  readonly requests: Q[] = [];
  readonly token: string | undefined;
  readonly hasLeader: boolean;
  readonly #call: ServerDuplexStream<Q, object>;
  ended = false;

  constructor(call: ServerDuplexStream<Q, object>, onRequest: (request: Q, stream: FakeStream<Q>) => void) {
    this.#call = call;
    this.token = tokenOf(call.metadata);
    this.hasLeader = call.metadata.get('hasleader')[0] === 'true';
    call.on('data', (request: Q) => {
      this.requests.push(request);
      onRequest(request, this);
    });
    call.on('error', () => {});
    call.on('cancelled', () => {
      this.ended = true;
    });
  }

  send(message: object): void {
    this.#call.write(message);
  }

  fail(code: status, details: string): void {
    this.#call.emit('error', { code, details, metadata: new Metadata() });
  }

  end(): void {
    this.#call.end();
  }
}

function tokenOf(metadata: Metadata): string | undefined {
  const token = metadata.get('token')[0];
  return token === undefined ? undefined : String(token);
}

export type WatchStream = FakeStream<codec.WatchRequest>;
export type LeaseStream = FakeStream<codec.LeaseKeepAliveRequest>;

/** An etcd that does whatever a test tells it to; what it is not told, it does as an empty etcd would. */
export class FakeEtcd {
  revision = 10n;
  clusterId = 7n;
  readonly seen: Seen[] = [];
  readonly handlers = new Map<string, Handler>();
  readonly watchStreams: WatchStream[] = [];
  readonly leaseStreams: LeaseStream[] = [];
  onWatch: (request: codec.WatchRequest, stream: WatchStream) => void = (request, stream) => {
    if (request.createRequest) stream.send(this.created(request));
    if (request.cancelRequest) stream.send(this.event({ watchId: request.cancelRequest.watchId, canceled: true }));
  };
  onKeepAlive: (request: codec.LeaseKeepAliveRequest, stream: LeaseStream) => void = (request, stream) => {
    stream.send({ header: this.header(), ID: request.ID, TTL: fromNumber(5) });
  };
  readonly #server = new Server();
  port = 0;

  static async start(port = 0): Promise<FakeEtcd> {
    const fake = new FakeEtcd();
    for (const [name, types] of Object.entries(unary)) fake.#addUnary(name, types);
    fake.#addDuplex('Watch', fake.watchStreams, (request: never, stream: never) => fake.onWatch(request, stream));
    fake.#addDuplex('LeaseKeepAlive', fake.leaseStreams, (request: never, stream: never) => {
      fake.onKeepAlive(request, stream);
    });
    fake.port = await new Promise<number>((resolve, reject) => {
      const credentials = ServerCredentials.createInsecure();
      fake.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  header(revision = this.revision): object {
    return { clusterId: fromBigint(this.clusterId), memberId: fromBigint(1n), revision: fromBigint(revision) };
  }

  on(method: string, handler: Handler): void {
    this.handlers.set(method, handler);
  }

  count(method: string): number {
    return this.seen.filter((each) => each.method === method).length;
  }

  created({ createRequest }: codec.WatchRequest, more: object = {}): object {
    return { header: this.header(), watchId: createRequest?.watchId, created: true, ...more };
  }

  event(fields: object): object {
    return { header: this.header(), ...fields };
  }

  async watchStream(n = 0): Promise<WatchStream> {
    return waitFor(() => this.watchStreams[n], { timeoutMs: 5_000, intervalMs: 2, what: `watch stream ${n}` });
  }

  async leaseStream(n = 0): Promise<LeaseStream> {
    return waitFor(() => this.leaseStreams[n], { timeoutMs: 5_000, intervalMs: 2, what: `lease stream ${n}` });
  }

  #addUnary(name: string, types: [string, Message, Message]): void {
    const handle = (
      call: { request: never; metadata: Metadata },
      callback: (error: object | null, answer?: object) => void,
    ) => {
      const token = tokenOf(call.metadata);
      this.seen.push({ method: name, request: call.request, token });
      const reply = (this.handlers.get(name) ?? (() => this.#plain(name, call.request)))(call.request, token);
      if (reply === 'silence') return;
      if ('code' in reply) callback(reply);
      else callback(null, { header: this.header(), ...reply });
    };
    this.#server.addService({ [name]: definition(name, types, false) } as never, { [name]: handle } as never);
  }

  #addDuplex(name: string, streams: unknown[], onRequest: (request: never, stream: never) => void): void {
    const handle = (call: ServerDuplexStream<never, object>): void => {
      streams.push(new FakeStream<never>(call, onRequest as never));
    };
    const types = duplex[name] as [string, Message, Message];
    this.#server.addService({ [name]: definition(name, types, true) } as never, { [name]: handle } as never);
  }

  #plain(method: string, request: object): object {
    if (method === 'LeaseGrant') return { ID: fromBigint(0x7abcn), TTL: (request as codec.LeaseGrantRequest).TTL };
    if (method === 'Authenticate') return { token: 'a-token' };
    if (method !== 'Txn') return {};
    const { success } = request as codec.TxnRequest;
    const isRead = (op: codec.RequestOp.$Properties): boolean =>
      op.requestRange !== undefined && op.requestRange !== null;
    const responses = success.map((op) => (isRead(op) ? { responseRange: {} } : { responsePut: {} }));
    return { succeeded: true, responses };
  }
}

/** A change of a key, as it stands in a watch message. */
export function change(key: string, modified: bigint, value?: string): object {
  const kv = {
    key: Buffer.from(key),
    modRevision: fromBigint(modified),
    createRevision: fromBigint(value === undefined ? 0n : modified),
  };
  if (value === undefined) return { type: codec.Event.EventType.DELETE, kv };
  return { type: codec.Event.EventType.PUT, kv: { ...kv, value: Buffer.from(value) } };
}
