import type { Batch, Entry, LeaseId, Op, Query, Range, Store, Watch } from '../../core/store.js';
import { put } from '../../core/store.js';
import { check } from './assert.js';
import type { ContractCase, ContractWorld } from './world.js';

/** How long a case waits for what a healthy store does within a few milliseconds. */
export const patienceMs = 10_000;

/** A case that needs one client. */
export function withStore(name: string, run: (store: Store, world: ContractWorld) => Promise<void>): ContractCase {
  return { name, run: async (world) => run(await world.open(), world) };
}

const decoder = new TextDecoder();

export function textOf(entry: Entry | undefined): string | undefined {
  return entry && decoder.decode(entry.value);
}

/** Keys with their values as text, which says it all in most cases. */
export function texts(entries: readonly Entry[] | undefined): string[] {
  return (entries ?? []).map((entry) => `${entry.key}=${textOf(entry)}`);
}

export function keysOf(entries: readonly Entry[] | undefined): string[] {
  return (entries ?? []).map(({ key }) => key);
}

/** A commit without guards. Returns its revision. */
export async function write(store: Store, ...ops: Op[]): Promise<bigint> {
  const { ok, revision } = await store.commit([], ops);
  check(ok, 'a commit without guards succeeds');
  return revision;
}

/** Puts keys one by one, each with the text given. Returns the revisions. */
export async function writeEach(store: Store, pairs: readonly (readonly [string, string])[]): Promise<bigint[]> {
  const revisions: bigint[] = [];
  for (const [key, text] of pairs) revisions.push(await write(store, put(key, text)));
  return revisions;
}

export async function entriesOf(store: Store, query: Query): Promise<readonly Entry[]> {
  return (await store.read(query)).entries;
}

export async function entryAt(store: Store, key: string): Promise<Entry | undefined> {
  return (await entriesOf(store, { key }))[0];
}

/** A key under a lease. */
export async function ticket(store: Store, key: string, lease: LeaseId): Promise<Entry> {
  await write(store, put(key, 'ticket', lease));
  const entry = await entryAt(store, key);
  check(entry !== undefined, 'a key that was just put is there');
  return entry;
}

/** The next batch of a watch. */
export async function take(world: ContractWorld, watch: Watch): Promise<Batch> {
  const { done, value } = await world.wait(watch.next(), patienceMs);
  check(done !== true, 'a watch that nobody ended is not done');
  return value as Batch;
}

/** Follows a watch into a map, as a cache does, and objects to every batch that a watch must not deliver. */
export class Replica {
  readonly entries = new Map<string, Entry>();
  readonly batches: Batch[] = [];
  readonly #watch: Watch;
  readonly #world: ContractWorld;
  readonly #lastModified = new Map<string, bigint>();
  #revision = -1n;

  constructor(world: ContractWorld, store: Store, range: Range) {
    this.#world = world;
    this.#watch = store.watch(range);
  }

  /** Takes batches until what they add up to is as wanted. `each` looks at the state after each one. */
  async until(wanted: (replica: Replica) => boolean, each: (replica: Replica) => void = () => {}): Promise<void> {
    while (this.batches.length === 0 || !wanted(this)) {
      this.#apply(await take(this.#world, this.#watch));
      each(this);
    }
  }

  /** Takes batches until this key is there. */
  untilKey(key: string, each?: (replica: Replica) => void): Promise<void> {
    return this.until(({ entries }) => entries.has(key), each);
  }

  textAt(key: string): string | undefined {
    return textOf(this.entries.get(key));
  }

  /** As a read by key would show it. */
  sorted(): string[] {
    return texts([...this.entries.values()]).sort();
  }

  async end(): Promise<void> {
    await this.#watch.return();
  }

  #apply(batch: Batch): void {
    check(this.batches.length > 0 || batch.kind === 'snapshot', 'the first batch of a watch is a snapshot');
    this.batches.push(batch);
    if (batch.kind === 'snapshot') {
      check(batch.revision >= this.#revision, 'a snapshot does not go back in time');
      this.entries.clear();
      for (const entry of batch.entries) this.#put(entry, batch.revision);
    } else {
      check(batch.revision > this.#revision, 'each batch of changes has a higher revision than the batch before');
      const keys = [...batch.deletes, ...keysOf(batch.puts)];
      check(keys.length > 0, 'a batch of changes changes something');
      check(new Set(keys).size === keys.length, 'a batch names each key at most once');
      for (const entry of batch.puts) this.#putAnew(entry, batch.revision);
      for (const key of batch.deletes) this.entries.delete(key);
    }
    this.#revision = batch.revision;
  }

  #putAnew(entry: Entry, revision: bigint): void {
    check(entry.modified > this.#revision, 'changes are above the batch before them: nothing is told twice');
    this.#put(entry, revision);
  }

  #put(entry: Entry, revision: bigint): void {
    check(entry.modified <= revision, 'no entry of a batch is newer than the batch');
    check(entry.modified >= (this.#lastModified.get(entry.key) ?? 0n), 'a watch never shows an older state of a key');
    this.#lastModified.set(entry.key, entry.modified);
    this.entries.set(entry.key, entry);
  }
}
