import { Client, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import * as codec from '../../src/transport/etcd/codec/etcd.js';
import { finished } from '../../src/transport/etcd/methods.js';

interface Type<M, P> {
  encode(message: P): { finish(): Uint8Array };
  decode(bytes: Uint8Array): M;
}

const same = (bytes: Buffer): Buffer => bytes;

/** A client that sends what it is told, as no client with manners would, and shows what comes back. */
export class RawClient {
  readonly client: Client;

  constructor(endpoint: string) {
    this.client = new Client(new URL(endpoint).host, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }

  call<Q, A>(path: string, request: Type<unknown, Q>, answer: Type<A, unknown>, message: Q): Promise<A> {
    const bytes = finished(request.encode(message) as Parameters<typeof finished>[0]);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(`/etcdserverpb.${path}`, same, same, bytes, (error: ServiceError | null, value) => {
        if (error !== null || value === undefined) reject(error);
        else resolve(answer.decode(value));
      });
    });
  }

  compact(revision: bigint | number): Promise<codec.CompactionResponse> {
    const request = { revision: { low: Number(revision), high: 0, unsigned: false } };
    return this.call('KV/Compact', codec.CompactionRequest, codec.CompactionResponse, request);
  }

  duplex(path: string, metadata?: Metadata) {
    const full = `/etcdserverpb.${path}`;
    return metadata === undefined
      ? this.client.makeBidiStreamRequest(full, same, same)
      : this.client.makeBidiStreamRequest(full, same, same, metadata);
  }

  close(): void {
    this.client.close();
  }
}
