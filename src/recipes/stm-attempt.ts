import { closedError } from '../core/checks.js';
import { checkKey, checkPrefix, compareKeys } from '../core/keys.js';
import { orAbort } from '../core/signals.js';
import { type Entry, type Op, put, type Range, remove } from '../core/store.js';
import { Typed, type Typing } from '../core/typed.js';
import { CoordinationError, printable } from '../errors.js';
import { blindCheck, type Check, covers, type Known, readCheck } from './stm-checks.js';
import { type AttemptParts, ReadSet } from './stm-reads.js';

/**
 * What a transaction does with the store. Reads see the transaction's own writes before them; writes are kept until the
 * function has ended. Values are turned into bytes and back by the options of the transaction (default: JSON), or by
 * those of the call. Only for use while the function runs.
 */
export interface Transaction<V = unknown> {
  /**
   * The value of a key; undefined where it does not exist. A key that was read before has the same value again. One round
   * trip, for all reads together that are asked for at the same time; none for what was prefetched, read or written.
   */
  get<T = V>(key: string, typing?: Typing<T>): Promise<T | undefined>;
  /**
   * All keys that begin with a prefix, which ends in `/`, and their values, in the order of the keys. Costs as
   * {@link Transaction.get}. Rejects with `UNSUPPORTED` on Consul at the levels that keep keys from being added to what was read.
   */
  range<T = V>(prefix: string, typing?: Typing<T>): Promise<ReadonlyMap<string, T>>;
  /** Writes a key when the transaction is committed. */
  put(key: string, value: V): void;
  put<T>(key: string, value: T, typing: Typing<T>): void;
  /** Deletes a key when the transaction is committed. One that does not exist is no error. */
  delete(key: string): void;
  /**
   * Deletes all keys that begin with a prefix, which ends in `/`, when the transaction is committed. What was put there
   * before is not put; what is put there afterwards is refused with `DUPLICATE_KEY`: delete key by key instead.
   */
  deleteRange(prefix: string): void;
}

/** Something that will be written: bytes, or nothing at all. */
type Write = { readonly kind: 'put'; readonly bytes: Promise<Uint8Array> } | { readonly kind: 'delete' };

const deleted: Write = { kind: 'delete' };

/** One run of a transaction's function: what it has read, and what it is going to write. */
export class Attempt<V> implements Transaction<V> {
  /** What it has read. */
  readonly reads: ReadSet;
  readonly #parts: AttemptParts;
  readonly #codec: Typed<V>;
  readonly #writes = new Map<string, Write>();
  readonly #cleared: string[] = [];
  #over = false;

  constructor(parts: AttemptParts, typed: Typed<V>) {
    this.reads = new ReadSet(parts);
    this.#parts = parts;
    this.#codec = typed;
  }

  /** Whether all reads are known to be as the level promises, so that one who only reads is done. */
  get consistent(): boolean {
    const { snapshot, checked } = this.#parts.level;
    return snapshot || !checked || this.reads.atOnce;
  }

  /** Runs the function. Rejects with what it throws, or with what made a read fail. */
  async run<R>(fn: (tx: Transaction<V>) => Promise<R> | R): Promise<R> {
    const running = (async () => fn(this))();
    const ended = orAbort(running, this.#parts.scope).finally(() => {
      this.#over = true;
    });
    const result = await ended.catch((error: unknown) => {
      throw this.reads.failed === undefined ? error : this.reads.failed.error;
    });
    if (this.reads.failed !== undefined) throw this.reads.failed.error;
    return result;
  }

  get<T = V>(key: string, typing?: Typing<T>): Promise<T | undefined> {
    return heard(this.#get(key, typing));
  }

  range<T = V>(prefix: string, typing?: Typing<T>): Promise<ReadonlyMap<string, T>> {
    return heard(this.#range(prefix, typing));
  }

  async #get<T>(key: string, typing: Typing<T> | undefined): Promise<T | undefined> {
    const typed = this.#typed(typing);
    this.#check({ key });
    const own = this.#writes.get(key);
    if (own?.kind === 'put') return await typed.decode(await own.bytes, key);
    if (own !== undefined || this.#isCleared(key)) return undefined;
    const entry = await this.reads.readKey(key);
    return entry && (await typed.decode(entry.value, key));
  }

  async #range<T>(prefix: string, typing: Typing<T> | undefined): Promise<ReadonlyMap<string, T>> {
    const typed = this.#typed(typing);
    this.#check({ prefix });
    const { client, level } = this.#parts;
    if (level.snapshot && !client.store.traits.rangeGuards) throw unsupported(client.store.traits.name, prefix);
    const entries = await this.reads.read({ prefix });
    const bytes = new Map<string, Uint8Array | Promise<Uint8Array>>();
    for (const { key, value } of entries) if (!this.#isCleared(key)) bytes.set(key, value);
    for (const [key, write] of this.#writes) {
      if (write.kind === 'delete') bytes.delete(key);
      else if (key.startsWith(prefix)) bytes.set(key, write.bytes);
    }
    const found = new Map<string, T>();
    for (const key of [...bytes.keys()].sort(compareKeys)) {
      // Every key here is one of the map.
      found.set(key, await typed.decode((await bytes.get(key)) as Uint8Array, key));
    }
    return found;
  }

  put<T = V>(key: string, value: T, typing?: Typing<T>): void {
    const typed = this.#typed(typing);
    this.#check({ key });
    if (this.#isCleared(key)) throw putInCleared(key);
    const bytes = typed.encode(value, key);
    // What is wrong with it is told when it is needed.
    bytes.catch(() => {});
    this.#writes.set(key, { kind: 'put', bytes });
  }

  delete(key: string): void {
    this.#check({ key });
    if (!this.#isCleared(key)) this.#writes.set(key, deleted);
  }

  deleteRange(prefix: string): void {
    this.#check({ prefix });
    for (const key of this.#writes.keys()) if (key.startsWith(prefix)) this.#writes.delete(key);
    this.#cleared.push(prefix);
  }

  /** What is to be written. */
  async ops(): Promise<Op[]> {
    const ops: Op[] = this.#cleared.map((prefix) => remove({ prefix }));
    for (const [key, write] of this.#writes) ops.push(write.kind === 'put' ? put(key, await write.bytes) : remove(key));
    return ops;
  }

  /** How things are after the commit: what was read, but for ranges, with what was written over it. */
  async after(revision: bigint): Promise<readonly Known[]> {
    if (!this.#parts.level.checked) return [];
    const known: Known[] = [];
    for (const { range, entries } of this.reads.all) {
      if ('key' in range) known.push({ range, entries: await this.#written(range.key, entries, revision), revision });
    }
    return known;
  }

  async #written(key: string, before: readonly Entry[], modified: bigint): Promise<readonly Entry[]> {
    const write = this.#writes.get(key);
    if (write === undefined) return this.#isCleared(key) ? [] : before;
    if (write.kind === 'delete') return [];
    return [{ key, value: await write.bytes, created: before[0]?.created ?? modified, modified }];
  }

  /** What has to hold for the commit. */
  checks(): Check[] {
    const { level } = this.#parts;
    if (!level.checked) return [];
    const checks = this.reads.all.map((known) => readCheck(known, level.snapshot));
    return level.blind ? [...checks, ...this.#blindChecks()] : checks;
  }

  /** That what was written but not read was not written by others since the first read. */
  #blindChecks(): Check[] {
    const { rangeGuards } = this.#parts.client.store.traits;
    const reads = this.reads.all;
    const [first, ...others] = reads.map(({ revision }) => revision);
    if (first === undefined) return [];
    const since = others.reduce((least, one) => (one < least ? one : least), first);
    const written: Range[] = [...this.#writes.keys()].map((key) => ({ key }));
    written.push(...this.#cleared.map((prefix) => ({ prefix })));
    return written.flatMap((range) => {
      if (reads.some((known) => covers(known.range, range))) return [];
      if (rangeGuards) return [blindCheck(range, since)];
      const known = this.reads.spare(range);
      return known === undefined ? [] : [readCheck(known, false)];
    });
  }

  #check(range: Range): void {
    if ('key' in range) checkKey(range.key);
    else checkPrefix(range.prefix);
    if (this.#over) throw closedError('transaction');
    if (this.reads.failed !== undefined) throw this.reads.failed.error;
  }

  #typed<T>(typing: Typing<T> | undefined): Typed<T> {
    // Without a typing of its own, a call's T is what the transaction has, or what its caller vouches for.
    return typing === undefined ? (this.#codec as unknown as Typed<T>) : new Typed(typing);
  }

  #isCleared(key: string): boolean {
    return this.#cleared.some((prefix) => key.startsWith(prefix));
  }
}

/**
 * A promise whose rejection is no unhandled one, should the function not come to await it: the attempt fails with it, and
 * tells so itself.
 */
function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function unsupported(store: string, prefix: string): CoordinationError {
  const sentence = `On ${store}, nothing keeps keys from being added to "${printable(prefix)}" while a transaction runs: read the keys one by one, or choose the isolation "repeatable-reads".`;
  return new CoordinationError('UNSUPPORTED', sentence, { key: prefix, field: 'isolation', problem: 'phantoms' });
}

function putInCleared(key: string): CoordinationError {
  const sentence = `"${printable(key)}" lies in a range that this transaction deletes: delete key by key what is not put again.`;
  return new CoordinationError('DUPLICATE_KEY', sentence, { key });
}
