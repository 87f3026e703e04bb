import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';
import type { Secure } from './tls.js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * The sockets of one channel. gRPC never closes one whose peer accepts it and then says nothing, nor one whose peer has
 * gone silent; what is given up must be closed all the same. Credentials see each socket as it is made.
 */
export class SocketTracker {
  readonly #sockets = new Set<Socket>();
  #destroyed = false;

  /** Whether any socket is still open. */
  get isEmpty(): boolean {
    return this.#sockets.size === 0;
  }

  /** Credentials that do as the given ones do, but note the sockets, and secure them in this way if one is given. */
  wrap(credentials: ChannelCredentials, secure?: Secure): ChannelCredentials {
    const wrapped: ChannelCredentials = Object.create(credentials);
    wrapped._createSecureConnector = (...args) => {
      const connector = credentials._createSecureConnector(...args);
      const connect: Connector['connect'] = async (socket) => {
        this.#note(socket);
        if (secure === undefined) return await connector.connect(socket);
        return await secure(socket).then((secured) => {
          this.#note(secured);
          return { socket: secured, secure: true };
        });
      };
      return Object.assign(Object.create(connector) as Connector, { connect }); // The rest is inherited.
    };
    return wrapped;
  }

  /** Closes all sockets at once, and any that may yet be made. */
  destroy(): void {
    this.#destroyed = true;
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #note(socket: Socket): void {
    if (this.#destroyed) socket.destroy();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
