/** The HTTP side of a service: `/health`, and whatever else it serves. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Log, messageOf } from './log.js';

/** How a service is: what it says is shown, and decides between 200 and 503. */
export type Health = () => { readonly healthy: boolean; readonly [about: string]: unknown };

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

export interface HttpSide extends AsyncDisposable {
  readonly port: number;
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Listens on this machine. Disposing of it lets requests under way end, and takes no more. */
export async function listen(port: number, log: Log, health: Health, handle: Handler = notFound): Promise<HttpSide> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url !== '/health') return await handle(request, response);
      const state = health();
      sendJson(response, state.healthy ? 200 : 503, state);
    };
    answer().catch((error: unknown) => {
      log('request-failed', { url: request.url, reason: messageOf(error) });
      response.destroy();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port, // A server on a port has an address with a port.
    [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())),
  };
}

const notFound: Handler = (_request, response) => sendJson(response, 404, { error: 'not found' });
