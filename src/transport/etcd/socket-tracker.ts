import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';

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

  /** Credentials that do as the given ones do, and note the sockets. */
  wrap(credentials: ChannelCredentials): ChannelCredentials {
    const wrapped: ChannelCredentials = Object.create(credentials);
    wrapped._createSecureConnector = (...args) => {
      const connector = credentials._createSecureConnector(...args);
      const connect: Connector['connect'] = async (socket) => {
        this.#note(socket);
        const result = await connector.connect(socket);
        this.#note(result.socket);
        return result;
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
