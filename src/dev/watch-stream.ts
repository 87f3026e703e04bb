import type { Event, WatchCreateRequest, WatchRequest } from '../transport/etcd/codec/etcd.js';
import { fromBigint, toBigint } from '../transport/etcd/int64.js';
import type { Revision } from '../transport/memory/history.js';
import { compactRevision } from './machine.js';
import { isEmptySpan } from './span.js';
import type { DevStore, Header } from './store.js';
import type { Listener, WatchIndex } from './watch-index.js';
import { type EventCache, inFragments, message } from './watch-messages.js';
import { eventsFor, revisionsFrom, type Watcher, watcherOf } from './watcher.js';
import { int64 } from './wire.js';

/** Revisions that one response of the past has at most, as in etcd. */
const batchRevisions = 1_000;

const noWatch = fromBigint(-1n);
const zero = int64(0);

/** What several streams share. */
export interface WatchHouse {
  readonly store: DevStore;
  readonly index: WatchIndex;
  readonly cache: EventCache;
}

interface Entry extends Listener {
  readonly watcher: Watcher;
}

/**
 * The watches of one stream. A client that reads too slowly is not buffered for: its watches fall behind, and are told
 * from the history once there is room, or that it was compacted.
 */
export class WatchStream {
  readonly #house: WatchHouse;
  readonly #send: (message: Buffer) => boolean;
  readonly #entries = new Map<bigint, Entry>();
  readonly #behind = new Set<Entry>();
  #full = false;
  #nextId = 0n;

  /** `send` says whether there is room for more. */
  constructor(house: WatchHouse, send: (message: Buffer) => boolean) {
    this.#house = house;
    this.#send = send;
  }

  receive({ createRequest, cancelRequest, progressRequest }: WatchRequest.$Properties): void {
    if (createRequest) this.#create(createRequest);
    else if (cancelRequest) this.#cancel(toBigint(cancelRequest.watchId ?? zero));
    else if (progressRequest) this.#progress([...this.#entries.values()], noWatch);
  }

  /** There is room again. */
  drained(): void {
    this.#full = false;
    for (const entry of [...this.#behind]) {
      if (this.#full) return;
      this.#catchUp(entry);
    }
  }

  /** A notice to each watch that asked for them and was told nothing since the last. */
  tick(): void {
    for (const entry of this.#entries.values()) {
      const { watcher } = entry;
      if (!watcher.progressNotify) continue;
      if (watcher.quiet) this.#progress([entry], fromBigint(watcher.id));
      watcher.quiet = true;
    }
  }

  close(): void {
    for (const entry of this.#entries.values()) this.#house.index.delete(entry);
    this.#entries.clear();
    this.#behind.clear();
  }

  #write(bytes: Buffer): void {
    if (!this.#send(bytes)) this.#full = true;
  }

  #create(request: WatchCreateRequest.$Properties): void {
    const { store, index } = this.#house;
    const current = store.machine.state.revision;
    const asked = watcherOf(request, current);
    const refused = this.#problem(asked);
    if (refused !== undefined) {
      const header = store.header();
      this.#write(message({ header, watchId: noWatch, created: true, canceled: true, cancelReason: refused }));
      return;
    }
    const watcher = asked.id === 0n ? { ...asked, id: this.#freeId() } : asked;
    const entry: Entry = { span: watcher.span, watcher, hear: (revision) => this.#hear(entry, revision) };
    this.#entries.set(watcher.id, entry);
    index.add(entry);
    this.#write(message({ header: store.header(), watchId: fromBigint(watcher.id), created: true }));
    if (watcher.next > current) return;
    this.#behind.add(entry);
    this.#catchUp(entry);
  }

  /** Why there cannot be such a watch, in etcd's words. */
  #problem({ id, span, startRevision }: Watcher): string | undefined {
    if (startRevision < 0) return 'etcdserver: mvcc: required revision has been compacted';
    if (isEmptySpan(span)) return 'mvcc: watcher range is empty';
    if (id !== 0n && this.#entries.has(id)) return 'mvcc: duplicate watch ID provided on the WatchStream';
    return undefined;
  }

  #freeId(): bigint {
    while (this.#entries.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #cancel(id: bigint): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#behind.delete(entry);
    this.#house.index.delete(entry);
    this.#write(message({ header: this.#house.store.header(), watchId: fromBigint(id), canceled: true }));
  }

  /** Says that these watches know all up to now, unless one does not, or is to begin later only. */
  #progress(entries: readonly Entry[], watchId: ReturnType<typeof fromBigint>): void {
    const { store } = this.#house;
    const { revision } = store.machine.state;
    const running = entries.filter(({ watcher }) => !watcher.compacted);
    const ready = running.every((entry) => entry.watcher.startRevision <= revision && !this.#behind.has(entry));
    if (running.length === 0 || !ready) return;
    this.#write(message({ header: store.header(), watchId }));
  }

  #hear(entry: Entry, revision: Revision): void {
    const { watcher } = entry;
    if (revision.revision < watcher.next || this.#behind.has(entry)) return;
    if (this.#full) {
      this.#behind.add(entry);
      return;
    }
    const { store, cache } = this.#house;
    watcher.next = revision.revision + 1;
    const header = store.header({ revision: int64(revision.revision) });
    const oldest = compactRevision(store.machine);
    if (watcher.fragment && revision.changes.length > 1) {
      const events = eventsFor(watcher, revision, oldest);
      if (events.length > 0) this.#tell(watcher, header, events);
      return;
    }
    const events = cache.encode(watcher, revision, oldest);
    if (events === undefined) return;
    watcher.quiet = false;
    this.#write(Buffer.concat([message({ header, watchId: fromBigint(watcher.id) }), events]));
  }

  #tell(watcher: Watcher, header: Header, events: Event.$Properties[]): void {
    watcher.quiet = false;
    for (const bytes of inFragments(watcher, header, events)) this.#write(bytes);
  }

  /** Tells a watch of the past, up to now or until there is no more room. */
  #catchUp(entry: Entry): void {
    const { store, index } = this.#house;
    const { watcher } = entry;
    const { revision: current } = store.machine.state;
    while (watcher.next <= current) {
      const oldest = compactRevision(store.machine);
      const past = watcher.next < oldest ? undefined : revisionsFrom(store.machine, watcher.next);
      if (past === undefined) {
        watcher.compacted = true;
        this.#behind.delete(entry);
        index.delete(entry);
        const header = store.header({ revision: zero });
        const watchId = fromBigint(watcher.id);
        this.#write(message({ header, watchId, canceled: true, compactRevision: int64(oldest) }));
        return;
      }
      const { events, next } = this.#gather(watcher, past, oldest);
      watcher.next = next ?? current + 1;
      if (events.length > 0) this.#tell(watcher, store.header(), events);
      if (this.#full && watcher.next <= current) return;
    }
    this.#behind.delete(entry);
  }

  /** The events of as many revisions as go into one response, and the revision to go on with. */
  #gather(watcher: Watcher, past: readonly Revision[], oldest: number) {
    const events: Event.$Properties[] = [];
    let revisions = 0;
    for (const revision of past) {
      const more = eventsFor(watcher, revision, oldest);
      if (more.length === 0) continue;
      if (revisions++ === batchRevisions) return { events, next: revision.revision };
      events.push(...more);
    }
    return { events, next: undefined };
  }
}
