import { Client, credentials } from '@grpc/grpc-js';
import { fromBigint } from '../../../src/transport/etcd/int64.js';
import { leaseAnswer, withoutTies, withoutTiesInside } from './answers.js';
import { type Call, type CallName, calls, type Message, streams } from './calls.js';
import { Names } from './names.js';
import { type PlainFields, plainOf } from './plain.js';
import { type Fields, Mark } from './step.js';
import { type Tamper, WatchStream } from './watch-stream.js';

interface Failure {
  readonly code: number;
  readonly details: string;
}

const encoded = (type: Message) => (message: object) => type.encode(message).finish() as Buffer;
const callTimeoutMs = 30_000;

/** One server, asked directly, and what it answers in words that do not depend on which server it is. */
export class Side {
  readonly names = new Names();
  readonly #client: Client;
  readonly #tamper: Tamper;
  readonly #streams = new Map<number, WatchStream>();

  constructor(endpoint: string, tamper: Tamper = (_, answer) => answer) {
    // A watch may bring everything that was ever written in one message.
    const options = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
    this.#client = new Client(new URL(endpoint).host, credentials.createInsecure(), options);
    this.#tamper = tamper;
  }

  /** Makes the store empty, forgets the past, and counts revisions from here. */
  async begin(): Promise<void> {
    this.#closeStreams();
    const leases = ((await this.#ask('leases', {}))['leases'] ?? []) as readonly PlainFields[];
    for (const { ID } of leases) await this.#ask('revoke', { ID: fromBigint((ID ?? 0n) as bigint) });
    await this.#ask('deleteRange', { key: Buffer.of(0), rangeEnd: Buffer.of(0) });
    let revision = 0n;
    // Far enough from the beginning of time for every revision of the past that a program can name to be above 0.
    while (revision < 64n) revision = revisionIn(await this.#ask('put', { key: Buffer.from('x') }));
    revision = revisionIn(await this.#ask('deleteRange', { key: Buffer.from('x') }));
    await this.#ask('compact', { revision: fromBigint(revision) });
    this.names.begin(revision);
  }

  async call(name: CallName, fields: Fields): Promise<PlainFields> {
    const request = this.names.wire(fields);
    const answer = this.#tamper(name, await this.#unary(calls[name], request));
    this.#learn(name, fields, answer);
    const plain = this.names.relative(answer);
    if (name === 'range') return withoutTies(fields, plain);
    if (name === 'txn') return withoutTiesInside(fields, plain);
    return name === 'timeToLive' ? leaseAnswer(plain) : plain;
  }

  keepAlive(fields: Fields): Promise<PlainFields> {
    const { path, request, response } = streams.keepAlive;
    return new Promise((resolve) => {
      const call = this.#client.makeBidiStreamRequest(path, encoded(request), (bytes) => response.decode(bytes));
      call.on('data', (message: object) => {
        resolve(this.names.relative(this.#tamper('keepAlive', plainOf(message))));
        call.end();
      });
      call.on('error', ({ code, details }: Failure & Error) => resolve({ code, details }));
      call.write(this.names.wire(fields));
    });
  }

  async watch(stream: number, fields: Fields): Promise<void> {
    const { startRevision = 0n } = fields;
    const from = startRevision instanceof Mark ? this.names.resolve(startRevision) : startRevision;
    await this.#stream(stream).create(this.names.wire(fields), from as bigint);
  }

  async cancel(stream: number, id: bigint): Promise<void> {
    await this.#streams.get(stream)?.cancel(id, fromBigint(id));
  }

  askForProgress(stream: number): void {
    this.#streams.get(stream)?.askForProgress();
  }

  /** How many messages on the streams that are open were parts of a larger one. */
  get fragments(): number {
    return [...this.#streams.values()].reduce((sum, stream) => sum + stream.fragments, 0);
  }

  /** How many revisions there must be until every watch that begins soon has begun. */
  get ahead(): number {
    return Math.max(0, ...[...this.#streams.values()].map((stream) => stream.ahead));
  }

  /** Everything that the watches saw since the last time, up to the present. */
  async seen(): Promise<PlainFields> {
    const all = [...this.#streams].sort(([a], [b]) => a - b);
    await Promise.all(all.map(([, stream]) => stream.sync(fromBigint)));
    return Object.fromEntries(all.map(([n, stream]) => [`stream ${n}`, stream.takeSeen()]));
  }

  closeStream(stream: number): void {
    this.#streams.get(stream)?.close();
    this.#streams.delete(stream);
  }

  close(): void {
    this.#closeStreams();
    this.#client.close();
  }

  #closeStreams(): void {
    for (const n of [...this.#streams.keys()]) this.closeStream(n);
  }

  #stream(n: number): WatchStream {
    const open = this.#streams.get(n);
    if (open !== undefined) return open;
    const { path, request, response } = streams.watch;
    const call = this.#client.makeBidiStreamRequest(path, encoded(request), (bytes) => response.decode(bytes));
    const stream = new WatchStream(call, this.names, (message) => this.#tamper('watch', plainOf(message)));
    this.#streams.set(n, stream);
    return stream;
  }

  /** What later steps refer to. */
  #learn(name: CallName, fields: Fields, answer: PlainFields): void {
    this.names.heard((answer['header'] as PlainFields | undefined)?.['revision']);
    if (name === 'grant' && typeof answer['ID'] === 'bigint')
      this.names.granted(answer['ID'], fields['ID'] === undefined);
    const isAll = fields['key'] === '\0' && fields['rangeEnd'] === '\0' && Object.keys(fields).length === 2;
    if (name === 'range' && isAll) this.names.learn((answer['kvs'] ?? []) as readonly PlainFields[]);
  }

  async #ask(name: CallName, request: object): Promise<PlainFields> {
    const answer = await this.#unary(calls[name], request);
    if (answer['code'] !== undefined) throw new Error(`${name}: ${answer['code']} ${answer['details']}`);
    return answer;
  }

  #unary({ path, request, response }: Call, message: object): Promise<PlainFields> {
    return new Promise((resolve) => {
      const answered = (error: Failure | null, answer?: object): void => {
        resolve(error === null ? plainOf(answer ?? {}) : { code: error.code, details: inOneWord(error.details) });
      };
      const options = { deadline: Date.now() + callTimeoutMs };
      this.#client.makeUnaryRequest(
        path,
        encoded(request),
        (bytes) => response.decode(bytes),
        message,
        options,
        answered,
      );
    });
  }
}

/** The one sentence that is not etcd's but that of gRPC, which has another wording in Go than in Node. */
function inOneWord(details: string): string {
  return details.replace(
    /^(?:grpc: r|R)eceived message larger than max \((\d+) vs\.? (\d+)\)$/,
    'larger than max ($1, $2)',
  );
}

function revisionIn(answer: PlainFields): bigint {
  return ((answer['header'] as PlainFields)['revision'] ?? 0n) as bigint;
}
