import { setTimeout as delay } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Names } from './names.js';
import type { Plain, PlainFields } from './plain.js';

/** Alters what a server said, to see whether that is noticed. */
export type Tamper = (what: string, answer: PlainFields) => PlainFields;

const patienceMs = 20_000;

/** A watch that begins so many revisions from now is waited for; one that begins later is ended instead. */
const near = 8n;

interface Watcher {
  /** The revision from which on it was to see everything. */
  readonly from: bigint;
  state: 'live' | 'compacted';
  /** The last revision of which it showed events, and whether more of them were announced. */
  shown: bigint;
  more: boolean;
  /** Up to here it has been told that it has seen everything. */
  told: bigint;
}

/** One stream of watches, with what each watch on it saw, one event after the other however they were sent. */
export class WatchStream {
  readonly #call: ClientDuplexStream<object, object>;
  readonly #names: Names;
  readonly #watchers = new Map<bigint, Watcher>();
  /** By watch id, what it saw since the last comparison. */
  #seen = new Map<bigint, Plain[]>();
  #created = 0;
  #from = 0n;
  #canceled = 0;
  #progress = 0n;
  #fragments = 0;
  #failure: Plain | undefined;

  constructor(call: ClientDuplexStream<object, object>, names: Names, plain: (message: object) => PlainFields) {
    this.#call = call;
    this.#names = names;
    call.on('data', (message: object) => this.#take(plain(message)));
    call.on('error', ({ code, details }: { code: number; details: string }) => {
      this.#failure = { code, details };
    });
  }

  /** What was seen since the last time, by watch. */
  takeSeen(): PlainFields {
    const seen = Object.fromEntries([...this.#seen].map(([id, list]) => [`watch ${id}`, list] as const).sort());
    this.#seen = new Map();
    return this.#failure === undefined ? seen : { ...seen, failure: this.#failure };
  }

  /** Asks for a watch and waits for the word that it was created, or why not. */
  async create(request: object, from: bigint): Promise<void> {
    const before = this.#created;
    this.#from = from;
    this.#call.write({ createRequest: request });
    await this.#until('the word of a new watch', () => this.#created > before);
  }

  /** Ends a watch. Of one that it does not know, a server says nothing. */
  async cancel(id: bigint, wireId: unknown): Promise<void> {
    const known = this.#watchers.has(id);
    const before = this.#canceled;
    this.#call.write({ cancelRequest: { watchId: wireId } });
    if (known) await this.#until(`the end of watch ${id}`, () => this.#canceled > before);
    this.#watchers.delete(id);
  }

  askForProgress(): void {
    this.#call.write({ progressRequest: {} });
  }

  /** How many messages were parts of a larger one. */
  get fragments(): number {
    return this.#fragments;
  }

  /** How many revisions there must be until every watch that begins soon has begun. */
  get ahead(): number {
    const { now } = this.#names;
    const from = [...this.#watchers.values()].map((watcher) => watcher.from).filter((each) => each <= now + near);
    return Number(from.reduce((most, each) => (each > most ? each : most), now) - now);
  }

  /**
   * Until everything up to the present revision has come. etcd answers only when no watch lags behind, was ended by a
   * compaction, or is still to begin: those are taken away.
   */
  async sync(wire: (id: bigint) => unknown): Promise<void> {
    const deadline = performance.now() + patienceMs;
    const goal = this.#names.now;
    this.#progress = 0n;
    for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, 16)) {
      for (const [id, { state, from }] of [...this.#watchers]) {
        if (state === 'compacted' || from > goal) await this.cancel(id, wire(id));
      }
      if (this.#watchers.size === 0 || this.#failure !== undefined || this.#progress >= goal) return;
      if (performance.now() > deadline) throw new Error(`no progress up to ${goal} within ${patienceMs} ms`);
      this.askForProgress();
      const before = this.#progress;
      for (let n = 0; n < waitMs && this.#progress === before; n++) await delay(1);
    }
  }

  close(): void {
    this.#call.cancel();
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!condition()) {
      if (this.#failure !== undefined) return;
      if (performance.now() > deadline) throw new Error(`${what} did not come within ${patienceMs} ms`);
      await delay(0);
    }
  }

  #take(answer: PlainFields): void {
    const id = (answer['watchId'] as bigint | undefined) ?? 0n;
    const header = (answer['header'] ?? {}) as PlainFields;
    const revision = (header['revision'] ?? 0n) as bigint;
    if (answer['created'] === true) this.#takeCreated(id, answer);
    else if (answer['canceled'] === true) this.#takeCanceled(id, answer);
    else if (id === -1n && answer['events'] === undefined) this.#takeProgress(revision);
    else this.#takeEvents(id, revision, answer);
  }

  #takeCreated(id: bigint, answer: PlainFields): void {
    if (answer['canceled'] !== true) {
      this.#watchers.set(id, { from: this.#from, state: 'live', shown: 0n, more: false, told: 0n });
    }
    this.#note(id, this.#names.relative(answer));
    this.#created++;
  }

  #takeCanceled(id: bigint, answer: PlainFields): void {
    const watcher = this.#watchers.get(id);
    if (watcher !== undefined && answer['compactRevision'] !== undefined) watcher.state = 'compacted';
    else this.#canceled++;
    this.#note(id, this.#names.relative(answer));
  }

  #takeProgress(revision: bigint): void {
    if (this.#watchers.size === 0) this.#note(-1n, 'progress of no watch');
    this.#progress = revision;
    for (const watcher of this.#watchers.values()) watcher.told = revision;
  }

  #takeEvents(id: bigint, revision: bigint, answer: PlainFields): void {
    const events = (answer['events'] ?? []) as readonly PlainFields[];
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) this.#note(id, 'events of a watch that is not there');
    for (const [n, event] of events.entries()) {
      const at = ((event['kv'] as PlainFields | undefined)?.['modRevision'] ?? 0n) as bigint;
      if (watcher !== undefined) this.#check(id, watcher, at, n === 0);
      if (at > revision) this.#note(id, 'events above the revision of their header');
      this.#note(id, this.#names.relative(event));
    }
    if (events.length === 0) this.#note(id, this.#names.relative(answer));
    if (answer['fragment'] === true) this.#fragments++;
    if (watcher !== undefined) watcher.more = answer['fragment'] === true;
  }

  /** What holds of every stream, however events are put into messages. */
  #check(id: bigint, watcher: Watcher, at: bigint, first: boolean): void {
    if (first && at === watcher.shown && !watcher.more) this.#note(id, 'one revision in two messages');
    if (at < watcher.shown) this.#note(id, 'an earlier revision after a later one');
    if (at <= watcher.told) this.#note(id, 'events below the progress that was told');
    watcher.shown = at;
  }

  #note(id: bigint, what: Plain): void {
    const list = this.#seen.get(id) ?? [];
    list.push(what);
    this.#seen.set(id, list);
  }
}
