import type { LeaseId } from '../../core/store.js';

/** What a key was from one revision on, until the next one that touched it. Never changed once made. */
export interface Version {
  readonly key: string;
  readonly value: Uint8Array;
  readonly created: number;
  readonly modified: number;
  /** How often the key was written since it came into being; 1 for a new key. */
  readonly version: number;
  readonly lease: LeaseId | undefined;
}

/** What one revision did to one key; `next` is undefined where it was deleted, `previous` where it is new. */
export interface Change {
  readonly key: string;
  readonly next: Version | undefined;
  readonly previous: Version | undefined;
}

/** All that one revision changed, in the order in which it did. */
export interface Revision {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** How much of the past is kept. */
export interface HistoryLimits {
  /** Number of revisions. Default 10,000. */
  readonly revisions?: number;
  /** Bytes of keys and values in them. Default 64 MiB; beyond that fewer revisions are kept. */
  readonly bytes?: number;
}

function weigh({ changes }: Revision): number {
  let bytes = 0;
  for (const { key, next } of changes) bytes += 100 + key.length + (next?.value.byteLength ?? 0);
  return bytes;
}

/**
 * The last revisions, without a gap, bounded in number and in bytes. `floor` is the newest revision that is not in it:
 * the oldest at which the state can still be told, by undoing everything above.
 */
export class History {
  readonly #limits: Required<HistoryLimits>;
  /** Those before `#head` are let go; they are cut off now and then, so that it costs nothing on average. */
  #log: (Revision | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #floor: number;
  #atFloor: Revision | undefined;

  constructor(floor: number, limits: HistoryLimits = {}) {
    this.#floor = floor;
    this.#limits = { revisions: limits.revisions ?? 10_000, bytes: limits.bytes ?? 64 * 1024 * 1024 };
  }

  /** Revisions up to this one are compacted: what changed in them is not known any more. */
  get floor(): number {
    return this.#floor;
  }

  /** What is kept, roughly, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * What changed at the floor itself, where that was kept once. Not enough to tell the state below it, but a watch may
   * begin there in etcd.
   */
  get atFloor(): Revision | undefined {
    return this.#atFloor;
  }

  push(revision: Revision): void {
    this.#log.push(revision);
    this.#bytes += weigh(revision);
    const { revisions, bytes } = this.#limits;
    while (this.#log.length - this.#head > revisions || this.#bytes > bytes) this.#drop();
  }

  /** Lets go of every revision up to and with this one. */
  compact(revision: number): void {
    while (this.#floor < revision && this.#head < this.#log.length) this.#drop();
  }

  /** The revisions above this one, oldest first. Undefined when some of them are compacted. */
  since(revision: number): Revision[] | undefined {
    if (revision < this.#floor) return undefined;
    // All above the head are there.
    return this.#log.slice(this.#head + (revision - this.#floor)) as Revision[];
  }

  #drop(): void {
    // Only called while there is one.
    const first = this.#log[this.#head] as Revision;
    this.#floor = first.revision;
    this.#atFloor = first;
    this.#bytes -= weigh(first);
    this.#log[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head > this.#log.length >> 1) {
      this.#log = this.#log.slice(this.#head);
      this.#head = 0;
    }
  }
}
