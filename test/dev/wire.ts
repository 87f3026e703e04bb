import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import * as codec from '../../src/transport/etcd/codec/etcd.js';
import { fromNumber, toBigint } from '../../src/transport/etcd/int64.js';
import { finished } from '../../src/transport/etcd/methods.js';
import { until } from '../system/tools.js';

interface Type<M, P> {
  encode(message: P): Parameters<typeof finished>[0];
  decode(bytes: Uint8Array): M;
}

const same = (bytes: Buffer): Buffer => bytes;

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
export const int = fromNumber;

/** A message as text and numbers, to be compared: without what is different in every cluster. */
export function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  if ('low' in value && 'high' in value) return Number(toBigint(value as codec.Int64));
  const fields = Object.entries(value).filter(([name]) => !['clusterId', 'memberId', 'raftTerm'].includes(name));
  return Object.fromEntries(fields.map(([name, field]) => [name, shown(field)]));
}

/** What was refused, in gRPC's number and the server's words. */
export interface Refused {
  readonly code: number;
  readonly details: string;
}

/** A client that sends what it is told, as none with manners would, and shows what comes back. */
export class RawClient {
  readonly #client: Client;
  readonly #streams: RawStream[] = [];

  constructor(endpoint: string) {
    this.#client = new Client(new URL(endpoint).host, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }

  #call<Q>(path: string, request: Type<unknown, Q>, answer: Type<unknown, never>, message: Q): Promise<unknown> {
    const sent = finished(request.encode(message));
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, value?: Buffer): void => {
        if (error === null && value !== undefined) resolve(shown(answer.decode(value)));
        else reject({ code: error?.code, details: error?.details } as Refused);
      };
      this.#client.makeUnaryRequest(`/etcdserverpb.${path}`, same, same, sent, done);
    });
  }

  range = (message: codec.RangeRequest.$Properties) =>
    this.#call('KV/Range', codec.RangeRequest, codec.RangeResponse, message);
  put = (message: codec.PutRequest.$Properties) => this.#call('KV/Put', codec.PutRequest, codec.PutResponse, message);
  delete = (message: codec.DeleteRangeRequest.$Properties) =>
    this.#call('KV/DeleteRange', codec.DeleteRangeRequest, codec.DeleteRangeResponse, message);
  txn = (message: codec.TxnRequest.$Properties) => this.#call('KV/Txn', codec.TxnRequest, codec.TxnResponse, message);
  compact = (revision: bigint | number) =>
    this.#call('KV/Compact', codec.CompactionRequest, codec.CompactionResponse, { revision: int(Number(revision)) });
  grant = (message: codec.LeaseGrantRequest.$Properties) =>
    this.#call('Lease/LeaseGrant', codec.LeaseGrantRequest, codec.LeaseGrantResponse, message);
  revoke = (message: codec.LeaseRevokeRequest.$Properties) =>
    this.#call('Lease/LeaseRevoke', codec.LeaseRevokeRequest, codec.LeaseRevokeResponse, message);
  timeToLive = (message: codec.LeaseTimeToLiveRequest.$Properties) =>
    this.#call('Lease/LeaseTimeToLive', codec.LeaseTimeToLiveRequest, codec.LeaseTimeToLiveResponse, message);
  leases = () => this.#call('Lease/LeaseLeases', codec.LeaseLeasesRequest, codec.LeaseLeasesResponse, {});
  status = () => this.#call('Maintenance/Status', codec.StatusRequest, codec.StatusResponse, {});
  authStatus = () => this.#call('Auth/AuthStatus', codec.AuthStatusRequest, codec.AuthStatusResponse, {});
  authenticate = () =>
    this.#call('Auth/Authenticate', codec.AuthenticateRequest, codec.AuthenticateResponse, {
      name: 'a',
      password: 'b',
    });
  /** Bytes that are no message. */
  garbage = (path: string) => {
    // A field of bytes that ends after the end.
    const encode = () => codec.RangeRequest.encode({}).uint32(0x0a).uint32(255);
    return this.#call(path, { encode, decode: codec.RangeRequest.decode }, codec.RangeResponse, {});
  };

  /** A procedure that no server of one member has. */
  missing = (path: string) => this.#call(path, codec.StatusRequest, codec.StatusResponse, {});

  watch(): RawStream<codec.WatchRequest.$Properties> {
    return this.#open('Watch/Watch', codec.WatchRequest, codec.WatchResponse);
  }

  keepAlive(): RawStream<codec.LeaseKeepAliveRequest.$Properties> {
    return this.#open('Lease/LeaseKeepAlive', codec.LeaseKeepAliveRequest, codec.LeaseKeepAliveResponse);
  }

  #open<Q>(path: string, request: Type<unknown, Q>, answer: Type<unknown, never>): RawStream<Q> {
    const call = this.#client.makeBidiStreamRequest<Buffer, Buffer>(`/etcdserverpb.${path}`, same, same);
    const stream = new RawStream<Q>(call, request, answer);
    this.#streams.push(stream);
    return stream;
  }

  close(): void {
    for (const stream of this.#streams) stream.cancel();
    this.#client.close();
  }
}

/** One stream, and all that came on it. */
export class RawStream<Q = never> {
  readonly received: unknown[] = [];
  readonly sizes: number[] = [];
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #request: Type<unknown, Q>;
  #taken = 0;
  ended: Refused | 'well' | undefined;

  constructor(call: ClientDuplexStream<Buffer, Buffer>, request: Type<unknown, Q>, answer: Type<unknown, never>) {
    this.#call = call;
    this.#request = request;
    call.on('data', (message: Buffer) => {
      this.sizes.push(message.length);
      this.received.push(shown(answer.decode(message)));
    });
    call.on('error', ({ code, details }: ServiceError) => {
      this.ended = { code, details };
    });
    call.on('end', () => {
      this.ended ??= 'well';
    });
  }

  send(message: Q): void {
    this.#call.write(finished(this.#request.encode(message)));
  }

  /** The next that came, once it has. */
  async next(): Promise<unknown> {
    await until('a message', () => this.received.length > this.#taken);
    return this.received[this.#taken++];
  }

  /** How many came that were not taken. */
  get left(): number {
    return this.received.length - this.#taken;
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}
