import type { Entry, Range, Snapshot } from '../../core/store.js';
import type { WatchQueue } from '../../core/stream.js';
import { Event, type WatchCreateRequest, type WatchResponse } from './codec/etcd.js';
import { fromBigint, fromNumber } from './int64.js';
import type { KeySpace, WireRange } from './ranges.js';
import { toEntry } from './translate.js';

/** Where a watch stands with the server: it must be asked for, it was asked for, or it delivers. */
export type Phase = 'absent' | 'creating' | 'live';

/**
 * One watched range: which changes it has seen, from where it can go on after a broken stream, and when it cannot. Knows
 * nothing of streams.
 */
export class Watched {
  readonly range: Range;
  readonly queue: WatchQueue;
  /** Its id on the wire: a new one for each time it is asked for, so that what is said of an old one is told apart. */
  id = -1;
  phase: Phase = 'absent';
  /** Counts snapshots asked for: only the last one counts. */
  generation = 0;
  /** How often it was refused although its range may be read. */
  refusals = 0;
  readonly #space: KeySpace;
  readonly #wire: WireRange;
  /** Everything up to here was handed over. Undefined: only a snapshot can tell. */
  #resume: bigint | undefined;
  /** Changes up to here are repetitions. */
  #floor = -1n;
  /** The keys that changed at the floor, if changes led there. */
  #atFloor: ReadonlySet<string> | undefined;
  /** A progress message said so; believed once the next message does not belie it. */
  #promised = -1n;
  #fragments: Event.$Properties[] = [];

  constructor(space: KeySpace, range: Range, queue: WatchQueue) {
    this.#space = space;
    this.range = range;
    this.#wire = space.range(range);
    this.queue = queue;
  }

  /** Whether it can go on from where it was, or needs a snapshot. */
  get resume(): bigint | undefined {
    return this.#resume;
  }

  createRequest(id: number): WatchCreateRequest.$Properties {
    this.id = id;
    this.phase = 'creating';
    this.#fragments = [];
    const start = this.#resume === undefined ? {} : { startRevision: fromBigint(this.#resume + 1n) };
    if (this.#resume !== undefined && this.#resume > this.#floor) this.#raiseFloor(this.#resume, undefined);
    return { ...this.#wire, ...start, watchId: fromNumber(id), progressNotify: true, fragment: true };
  }

  /** The stream broke: what was seen stays seen, unless the first snapshot was still to come. */
  interrupted(): void {
    this.phase = 'absent';
    if (this.#resume === undefined) this.forget();
  }

  /** Nothing that was seen counts: a snapshot read from now on is the next thing to hand over. */
  forget(): void {
    this.generation++;
    this.#resume = undefined;
    this.#floor = -1n;
    this.#atFloor = undefined;
    this.#promised = -1n;
    this.#fragments = [];
    this.queue.restart();
  }

  snapshot({ revision, entries }: Snapshot): void {
    if (revision > this.#floor) this.#raiseFloor(revision, undefined);
    this.#resume = this.#floor;
    this.queue.snapshot(revision, entries);
  }

  /** The server was in step with this watch at that revision. */
  progressed(revision: bigint): void {
    this.#believe();
    if (revision > this.#promised) this.#promised = revision;
  }

  /** Hands over the changes of one message. `gap`: the server has split a revision, and part of it may be missing. */
  changed({ events, fragment }: WatchResponse): 'ok' | 'gap' {
    this.#fragments.push(...events);
    if (fragment) return 'ok';
    const whole = this.#fragments;
    this.#fragments = [];
    return this.#deliver(whole);
  }

  #deliver(events: readonly Event.$Properties[]): 'ok' | 'gap' {
    const last = new Map<string, Entry | undefined>();
    const floor = this.#floor;
    let top = floor;
    let atTop = new Set<string>();
    for (const { type, kv } of events) {
      if (!kv) continue;
      const entry = toEntry(this.#space, kv);
      const { key, modified } = entry;
      if (modified < floor || (modified === floor && this.#isKnown(key))) continue;
      if (modified === floor) return 'gap';
      if (modified > top) [top, atTop] = [modified, new Set<string>()];
      if (modified === top) atTop.add(key);
      last.set(key, type === Event.EventType.DELETE ? undefined : entry);
    }
    if (last.size === 0) return 'ok';
    // Changes that come after a promise and lie below it: it was made too early, as some versions of etcd do.
    if (top > this.#promised) this.#believe();
    this.#promised = -1n;
    this.#raiseFloor(top, atTop);
    if (this.#resume !== undefined && this.#resume < top) this.#resume = top;
    this.#hand(top, last);
    return 'ok';
  }

  #hand(revision: bigint, last: ReadonlyMap<string, Entry | undefined>): void {
    const puts: Entry[] = [];
    const deletes: string[] = [];
    for (const [key, entry] of last) {
      if (entry === undefined) deletes.push(key);
      else puts.push(entry);
    }
    this.queue.changes({ kind: 'changes', revision, puts, deletes });
  }

  #isKnown(key: string): boolean {
    return this.#atFloor === undefined || this.#atFloor.has(key);
  }

  #raiseFloor(revision: bigint, keys: ReadonlySet<string> | undefined): void {
    this.#floor = revision;
    this.#atFloor = keys;
  }

  #believe(): void {
    if (this.#resume !== undefined && this.#promised > this.#resume) this.#resume = this.#promised;
  }
}
