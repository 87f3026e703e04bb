import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.js';
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse, WatchRequest } from '../transport/etcd/codec/etcd.js';
import { finished } from '../transport/etcd/methods.js';
import { keepAlive } from './leases.js';
import { decoder, pathOf } from './methods.js';
import { Refusal } from './refusal.js';
import type { DevStore } from './store.js';
import { type WatchHouse, WatchStream } from './watch-stream.js';

export type BytesStream = ServerDuplexStream<Buffer, Buffer>;

/** A remote procedure that is a stream both ways. */
export interface StreamMethod {
  readonly path: string;
  open(call: BytesStream): void;
}

interface Hearing {
  receive(bytes: Buffer): void;
  /** The client has no more to say, but may still listen. */
  lastReceived(): void;
  close(): void;
}

/** Hears a stream until it ends, whoever ends it. A request that is refused ends it. */
function hear(call: BytesStream, { receive, lastReceived, close }: Hearing): void {
  let open = true;
  const end = (): void => {
    if (open) close();
    open = false;
  };
  call.on('data', (bytes: Buffer) => {
    if (!open) return;
    try {
      receive(bytes);
    } catch (error) {
      end();
      // What was thrown by a bug must not take the other streams with it either.
      const code = error instanceof Refusal ? error.code : 13;
      call.emit('error', { code, details: error instanceof Error ? error.message : 'internal error' });
    }
  });
  call.on('end', lastReceived);
  call.on('cancelled', end);
  call.on('close', end);
  call.on('error', end);
}

export function keepAliveMethod(store: DevStore): StreamMethod {
  const decode = decoder(LeaseKeepAliveRequest);
  return {
    path: pathOf('Lease', 'LeaseKeepAlive'),
    open: (call) => {
      const receive = (bytes: Buffer): void => {
        const request = decode(bytes);
        const answer = store.run((machine, _steps, now) => {
          return { ...keepAlive(machine, request, now), header: store.header() };
        });
        call.write(finished(LeaseKeepAliveResponse.encode(answer)));
      };
      hear(call, { receive, lastReceived: () => call.end(), close: () => {} });
    },
  };
}

/** `noticeMs`: how often a watch that wants it hears how far it has got. */
export function watchMethod(house: WatchHouse, clock: Clock, noticeMs: number): StreamMethod {
  const decode = decoder(WatchRequest);
  return {
    path: pathOf('Watch', 'Watch'),
    open: (call) => {
      const stream = new WatchStream(house, (bytes) => call.write(bytes));
      const again = (): void => {
        stream.tick();
        cancel = clock.after(noticeMs, again);
      };
      let cancel = clock.after(noticeMs, again);
      call.on('drain', () => stream.drained());
      hear(call, {
        receive: (bytes) => {
          // Leases whose time has come end first, so that what the stream is told next is not of before.
          house.store.run(() => {});
          stream.receive(decode(bytes));
        },
        // As in etcd, the watches go on.
        lastReceived: () => {},
        close: () => {
          cancel();
          stream.close();
        },
      });
    },
  };
}
