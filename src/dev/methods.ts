import type protobuf from 'protobufjs/minimal.js';
import { decodeWith, finished } from '../transport/etcd/methods.js';
import { Refusal } from './refusal.js';

interface Decodable<R> {
  decode(reader: protobuf.Reader): R;
}

interface Encodable<A> {
  encode(answer: A): protobuf.Writer;
}

/** One remote procedure that has one request and one answer. Throws a {@link Refusal}. */
export interface UnaryMethod {
  readonly path: string;
  answer(request: Buffer): Buffer;
}

/** gRPC's INTERNAL. */
const internal = 13;

/** How requests of this kind are read. What cannot be is refused. */
export function decoder<R>(type: Decodable<R>): (bytes: Buffer) => R {
  const decode = decodeWith(type);
  return (bytes) => {
    try {
      return decode(bytes);
    } catch {
      throw new Refusal(internal, 'grpc: error while unmarshalling request');
    }
  };
}

export function pathOf(service: string, name: string): string {
  return `/etcdserverpb.${service}/${name}`;
}

/** A procedure of one of etcd's services. `bytes`: how long the request was on the wire. */
export function unary<R, A>(
  service: string,
  name: string,
  request: Decodable<R>,
  answer: Encodable<A>,
  handle: (request: R, bytes: number) => A,
): UnaryMethod {
  const decode = decoder(request);
  return {
    path: pathOf(service, name),
    answer: (bytes) => finished(answer.encode(handle(decode(bytes), bytes.length))),
  };
}
