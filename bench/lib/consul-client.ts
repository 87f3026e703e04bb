import { Agent, type RequestOptions, request } from 'node:http';
import type { Client, ClientOptions } from 'coterie';
import { type ConsulOptions, type ConsulStats, type ConsulStore, consul } from 'coterie/consul';
import type { BenchContext } from './bench.js';
import type { Requests } from './line-drain.js';
import { urlOf } from './server.js';

export type ConsulClient = Client<ConsulStore>;

type Place = Pick<BenchContext, 'endpoints'>;

export function openConsul(place: Place, options: ClientOptions & Partial<ConsulOptions> = {}): ConsulClient {
  return consul({ address: addressOf(place), ...options });
}

function addressOf({ endpoints: [address] }: Place): string {
  if (address === undefined) throw new Error('A bench that needs a Consul was given none.');
  return address;
}

/** Requests by which a store is used, by kind: what keeps its session alive is not counted. */
export function requestsByKind({ requests: { txn = 0, read = 0, poll = 0 } }: ConsulStats): Requests {
  return { txn, read, poll };
}

/**
 * As long as the values of a mutex's tickets, where the host has a short name. Two by turns, since Consul makes less of a
 * write of what is there already.
 */
const ticketValues = [1, 2].map((n) => `{"kind":"mutex","host":"node-1","pid":123456,"since":170000000000${n}}`);

/** Writes to Consul as they are without a client: over Node's own HTTP, on a connection that is kept open. */
export class BareWrites {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #to: RequestOptions;

  constructor(place: Place) {
    const { hostname, port } = new URL(urlOf(addressOf(place)));
    this.#to = { host: hostname, port, method: 'PUT', agent: this.#agent };
  }

  /** `PUT /v1/kv/<key>`. */
  put(key: string): () => Promise<void> {
    return this.#byTurns(`/v1/kv${key}`, ticketValues);
  }

  /** `PUT /v1/txn` with one `set`: the least that goes through a transaction. */
  txn(key: string): () => Promise<void> {
    const set = (value: string): object => ({ Verb: 'set', Key: key.slice(1), Value: base64(value) });
    const bodies = ticketValues.map((value) => transaction([set(value)]));
    return this.#byTurns('/v1/txn', bodies);
  }

  /**
   * The least by which a ticket can join a line and leave it: two transactions. The one creates it for a session and reads
   * the line, the other deletes it where it is the session's. Their texts are made beforehand, their answers not looked at.
   */
  async joinAndLeave(path: string): Promise<() => Promise<void>> {
    const answer = await this.#write(
      '/v1/session/create',
      JSON.stringify({ TTL: '600s', Behavior: 'delete', LockDelay: '0s' }),
    );
    const { ID: Session } = JSON.parse(answer) as { readonly ID: string }; // As Consul documents it.
    const folder = `${path.slice(1)}/`;
    const Key = `${folder}${Session}-1`;
    const [value = ''] = ticketValues;
    const join = transaction([
      { Verb: 'check-not-exists', Key },
      { Verb: 'get-tree', Key: folder },
      { Verb: 'lock', Key, Value: base64(value), Session },
    ]);
    const leave = transaction([
      { Verb: 'check-session', Key, Session },
      { Verb: 'delete', Key },
    ]);
    return this.#inTurn('/v1/txn', [join, leave]);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Sends one of these each time. */
  #byTurns(path: string, bodies: readonly string[]): () => Promise<void> {
    let next = 0;
    return async () => {
      await this.#write(path, bodies[next++ % bodies.length] ?? '');
    };
  }

  /** Sends all of these each time, one after the other. */
  #inTurn(path: string, bodies: readonly string[]): () => Promise<void> {
    return async () => {
      for (const body of bodies) await this.#write(path, body);
    };
  }

  /** Gives the answer as text. */
  #write(path: string, body: string): Promise<string> {
    const options = { ...this.#to, path, headers: { 'Content-Length': Buffer.byteLength(body) } };
    return new Promise((resolve, reject) => {
      const outgoing = request(options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          if (incoming.statusCode === 200) resolve(Buffer.concat(chunks).toString());
          else reject(new Error(`A bare write was answered with ${incoming.statusCode}.`));
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

function transaction(ops: readonly object[]): string {
  return JSON.stringify(ops.map((KV) => ({ KV })));
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
