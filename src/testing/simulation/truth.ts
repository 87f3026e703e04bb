import type { Entry } from '../../core/store.js';
import type { LeaseInfo } from '../../transport/memory/cluster.js';
import type { Revision } from '../../transport/memory/history.js';
import { toEntry } from '../../transport/memory/watchers.js';
import type { SimulatedService } from './service.js';

/** What one revision did to one key. */
export interface TrueChange {
  readonly key: string;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/** One revision of the store, as it came to be. */
export interface TrueRevision {
  readonly revision: bigint;
  /** When, in virtual milliseconds. */
  readonly atMs: number;
  /** How many clusters there were, this one included: revisions of different ones cannot be compared. */
  readonly generation: number;
  readonly changes: readonly TrueChange[];
}

/** What is the case in the store, and what was, past all networks and clients. For checks; it changes nothing. */
export class Truth {
  readonly #service: () => SimulatedService;
  readonly #log: TrueRevision[] = [];
  readonly #listeners: ((revision: TrueRevision) => void)[] = [];
  #entries = new Map<string, Entry>();
  #generation = 1;
  #foundedMs = 0;

  /** @internal */
  constructor(service: () => SimulatedService) {
    this.#service = service;
  }

  /** Every revision so far, of all clusters. */
  get log(): readonly TrueRevision[] {
    return this.#log;
  }

  /** How many clusters there were, the present one included. */
  get generation(): number {
    return this.#service().generation;
  }

  /** When the present cluster took the place of the last one. */
  get foundedMs(): number {
    return this.#foundedMs;
  }

  /** All leases, the oldest first. */
  get leases(): readonly LeaseInfo[] {
    return this.#service().cluster.leases();
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entries whose keys begin so, by age. */
  under(prefix = ''): Entry[] {
    const found = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
    return found.sort((a, b) => (a.created === b.created ? Number(a.key > b.key) : Number(a.created - b.created)));
  }

  /** Calls the listener with each revision, in the moment in which it comes to be, before any client can know of it. */
  follow(listener: (revision: TrueRevision) => void): void {
    this.#listeners.push(listener);
  }

  /** @internal */
  take({ revision, changes }: Revision, generation: number, atMs: number): void {
    // What still ends in a cluster that is no more concerns nobody.
    if (generation !== this.#generation) return;
    const taken = changes.map(({ key }): TrueChange => ({ key, before: this.#entries.get(key), after: undefined }));
    const all = taken.map((change, at): TrueChange => {
      const next = changes[at]?.next;
      return next === undefined ? change : { ...change, after: toEntry(next) };
    });
    for (const { key, after } of all) {
      if (after === undefined) this.#entries.delete(key);
      else this.#entries.set(key, after);
    }
    const whole = { revision: BigInt(revision), atMs, generation, changes: all };
    this.#log.push(whole);
    for (const listener of this.#listeners) listener(whole);
  }

  /** @internal Another cluster, and nothing in it. */
  forget(generation: number, atMs: number): void {
    this.#foundedMs = atMs;
    this.#generation = generation;
    this.#entries = new Map();
  }
}
