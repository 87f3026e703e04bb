import protobuf from 'protobufjs/minimal.js';
import * as codec from './codec/etcd.js';

/** One remote procedure: where it is, and how its answer is read. */
export interface Method<A> {
  readonly name: string;
  readonly path: string;
  readonly decode: (bytes: Buffer) => A;
}

interface Decoder<A> {
  decode(reader: protobuf.Reader): A;
}

/** Reads a message; fields that are not in our .proto file are dropped rather than kept. */
export function decodeWith<A>(type: Decoder<A>): (bytes: Buffer) => A {
  return (bytes) => {
    const reader = protobuf.Reader.create(bytes);
    reader.discardUnknown = true;
    return type.decode(reader);
  };
}

function method<A>(service: string, name: string, type: Decoder<A>): Method<A> {
  return { name, path: `/etcdserverpb.${service}/${name}`, decode: decodeWith(type) };
}

export const methods = {
  range: method('KV', 'Range', codec.RangeResponse),
  txn: method('KV', 'Txn', codec.TxnResponse),
  leaseGrant: method('Lease', 'LeaseGrant', codec.LeaseGrantResponse),
  leaseRevoke: method('Lease', 'LeaseRevoke', codec.LeaseRevokeResponse),
  authenticate: method('Auth', 'Authenticate', codec.AuthenticateResponse),
} as const;

export const streams = {
  watch: method('Watch', 'Watch', codec.WatchResponse),
  keepAlive: method('Lease', 'LeaseKeepAlive', codec.LeaseKeepAliveResponse),
} as const;

/** What encoders hand out is a Buffer in Node, though their types do not say so. */
export function finished(writer: protobuf.Writer): Buffer {
  return writer.finish() as Buffer;
}
