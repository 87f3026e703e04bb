import { Event, WatchResponse } from '../transport/etcd/codec/etcd.js';
import { fromBigint } from '../transport/etcd/int64.js';
import { finished } from '../transport/etcd/methods.js';
import type { Revision } from '../transport/memory/history.js';
import type { Header } from './store.js';
import { eventsFor, type Watcher, wants } from './watcher.js';

/** From this size on a response to a watch that takes fragments is cut: etcd's largest request, with what gRPC adds. */
export const fragmentBytes = 2 * 1024 * 1024;

/** One message, as bytes. */
export function message(response: WatchResponse.$Properties): Buffer {
  return finished(WatchResponse.encode(response));
}

/**
 * The events of the newest revision, encoded once for all watches that are told the same: parts of a message may follow
 * each other in any order, so what differs is put before them.
 */
export class EventCache {
  #revision: Revision | undefined;
  readonly #encoded = new Map<boolean, Buffer>();

  /** What to send to a watch of a revision that touches its span. Undefined where it wants none of it. */
  encode(watcher: Watcher, revision: Revision, oldest: number): Buffer | undefined {
    const [only] = revision.changes;
    if (revision.changes.length !== 1 || only === undefined) return encodeEvents(eventsFor(watcher, revision, oldest));
    if (!wants(watcher, only)) return undefined;
    if (this.#revision !== revision) {
      this.#revision = revision;
      this.#encoded.clear();
    }
    const known = this.#encoded.get(watcher.prevKv);
    if (known !== undefined) return known;
    const made = encodeEvents(eventsFor(watcher, revision, oldest));
    if (made !== undefined) this.#encoded.set(watcher.prevKv, made);
    return made;
  }
}

function encodeEvents(events: readonly Event.$Properties[]): Buffer | undefined {
  return events.length === 0 ? undefined : message({ events: [...events] });
}

/** A response with events, in as many messages as the watch takes. */
export function* inFragments(watcher: Watcher, header: Header, events: Event.$Properties[]): Generator<Buffer> {
  const head = { header, watchId: fromBigint(watcher.id) };
  if (!watcher.fragment) {
    yield message({ ...head, events });
    return;
  }
  const headBytes = message({ ...head, fragment: true }).length;
  let piece: Event.$Properties[] = [];
  let bytes = headBytes;
  for (const event of events) {
    // A tag, and the length of the event, which takes up to five bytes.
    const size = 6 + finished(Event.encode(event)).length;
    if (piece.length > 0 && bytes + size >= fragmentBytes) {
      yield message({ ...head, fragment: true, events: piece });
      piece = [];
      bytes = headBytes;
    }
    piece.push(event);
    bytes += size;
  }
  yield message({ ...head, events: piece });
}
