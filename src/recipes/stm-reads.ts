import { inRange } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { orAbort, type Scope } from '../core/signals.js';
import { type Commit, type Entry, type Range, read } from '../core/store.js';
import { retrying } from './line-session.js';
import {
  type Conflict,
  checkRoom,
  conflictError,
  conflictOf,
  guardsOf,
  type Known,
  type Level,
  nameOfRange,
  otherwiseOf,
  readCheck,
} from './stm-checks.js';

/** What an attempt needs of its transaction. */
export interface AttemptParts {
  readonly client: ClientContext;
  readonly scope: Scope;
  readonly level: Level;
  /** Known from the attempt before, all of one revision. */
  readonly known: readonly Known[];
}

/**
 * What one attempt has read. At the levels that promise so, all of it is of one revision at any time: what is read anew is
 * read only if what was read before is still so, else the attempt fails with a conflict.
 */
export class ReadSet {
  readonly #parts: AttemptParts;
  readonly #reads = new Map<string, Known>();
  /** Known, but not asked for: what the attempt does not depend on. Of the same revision as the newest read. */
  readonly #spare = new Map<string, Known>();
  #next: Map<string, Range> | undefined;
  #last: Promise<void> = Promise.resolve();
  /** By how many requests it came to know what it knows. */
  #fetches = 0;
  #failed: { readonly error: unknown; readonly conflict?: Conflict } | undefined;
  #revision = 0n;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.#keep(parts.known, this.#spare);
    if (parts.known.length > 0) this.#fetches = 1;
  }

  /** What made a read fail. It ends the attempt, whatever its function makes of it. */
  get failed(): { readonly error: unknown; readonly conflict?: Conflict } | undefined {
    return this.#failed;
  }

  /** The newest revision at which something was read. */
  get revision(): bigint {
    return this.#revision;
  }

  /** Everything that was read came by one request. */
  get atOnce(): boolean {
    return this.#fetches < 2;
  }

  get all(): readonly Known[] {
    return [...this.#reads.values()];
  }

  /** What is known of a range that was not asked for. */
  spare(range: Range): Known | undefined {
    return this.#spare.get(nameOfRange(range));
  }

  /** What is in a range. */
  async read(range: Range): Promise<readonly Entry[]> {
    const name = nameOfRange(range);
    const spare = this.#spare.get(name);
    // While a fetch is under way there is none: what it does not guard, it reads again.
    if (spare !== undefined) {
      this.#spare.delete(name);
      this.#reads.set(name, spare);
    }
    if (!this.#reads.has(name)) await this.#fetchWithOthers(range);
    return this.#reads.get(name)?.entries ?? [];
  }

  /** The entry of a key: as it was read in a range, or by itself. */
  async readKey(key: string): Promise<Entry | undefined> {
    if (!this.#reads.has(nameOfRange({ key }))) {
      for (const { range, entries } of this.#reads.values()) {
        const found = inRange(range, key) ? entries.find((entry) => entry.key === key) : undefined;
        if (found !== undefined) return found;
      }
    }
    return (await this.read({ key }))[0];
  }

  /** Reads ahead, without anything depending on it. */
  prefetch(ranges: readonly Range[]): Promise<void> {
    return this.#fetch(ranges, this.#spare);
  }

  #keep(all: readonly Known[], map: Map<string, Known>): void {
    for (const known of all) {
      map.set(nameOfRange(known.range), known);
      if (known.revision > this.#revision) this.#revision = known.revision;
    }
  }

  /** Together with all that are asked for until it is sent, and after the fetch that is under way. */
  #fetchWithOthers(range: Range): Promise<void> {
    const next = this.#next ?? new Map<string, Range>();
    next.set(nameOfRange(range), range);
    if (this.#next === undefined) {
      this.#next = next;
      this.#last = this.#last.then(() => {
        this.#next = undefined;
        return this.#fetch([...next.values()], this.#reads);
      });
    }
    return this.#last;
  }

  async #fetch(ranges: readonly Range[], into: Map<string, Known>): Promise<void> {
    this.#fetches++;
    try {
      const found = await this.#send(ranges);
      this.#keep(found.slice(0, ranges.length), into);
      this.#keep(found.slice(ranges.length), this.#spare);
    } catch (error) {
      this.#failed ??= { error };
      throw this.#failed.error;
    }
  }

  /**
   * Reads these ranges, and at the levels that have all of one revision, only if what was read before is still so. Then
   * what is known beside is read again too, where there is room for it.
   */
  async #send(ranges: readonly Range[]): Promise<readonly Known[]> {
    const { client, scope, level } = this.#parts;
    const { store } = client;
    const checks = level.snapshot ? [...this.#reads.values()].map((known) => readCheck(known, true)) : [];
    const guards = guardsOf(checks);
    const all = level.snapshot ? [...ranges, ...this.#takeSpare(ranges, guards.length)] : ranges;
    checkRoom(store.traits, guards.length + all.length);
    const otherwise = otherwiseOf(checks, store.traits, guards.length);
    const [range] = all;
    const call = async (): Promise<Commit> => {
      if (guards.length > 0 || all.length > 1 || range === undefined) {
        return store.commit(guards, all.map(read), { otherwise });
      }
      const { revision, entries } = await store.read(range);
      return { ok: true, revision, reads: [entries] };
    };
    const { ok, revision, reads } = await retrying(client, scope, () => orAbort(call(), scope));
    if (ok) return all.map((each, at) => ({ range: each, entries: reads[at] ?? [], revision }));
    const conflict = conflictOf(checks, reads, revision);
    const error = conflictError('What a transaction had read was changed while it ran', conflict);
    this.#failed = { error, conflict };
    throw error;
  }

  /** What is known beside, if there is room to read it again; in any case it is not known any more. */
  #takeSpare(ranges: readonly Range[], guards: number): readonly Range[] {
    const names = new Set(ranges.map(nameOfRange));
    const spare = [...this.#spare.values()].map(({ range }) => range).filter((range) => !names.has(nameOfRange(range)));
    this.#spare.clear();
    return guards + ranges.length + spare.length > this.#parts.client.store.traits.maxOps ? [] : spare;
  }
}
