import { createServer, isIP } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { invalidOption } from '../core/checks.js';
import { CoordinationError, printable } from '../errors.js';
import type { UnaryMethod } from './methods.js';
import { Refusal } from './refusal.js';
import type { BytesStream, StreamMethod } from './streams.js';

/** etcd's limit for a message: its largest request, and room for what gRPC adds. */
const maxMessageBytes = 2 * 1024 * 1024;

const same = (bytes: Buffer): Buffer => bytes;
const bytesBothWays = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** A server for these methods, which take and give bytes as they are on the wire. It does not listen yet. */
export function grpcServer(unaries: readonly UnaryMethod[], streams: readonly StreamMethod[]): Server {
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

/** Where a server is reached. */
export function endpointOf(host: string, port: number): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Begins to listen. Resolves to the port. Rejects with `INVALID_OPTION`. */
export async function bind(server: Server, host: string, port: number): Promise<number> {
  const address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  try {
    await probe(host, port);
    return await new Promise((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
  } catch (error) {
    throw bindError(error as Error, address);
  }
}

/** Whether it can be listened on, asked of the system: grpc-js tells why not in a line on stderr of its own. */
function probe(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createServer();
    socket.once('error', reject);
    socket.listen(port, host, () => socket.close(() => resolve()));
  });
}

function bindError(cause: Error, address: string): CoordinationError {
  if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
    return invalidOption('host', `It cannot listen on ${printable(address)}: ${printable(cause)}.`, 'not-an-address');
  }
  const sentence = `Something else listens on ${printable(address)}: stop that, or take another port.`;
  return new CoordinationError('INVALID_OPTION', sentence, { field: 'port', problem: 'in-use', cause });
}
