import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Lane, type Rules } from './proxy-lane.js';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A TCP proxy that does to a connection what networks do. Every verb holds for all connections, until heal(). */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Connections from clients that are open. */
  readonly connections: number;
  /** Bytes swallowed by the drop verbs since the start. */
  readonly swallowed: number;
  /** Bytes that open connections keep back now (delay, throttle, hold). */
  readonly held: number;
  /** Each chunk arrives this much later, in both directions; order is kept. */
  delay(ms: number): void;
  /** At most so many bytes per second and direction, per connection. */
  throttle(bytesPerSecond: number): void;
  /** Half-open: swallows everything in both directions, also the ends of connections, and keeps the sockets. */
  dropAll(): void;
  dropToServer(): void;
  dropToClient(): void;
  /** Keeps everything back in both directions; heal() delivers it, as TCP does after a short partition. */
  hold(): void;
  /** Resets the connections there are, on both sides; new ones go on. */
  cut(): void;
  /** Resets new connections at once; the ones there are go on. */
  refuse(): void;
  /**
   * Ends every fault. Connections of which something was swallowed are reset: no real network ever delivers a
   * stream with a hole in it.
   */
  heal(): void;
  close(): Promise<void>;
}

interface ConnectionOptions {
  readonly client: Socket;
  readonly target: Target;
  readonly rules: Rules;
  readonly onSwallow: (bytes: number) => void;
  readonly onClose: () => void;
}

class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: readonly [toServer: Lane, toClient: Lane];

  constructor({ client, target, rules, onSwallow, onClose }: ConnectionOptions) {
    const server = connect({ ...target, allowHalfOpen: true });
    this.#client = client;
    this.#server = server;
    this.#lanes = [
      new Lane({ from: client, to: server, rule: () => rules.toServer, onSwallow }),
      new Lane({ from: server, to: client, rule: () => rules.toClient, onSwallow }),
    ];
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.once('close', () => {
        if (client.destroyed && server.destroyed) onClose();
      });
    }
  }

  /** Lets what is kept back go on after the rules have changed. */
  wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  get held(): number {
    return this.#lanes[0].queued + this.#lanes[1].queued;
  }

  get hasHole(): boolean {
    return this.#lanes.some((lane) => lane.hasHole);
  }

  reset(): void {
    for (const lane of this.#lanes) lane.stop();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }
}

class TcpProxy implements FaultProxy {
  readonly #target: Target;
  readonly #server: Server;
  readonly #open = new Set<Connection>();
  readonly #rules: Rules = { toServer: {}, toClient: {} };
  #refusing = false;
  #swallowed = 0;

  constructor(target: Target) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  listen(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => resolve(this));
    });
  }

  #accept(socket: Socket): void {
    if (this.#refusing) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
      return;
    }
    const connection: Connection = new Connection({
      client: socket,
      target: this.#target,
      rules: this.#rules,
      onSwallow: (bytes) => {
        this.#swallowed += bytes;
      },
      onClose: () => this.#open.delete(connection),
    });
    this.#open.add(connection);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#open.size;
  }

  get swallowed(): number {
    return this.#swallowed;
  }

  get held(): number {
    return [...this.#open].reduce((sum, connection) => sum + connection.held, 0);
  }

  delay(ms: number): void {
    this.#change({ delayMs: ms });
  }

  throttle(bytesPerSecond: number): void {
    this.#change({ bytesPerSecond });
  }

  dropAll(): void {
    this.#change({ drop: true });
  }

  dropToServer(): void {
    this.#change({ drop: true }, ['toServer']);
  }

  dropToClient(): void {
    this.#change({ drop: true }, ['toClient']);
  }

  hold(): void {
    this.#change({ hold: true });
  }

  #change(rule: Rules['toServer'], ways: readonly (keyof Rules)[] = ['toServer', 'toClient']): void {
    for (const way of ways) this.#rules[way] = { ...this.#rules[way], ...rule };
    for (const connection of this.#open) connection.wake();
  }

  cut(): void {
    for (const connection of this.#open) connection.reset();
  }

  refuse(): void {
    this.#refusing = true;
  }

  heal(): void {
    this.#refusing = false;
    this.#rules.toServer = {};
    this.#rules.toClient = {};
    for (const connection of this.#open) {
      if (connection.hasHole) connection.reset();
      else connection.wake();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function startProxy({ target }: { readonly target: Target }): Promise<FaultProxy> {
  return new TcpProxy(target).listen();
}
