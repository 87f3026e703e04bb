/** Stores that each break one promise of the contract. */
import { closedError } from '../../../src/core/checks.js';
import type {
  Batch,
  CallOptions,
  Commit,
  CommitOptions,
  Entry,
  Guard,
  Lease,
  LeaseId,
  Op,
  Query,
  Range,
  ReadOptions,
  Snapshot,
  Store,
  Watch,
} from '../../../src/core/store.js';
import type { MemoryCluster } from '../../../src/transport/memory/cluster.js';

/** Passes everything on; a mutant overrides what it breaks. */
export class Passing implements Store {
  readonly traits;
  readonly inner: Store;
  readonly cluster: MemoryCluster;

  constructor(cluster: MemoryCluster) {
    this.cluster = cluster;
    this.inner = cluster.store();
    this.traits = this.inner.traits;
  }

  read(query: Query, options?: ReadOptions): Promise<Snapshot> {
    return this.inner.read(query, options);
  }
  commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    return this.inner.commit(guards, ops, options);
  }
  watch(range: Range, options?: CallOptions): Watch {
    return this.inner.watch(range, options);
  }
  grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    return this.inner.grant(ttlMs, options);
  }
  renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.inner.renew(lease, options);
  }
  revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    return this.inner.revoke(lease, options);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A watch whose batches go through a function that may drop, double or change them. */
function altered(watch: Watch, alter: (batch: Batch, n: number) => readonly Batch[]): Watch {
  const waiting: Batch[] = [];
  let count = 0;
  const next = async (): Promise<IteratorResult<Batch>> => {
    while (waiting.length === 0) {
      const result = await watch.next();
      if (result.done === true) return result;
      waiting.push(...alter(result.value, count++));
    }
    return { done: false, value: waiting.shift() as Batch };
  };
  const altering: Watch = { next, return: () => watch.return(), [Symbol.asyncIterator]: () => altering };
  return altering;
}

function alteredBy(alter: (batch: Batch, n: number) => readonly Batch[]) {
  return class extends Passing {
    override watch(range: Range, options?: CallOptions): Watch {
      return altered(this.inner.watch(range, options), alter);
    }
  };
}

export function mapEntries(commitOrRead: (entry: Entry) => Entry) {
  return class extends Passing {
    override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
      const { revision, entries } = await this.inner.read(query, options);
      return { revision, entries: entries.map(commitOrRead) };
    }
  };
}

const without = (guards: readonly Guard[], kind: Guard['kind']): Guard[] => guards.filter((one) => one.kind !== kind);

export function ignoringGuard(kind: Guard['kind']) {
  return class extends Passing {
    override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
      return this.inner.commit(without(guards, kind), ops, options);
    }
  };
}

export class UntouchedByName extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const narrow = guards.map((guard): Guard => {
      if (guard.kind !== 'untouched' || !('prefix' in guard)) return guard;
      return { kind: 'untouched', key: guard.prefix, revision: guard.revision };
    });
    return this.inner.commit(narrow, ops, options);
  }
}

export class EmptyIsTouched extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    for (const guard of guards) {
      if (guard.kind !== 'untouched') continue;
      if ((await this.inner.read(guard as Range)).entries.length === 0) return { ok: false, revision: 1n, reads: [] };
    }
    return this.inner.commit(guards, ops, options);
  }
}

export class KnowsNoPast extends Passing {
  override read(query: Query, { revision: _, ...options }: ReadOptions = {}): Promise<Snapshot> {
    return this.inner.read(query, options);
  }
}

/** Reads at the revision asked for, but of all that there was, in one order. */
export class PastAsItStands extends Passing {
  override read(query: Query, options: ReadOptions = {}): Promise<Snapshot> {
    if (options.revision === undefined) return this.inner.read(query, options);
    const { order: _, limit: _limit, createdBefore: _before, ...range } = query;
    return this.inner.read(range as Query, options); // Its fields are optional but for the range.
  }
}

/** Gives the nearest revision that it has. */
export function clamping(code: string) {
  return class extends Passing {
    override async read(query: Query, options: ReadOptions = {}): Promise<Snapshot> {
      try {
        return await this.inner.read(query, options);
      } catch (error) {
        if ((error as { code?: string }).code !== code) throw error;
        const { entries } = await this.inner.read(query);
        return { revision: options.revision ?? 0n, entries };
      }
    }
  };
}

export class HalfApplied extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const puts = ops.filter(({ kind }) => kind === 'put');
    if (puts.length < 2 || puts.length !== ops.length) return this.inner.commit(guards, ops, options);
    const first = await this.inner.commit(guards, ops.slice(0, 1), options);
    return first.ok ? this.inner.commit([], ops.slice(1)) : first;
  }
}

export class AppliedThoughRefused extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const commit = await this.inner.commit(guards, ops, options);
    if (!commit.ok) await this.inner.commit([], ops);
    return commit;
  }
}

export class OnlyFirstGuard extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    return this.inner.commit(guards.slice(0, 1), ops, options);
  }
}

export class HeldByName extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    for (const guard of guards) {
      if (guard.kind !== 'held') continue;
      const { entries } = await this.inner.read({ key: guard.key });
      if (entries.length === 0) return { ok: false, revision: 1n, reads: [] };
    }
    return this.inner.commit(without(guards, 'held'), ops, options);
  }
}

export class NoOtherwise extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const commit = await this.inner.commit(guards, ops, options);
    return commit.ok ? commit : { ...commit, reads: [] };
  }
}

export class ReadsAtTheEnd extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const [reads, writes] = [ops.filter(({ kind }) => kind === 'read'), ops.filter(({ kind }) => kind !== 'read')];
    return this.inner.commit(guards, [...writes, ...reads], options);
  }
}

export class PrefixWithoutSlash extends Passing {
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const snapshot = await this.inner.read(query, options);
    if (!('prefix' in query)) return snapshot;
    const bare = query.prefix.slice(0, -1);
    const entries = this.cluster.entries().filter(({ key }) => key.startsWith(bare));
    return { ...snapshot, entries };
  }
}

export class TextOrder extends Passing {
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { revision, entries } = await this.inner.read(query, options);
    const byText = (a: Entry, b: Entry): number => (a.key < b.key ? -1 : 1);
    return { revision, entries: query.order === undefined ? [...entries].sort(byText) : entries };
  }
}

export class LimitIgnored extends Passing {
  override read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { limit: _, ...rest } = query;
    return this.inner.read(rest as Query, options);
  }
}

export class Inclusive extends Passing {
  override read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { createdBefore } = query;
    if (createdBefore === undefined || createdBefore > 2n ** 62n) return this.inner.read(query, options);
    return this.inner.read({ ...query, createdBefore: createdBefore + 1n }, options);
  }
}

export class NeverExpires extends Passing {
  override async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    const { id } = await this.inner.grant(this.traits.maxTtlMs, { signal: options?.signal });
    return { id, ttlMs };
  }
}

export class ExpiresEarly extends Passing {
  override async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    const { id } = await this.inner.grant(ttlMs / 4, options);
    return { id, ttlMs };
  }
}

export class DeafToRenewal extends Passing {
  override async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    const info = this.cluster.leases().find(({ id }) => id === lease);
    return info === undefined ? this.inner.renew(lease, options) : { id: lease, ttlMs: info.ttlMs };
  }
}

export class RenewsTheDead extends Passing {
  override renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.inner.renew(lease, options).catch(() => ({ id: lease, ttlMs: 1 }));
  }
}

export class DropsDeadLease extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const alive = new Set(this.cluster.leases().map(({ id }) => id));
    const living = ops.filter((op) => op.kind !== 'put' || op.lease === undefined || alive.has(op.lease));
    return this.inner.commit(guards, living, options);
  }
}

export class LeaseSticks extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const leases = new Map(this.cluster.entries().map(({ key, lease }) => [key, lease]));
    const kept = ops.map((op): Op => {
      const lease = op.kind === 'put' ? leases.get(op.key) : undefined;
      return op.kind === 'put' && op.lease === undefined && lease !== undefined ? { ...op, lease } : op;
    });
    return this.inner.commit(guards, kept, options);
  }
}

export class RevokeFailsTwice extends Passing {
  override async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    await this.inner.renew(lease, options);
    await this.inner.revoke(lease, options);
  }
}

export class StaleReads extends Passing {
  readonly #cache = new Map<string, Snapshot>();
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const fresh = await this.inner.read(query, options);
    const name = JSON.stringify(query, (_, part) => (typeof part === 'bigint' ? `${part}` : part));
    const old = this.#cache.get(name);
    this.#cache.set(name, fresh);
    return old ?? fresh;
  }
}

export class WrongReason extends Passing {
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    return this.inner.read(query, options).catch((error: unknown) => {
      throw options?.signal?.aborted ? new Error('aborted') : error;
    });
  }
}

export class DeafToAbort extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    if (options?.signal?.aborted) return this.inner.commit(guards, ops, options);
    return this.inner.commit(guards, ops, { ...options, signal: undefined });
  }
}

export class LeakyListener extends Passing {
  override read(query: Query, options?: CallOptions): Promise<Snapshot> {
    options?.signal?.addEventListener?.('abort', () => {});
    return this.inner.read(query, options);
  }
}

export class SilentClose extends Passing {
  #closed = false;
  override watch(range: Range, options?: CallOptions): Watch {
    if (this.#closed) throw closedError('store');
    return this.cluster.store().watch(range, options);
  }
  override async close(): Promise<void> {
    this.#closed = true;
    await this.inner.close();
  }
}

export class KeepsBuffer extends Passing {
  readonly #buffers = new Map<string, Uint8Array>();
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    for (const op of ops) if (op.kind === 'put') this.#buffers.set(op.key, op.value);
    return this.inner.commit(guards, ops, options);
  }
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { revision, entries } = await this.inner.read(query, options);
    return {
      revision,
      entries: entries.map((entry) => ({ ...entry, value: this.#buffers.get(entry.key) ?? entry.value })),
    };
  }
}

export const noSnapshot = alteredBy((batch, n) => (n === 0 ? [] : [batch]));
export const dropping = alteredBy((batch, n) => (batch.kind === 'changes' && n % 3 === 2 ? [] : [batch]));
export const doubling = alteredBy((batch) => (batch.kind === 'changes' ? [batch, batch] : [batch]));
export const doublingLater = alteredBy((batch) => {
  return batch.kind === 'changes' ? [batch, { ...batch, revision: batch.revision + 1n }] : [batch];
});
export const noDeletes = alteredBy((batch) => (batch.kind === 'changes' ? [{ ...batch, deletes: [] }] : [batch]));
export const splitting = alteredBy((batch) => {
  if (batch.kind !== 'changes' || batch.puts.length < 2) return [batch];
  const { puts, revision } = batch;
  return puts.map((one, n) => ({ ...batch, puts: [one], deletes: n === 0 ? batch.deletes : [], revision }));
});
export const justEnds = class extends Passing {
  override watch(range: Range, options?: CallOptions): Watch {
    const watch = this.inner.watch(range, options);
    const ended = { done: true, value: undefined } as const;
    const altering: Watch = {
      next: () => watch.next().catch(() => ended),
      return: () => watch.return(),
      [Symbol.asyncIterator]: () => altering,
    };
    return altering;
  }
};
