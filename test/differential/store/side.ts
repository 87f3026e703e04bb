import type { Batch, Entry, Guard, Op, Query, Range, Store, Watch } from '../../../src/core/store.js';
import { absent, held, put, read, remove, unchanged, untouched } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { waitFor } from '../../servers/wait.js';
import type { GuardDraft, OpDraft, QueryDraft, RangeDraft, RevisionDraft, Step } from './generate.js';

/** A watch, and what it has shown so far. */
interface Watched {
  readonly watch: Watch;
  readonly range: Range;
  readonly shown: Map<string, Entry>;
  /** What no watch may ever do, if this one did. */
  wrong?: string;
}

/** What both stores of a comparison can do. */
export interface Abilities {
  readonly rangeGuards: boolean;
  readonly pastReads: boolean;
  /** Whether revisions count changes one by one, so that they are as far apart in both. */
  readonly countedRevisions: boolean;
  /** How long to wait for a watch to show what there is. */
  readonly patienceMs: number;
}

/**
 * One store, asked for what a program says, and what it answers in words that are the same for every store: revisions as
 * numbers of steps, leases as numbers of grants, errors as their codes.
 */
export class Side {
  readonly store: Store;
  readonly #prefix: string;
  readonly #abilities: Abilities;
  readonly #leases: string[] = [];
  readonly #watches: Watched[] = [];
  readonly #steps = new Map<bigint, number>();
  #now = new Map<string, Entry>();
  #base = 0n;

  constructor(store: Store, prefix: string, abilities: Abilities) {
    this.store = store;
    this.#prefix = prefix;
    this.#abilities = abilities;
  }

  async begin(): Promise<void> {
    this.#base = (await this.store.read({ prefix: this.#prefix })).revision;
  }

  /** Makes a step and tells what came of it. */
  async play(step: Step, n: number): Promise<unknown> {
    try {
      return await this.#run(step, n);
    } catch (error) {
      if (isCoordinationError(error)) return error.code;
      throw error;
    }
  }

  /** Reads everything after a step. What the step wrote has a revision that was never seen before. */
  async look(n: number): Promise<readonly string[]> {
    const { entries } = await this.store.read({ prefix: this.#prefix });
    this.#now = new Map(entries.map((entry) => [entry.key.slice(this.#prefix.length), entry]));
    for (const { modified } of entries) this.#learn(modified, n);
    return entries.map((entry) => this.#show(entry));
  }

  /** Takes everything away again. */
  async end(): Promise<void> {
    for (const { watch } of this.#watches) await watch.return();
    for (const lease of this.#leases) await this.store.revoke(lease);
    await this.store.commit([], [remove({ prefix: this.#prefix })]);
    await this.store.close();
  }

  async #run(step: Step, n: number): Promise<unknown> {
    switch (step.kind) {
      case 'commit':
        return this.#commit(step, n);
      case 'read':
        return this.#read(step);
      case 'grant':
        this.#leases.push((await this.store.grant(60_000)).id);
        return 'granted';
      case 'renew':
        return (await this.store.renew(this.#lease(step.lease))).ttlMs;
      case 'revoke':
        return this.store.revoke(this.#lease(step.lease));
      case 'watch':
        this.#watch(this.#range(step.range));
        return 'watched';
      default:
        return this.#settle();
    }
  }

  async #commit({ guards, ops, otherwise }: Extract<Step, { kind: 'commit' }>, n: number): Promise<unknown> {
    const { ok, revision, reads } = await this.store.commit(
      guards.map((guard) => this.#guard(guard)),
      this.#noticed(ops).map((op) => this.#op(op)),
      { otherwise: otherwise.map((query) => this.#query(query)) },
    );
    if (ok && ops.some(({ kind }) => kind === 'put')) this.#learn(revision, n);
    const at = this.#abilities.countedRevisions ? revision - this.#base : 0n;
    return { ok, at, reads: reads.map((entries) => entries.map((entry) => this.#show(entry))) };
  }

  async #read({ query, at }: Extract<Step, { kind: 'read' }>): Promise<unknown> {
    const revision = at !== undefined && this.#abilities.pastReads ? this.#revision(at) : undefined;
    // What was before the program is not the same in both.
    const known = revision === undefined || revision < this.#base ? undefined : revision;
    const found = await this.store.read(this.#query(query), { revision: known });
    const where = this.#abilities.countedRevisions ? found.revision - this.#base : 0n;
    return { at: where, entries: found.entries.map((entry) => this.#show(entry)) };
  }

  #watch(range: Range): void {
    if (this.#watches.length >= 5) return;
    const watched: Watched = { watch: this.store.watch(range), range, shown: new Map() };
    this.#watches.push(watched);
    void follow(watched);
  }

  /** What the watches show once all of them show what there is. */
  async #settle(): Promise<unknown> {
    for (const watched of this.#watches) {
      if (!(await this.#isUpToDate(watched))) return `a watch of ${JSON.stringify(watched.range)} is not up to date`;
    }
    return this.#watches.map(({ shown, wrong = 'well' }) => [
      wrong,
      [...shown.values()].map((e) => this.#show(e)).sort(),
    ]);
  }

  async #isUpToDate({ range, shown }: Watched): Promise<boolean> {
    const { entries } = await this.store.read(range);
    const wanted = entries.map(whole).sort().join('\n');
    const same = (): boolean => [...shown.values()].map(whole).sort().join('\n') === wanted;
    const wait = waitFor(same, { timeoutMs: this.#abilities.patienceMs, intervalMs: 2, what: 'a watch up to date' });
    return wait.catch(() => false);
  }

  #lease(n: number): string {
    // Well-formed everywhere, and granted by nobody.
    const unknown = this.store.traits.name === 'consul' ? '00000000-0000-4000-8000-000000000000' : '7fffffff12345678';
    return n < 0 ? unknown : (this.#leases.at(-1 - (n % Math.max(1, this.#leases.length))) ?? unknown);
  }

  #range(range: RangeDraft): Range {
    return 'key' in range ? { key: this.#prefix + range.key } : { prefix: this.#prefix + range.prefix };
  }

  #revision({ of, key, by }: RevisionDraft): bigint {
    const revision = this.#now.get(key)?.[of] ?? this.#base;
    // The revisions between two of them are only where changes are counted one by one.
    const found = revision + (this.#abilities.countedRevisions ? BigInt(by) : by > 0 ? 1n : 0n);
    return found < this.#base ? this.#base : found;
  }

  #query({ range, order, limit, createdBefore }: QueryDraft): Query {
    const before = createdBefore === undefined ? undefined : this.#revision(createdBefore);
    return {
      ...this.#range(range),
      order,
      ...(limit !== undefined && { limit }),
      ...(before !== undefined && { createdBefore: before }),
    };
  }

  #guard(guard: GuardDraft): Guard {
    if (guard.kind === 'untouched') {
      if (this.#abilities.rangeGuards) return untouched(this.#range(guard.range), this.#revision(guard.since));
      return absent(this.#prefix + ('key' in guard.range ? guard.range.key : 'b'));
    }
    const { kind } = guard;
    const key = this.#prefix + guard.key;
    const entry = this.#now.get(guard.key);
    if (entry === undefined) return kind === 'absent' ? absent(key) : unchanged(key, this.#base + 1n);
    if (kind === 'unchanged') return unchanged(key, entry.modified);
    if (kind === 'stale') return unchanged(key, entry.modified - 1n);
    if (kind === 'absent' || entry.lease === undefined) return absent(key);
    // Below rather than above: Consul would take the index of the last write for that of the first, which no real ticket
    // of the key can be mistaken for.
    return held(key, kind === 'held' ? entry.created : entry.created - 1n, entry.lease);
  }

  /**
   * Consul does not always wake those who wait inside a prefix that is deleted: they notice within a minute
   * (docs/internals/consul-differences.md). Where anybody waits, one key is deleted instead.
   */
  #noticed(ops: readonly OpDraft[]): readonly OpDraft[] {
    if (this.#abilities.countedRevisions || this.#watches.length === 0) return ops;
    return ops.map((op) => {
      if (op.kind !== 'delete' || 'key' in op.range) return op;
      return { kind: 'delete', range: { key: op.range.prefix || 'a' } };
    });
  }

  #op(op: OpDraft): Op {
    if (op.kind === 'read') return read(this.#query(op.query));
    if (op.kind === 'delete') return remove(this.#range(op.range));
    return put(this.#prefix + op.key, op.value, op.lease === undefined ? undefined : this.#lease(op.lease));
  }

  #learn(revision: bigint, n: number): void {
    if (!this.#steps.has(revision)) this.#steps.set(revision, n);
  }

  #show({ key, value, created, modified, lease }: Entry): string {
    const [from, last] = [this.#steps.get(created), this.#steps.get(modified)];
    const under = lease === undefined ? '-' : this.#leases.indexOf(lease);
    return `${key.slice(this.#prefix.length)}=${Buffer.from(value)} ${from}..${last} ${under}`;
  }
}

function whole({ key, value, created, modified, lease }: Entry): string {
  return `${key}=${Buffer.from(value)} ${created}..${modified} ${lease}`;
}

/** Folds what a watch shows into what there is, by the rules of the contract. */
async function follow(watched: Watched): Promise<void> {
  let last = -1n;
  try {
    for await (const batch of watched.watch) {
      const wrong = wrongIn(batch, last);
      if (wrong !== undefined) watched.wrong ??= wrong;
      last = batch.revision;
      fold(watched.shown, batch);
    }
  } catch (error) {
    watched.wrong = isCoordinationError(error) ? error.code : String(error);
  }
}

function fold(shown: Map<string, Entry>, batch: Batch): void {
  if (batch.kind === 'snapshot') shown.clear();
  else for (const key of batch.deletes) shown.delete(key);
  for (const entry of batch.kind === 'snapshot' ? batch.entries : batch.puts) shown.set(entry.key, entry);
}

function wrongIn(batch: Batch, last: bigint): string | undefined {
  if (last === -1n && batch.kind !== 'snapshot') return 'began without a snapshot';
  if (batch.revision < last) return 'went back';
  if (batch.kind === 'snapshot') return undefined;
  const keys = [...batch.puts.map(({ key }) => key), ...batch.deletes];
  return new Set(keys).size === keys.length ? undefined : 'showed a key twice in one batch';
}
