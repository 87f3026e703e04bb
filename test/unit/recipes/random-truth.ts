import type { Batch, Entry } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import type { MemoryCluster } from '../../../src/transport/memory/cluster.js';

/** A promise of the library that was broken. */
export class Violation extends Error {}

/** What happened, in order, as a number that changes with the least of it, and the end of it in words. */
export class Trace {
  readonly #recent: string[] = [];
  #hash = 0x811c_9dc5;
  count = 0;

  note(event: string): void {
    for (let at = 0; at < event.length; at++) {
      this.#hash = Math.imul(this.#hash ^ event.charCodeAt(at), 0x0100_0193) >>> 0;
    }
    this.count++;
    this.#recent.push(event);
    if (this.#recent.length > 400) this.#recent.splice(0, 200);
  }

  get hash(): string {
    return this.#hash.toString(16);
  }

  get end(): string {
    return this.#recent.slice(-60).join('\n');
  }
}

const decoder = new TextDecoder();

/** What the store really did, revision by revision, as an all-seeing observer of it. */
export class Truth {
  readonly #watch: AsyncIterableIterator<Batch>;
  readonly #entries = new Map<string, Entry>();
  readonly #counts = new Map<string, number>();
  readonly #values = new Set<string>();
  #broken: Violation | undefined;

  constructor(cluster: MemoryCluster) {
    this.#watch = cluster.store().watch({ prefix: '/' });
    void this.#follow();
  }

  /** What the counter of a path came to. */
  counted(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  /** Whether this value was ever stored under this key. */
  wasStored(key: string, value: string): boolean {
    return this.#values.has(`${key}=${value}`);
  }

  /** Throws what was found wrong so far. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  end(): Promise<unknown> {
    return this.#watch.return?.() ?? Promise.resolve();
  }

  async #follow(): Promise<void> {
    for await (const batch of this.#watch) {
      const puts = batch.kind === 'snapshot' ? batch.entries : batch.puts;
      for (const entry of puts) this.#put(entry);
      if (batch.kind === 'changes') for (const key of batch.deletes) this.#entries.delete(key);
    }
  }

  #put(entry: Entry): void {
    const value = decoder.decode(entry.value);
    this.#values.add(`${entry.key}=${value}`);
    if (entry.key.startsWith('/count')) this.#count(entry.key.slice('/count'.length), value);
    this.#entries.set(entry.key, entry);
  }

  /** An increment must be by one, and by whoever was first in line at that moment. */
  #count(path: string, value: string): void {
    const [count, token] = value.split(' ');
    const first = this.#first(`${path}/`);
    if (Number(count) !== this.counted(path) + 1) {
      this.#broken ??= new Violation(`the counter of ${path} went from ${this.counted(path)} to ${count}`);
    } else if (String(first?.created) !== token) {
      this.#broken ??= new Violation(`token ${token} counted at ${path} while ${first?.created} was the holder`);
    }
    this.#counts.set(path, Number(count));
  }

  #first(prefix: string): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.key.startsWith(prefix) && (first === undefined || entry.created < first.created)) first = entry;
    }
    return first;
  }
}

/** The code of an error, for the trace. */
export function codeOf(error: unknown): string {
  return isCoordinationError(error) ? error.code : error instanceof Error ? error.message : String(error);
}
