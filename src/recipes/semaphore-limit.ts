import { Backoff } from '../core/backoff.js';
import { checkInteger, isInteger } from '../core/checks.js';
import { decodeJsonObject } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import type { Scope } from '../core/signals.js';
import { absent, type Entry, type Guard, type Op, put, type Query, unchanged } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import type { Entrance } from './line-rule.js';
import { retrying } from './line-session.js';

/** How many permits there are. */
interface StoredLimit {
  readonly limit: number;
  /** What the first one who used the semaphore gave. */
  readonly initial: number;
  readonly modified: bigint;
}

/** More would be of no use, and sums have to stay exact. */
const mostPermits = 1_000_000_000;

/** Refuses anything but a number of permits, with `INVALID_OPTION`. */
export function checkPermits(value: unknown, field: string): asserts value is number {
  checkInteger(value, field, 1, mostPermits);
}

/** Whether it is a number of permits. */
export function isPermits(value: unknown): value is number {
  return isInteger(value, 1, mostPermits);
}

/** The limit of a semaphore, as this process knows it. The first one to need it puts it into the store. */
export class Limit {
  readonly query: Query;
  readonly #client: ClientContext;
  readonly #key: string;
  readonly #permits: number | undefined;
  #known: StoredLimit | undefined;
  /** The limit given here was once that in the store, or the initial one: later changes are changes to follow. */
  #accepted: boolean;

  constructor(client: ClientContext, key: string, permits: number | undefined) {
    this.#client = client;
    this.#key = key;
    this.#permits = permits;
    this.#accepted = permits === undefined;
    this.query = { key };
  }

  /** The limit as last heard of, and since when it is so. */
  get known(): StoredLimit | undefined {
    return this.#known;
  }

  /** Takes note of the entry. Throws `CORRUPT_DATA` where it is no limit. */
  learn(entry: Entry | undefined): StoredLimit | undefined {
    this.#known = entry && parse(entry);
    return this.#known;
  }

  /** The limit by this entry, or as given here where nothing is stored. Throws `INVALID_OPTION` where there is none. */
  told(entry: Entry | undefined): number {
    const limit = this.learn(entry)?.limit ?? this.#permits;
    if (limit === undefined) throw this.#missing();
    return limit;
  }

  /** What goes with the put of a ticket for so many permits. */
  entrance(permits: number): Entrance {
    const limit = this;
    return {
      query: this.query,
      open: (scope) => limit.#open(permits, scope),
      refused: ([entry]) => void limit.learn(entry),
      get guards(): readonly Guard[] {
        return [limit.#guard()];
      },
      get ops(): readonly Op[] {
        return limit.#known === undefined ? [limit.#put(limit.#permits ?? 1)] : [];
      },
    };
  }

  /** Throws what is wrong with asking for so many, or with the limit that was given here. */
  check(permits: number): void {
    const problem = this.#problem(permits);
    if (problem !== undefined) throw problem;
  }

  #problem(permits: number): CoordinationError | undefined {
    const { limit, initial } = this.#known ?? { limit: this.#permits, initial: this.#permits };
    const about = { field: 'permits', key: this.#key };
    const key = printable(this.#key);
    if (limit === undefined) return this.#missing();
    if (!this.#accepted && this.#permits !== limit && this.#permits !== initial) {
      const sentence = `"${key}" says ${limit} permits, at first ${initial}, and not ${this.#permits}.`;
      return new CoordinationError('LIMIT_MISMATCH', sentence, about);
    }
    if (this.#known !== undefined) this.#accepted = true;
    if (permits <= limit) return undefined;
    return new CoordinationError(
      'INVALID_OPTION',
      `${permits} permits are more than "${key}" allows, ${limit}.`,
      about,
    );
  }

  #missing(): CoordinationError {
    const sentence = `There is no "${printable(this.#key)}" yet: give the semaphore permits.`;
    return new CoordinationError('INVALID_OPTION', sentence, { field: 'permits', key: this.#key });
  }

  /** Finds out the limit. One round trip. */
  async #read(scope: Scope): Promise<void> {
    const { signal } = scope;
    const { entries } = await retrying(this.#client, signal, () => this.#client.store.read(this.query, { signal }));
    this.learn(entries[0]);
  }

  /**
   * Writes the limit. An attempt is bound to what was there before, so that none that comes late undoes what was done
   * since; made again, it ends when the limit is as wanted.
   */
  async write(limit: number, scope: Scope): Promise<void> {
    const { store, clock, random } = this.#client;
    const backoff = new Backoff(clock, random);
    await this.#read(scope);
    while (this.#known?.limit !== limit) {
      try {
        const options = { signal: scope.signal, otherwise: [this.query] };
        const { ok, revision, reads } = await store.commit([this.#guard()], [this.#put(limit)], options);
        if (ok) this.#known = { limit, initial: this.#initial(limit), modified: revision };
        else this.learn(reads[0]?.[0]);
      } catch (error) {
        scope.throwIfAborted();
        if (!isRetryable(error) && !isCoordinationError(error, 'UNKNOWN_OUTCOME')) throw error;
        await backoff.wait(scope);
        await this.#read(scope);
      }
    }
    // Whoever set it agrees with it.
    this.#accepted = true;
  }

  /** What is known may be out of date: before anybody is refused by it, the store is asked. */
  async #open(permits: number, scope: Scope): Promise<void> {
    if (this.#problem(permits) === undefined) return;
    await this.#read(scope);
    this.check(permits);
  }

  #guard(): Guard {
    return this.#known === undefined ? absent(this.#key) : unchanged(this.#key, this.#known.modified);
  }

  #put(limit: number): Op {
    return put(this.#key, JSON.stringify({ limit, initial: this.#initial(limit) }));
  }

  #initial(limit: number): number {
    return this.#known?.initial ?? this.#permits ?? limit;
  }
}

function parse({ key, value, modified }: Entry): StoredLimit {
  const { limit, initial } = decodeJsonObject(value) ?? {};
  if (isPermits(limit) && isPermits(initial)) return { limit, initial, modified };
  throw new CoordinationError('CORRUPT_DATA', `"${printable(key)}" is no limit of a semaphore.`, { key });
}
