/**
 * Shows that the contract suite can fail: each store here breaks one promise, and the cases named must catch it. A case
 * that no mutant is caught by proves nothing; a mutant that no case catches is a hole in the contract.
 */
import { afterEach, describe, expect, it } from 'vitest';
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
  Snapshot,
  Store,
  Watch,
} from '../../../src/core/store.js';
import { type ContractWorld, storeContract, virtualTime } from '../../../src/testing/contract.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { createMemoryCluster, type MemoryCluster } from '../../../src/transport/memory/cluster.js';

/** Passes everything on; a mutant overrides what it breaks. */
class Passing implements Store {
  readonly traits;
  readonly inner: Store;
  readonly cluster: MemoryCluster;

  constructor(cluster: MemoryCluster) {
    this.cluster = cluster;
    this.inner = cluster.store();
    this.traits = this.inner.traits;
  }

  read(query: Query, options?: CallOptions): Promise<Snapshot> {
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

function mapEntries(commitOrRead: (entry: Entry) => Entry) {
  return class extends Passing {
    override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
      const { revision, entries } = await this.inner.read(query, options);
      return { revision, entries: entries.map(commitOrRead) };
    }
  };
}

const without = (guards: readonly Guard[], kind: Guard['kind']): Guard[] => guards.filter((one) => one.kind !== kind);

function ignoringGuard(kind: Guard['kind']) {
  return class extends Passing {
    override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
      return this.inner.commit(without(guards, kind), ops, options);
    }
  };
}

class HalfApplied extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const puts = ops.filter(({ kind }) => kind === 'put');
    if (puts.length < 2 || puts.length !== ops.length) return this.inner.commit(guards, ops, options);
    const first = await this.inner.commit(guards, ops.slice(0, 1), options);
    return first.ok ? this.inner.commit([], ops.slice(1)) : first;
  }
}

class AppliedThoughRefused extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const commit = await this.inner.commit(guards, ops, options);
    if (!commit.ok) await this.inner.commit([], ops);
    return commit;
  }
}

class OnlyFirstGuard extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    return this.inner.commit(guards.slice(0, 1), ops, options);
  }
}

class HeldByName extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    for (const guard of guards) {
      if (guard.kind !== 'held') continue;
      const { entries } = await this.inner.read({ key: guard.key });
      if (entries.length === 0) return { ok: false, revision: 1n, reads: [] };
    }
    return this.inner.commit(without(guards, 'held'), ops, options);
  }
}

class NoOtherwise extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const commit = await this.inner.commit(guards, ops, options);
    return commit.ok ? commit : { ...commit, reads: [] };
  }
}

class ReadsAtTheEnd extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const [reads, writes] = [ops.filter(({ kind }) => kind === 'read'), ops.filter(({ kind }) => kind !== 'read')];
    return this.inner.commit(guards, [...writes, ...reads], options);
  }
}

class PrefixWithoutSlash extends Passing {
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const snapshot = await this.inner.read(query, options);
    if (!('prefix' in query)) return snapshot;
    const bare = query.prefix.slice(0, -1);
    const entries = this.cluster.entries().filter(({ key }) => key.startsWith(bare));
    return { ...snapshot, entries };
  }
}

class TextOrder extends Passing {
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { revision, entries } = await this.inner.read(query, options);
    const byText = (a: Entry, b: Entry): number => (a.key < b.key ? -1 : 1);
    return { revision, entries: query.order === undefined ? [...entries].sort(byText) : entries };
  }
}

class LimitIgnored extends Passing {
  override read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { limit: _, ...rest } = query;
    return this.inner.read(rest as Query, options);
  }
}

class Inclusive extends Passing {
  override read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const { createdBefore } = query;
    if (createdBefore === undefined || createdBefore > 2n ** 62n) return this.inner.read(query, options);
    return this.inner.read({ ...query, createdBefore: createdBefore + 1n }, options);
  }
}

class NeverExpires extends Passing {
  override async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    const { id } = await this.inner.grant(this.traits.maxTtlMs, { signal: options?.signal });
    return { id, ttlMs };
  }
}

class ExpiresEarly extends Passing {
  override async grant(ttlMs: number, options?: CallOptions): Promise<Lease> {
    const { id } = await this.inner.grant(ttlMs / 4, options);
    return { id, ttlMs };
  }
}

class DeafToRenewal extends Passing {
  override async renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    const info = this.cluster.leases().find(({ id }) => id === lease);
    return info === undefined ? this.inner.renew(lease, options) : { id: lease, ttlMs: info.ttlMs };
  }
}

class RenewsTheDead extends Passing {
  override renew(lease: LeaseId, options?: CallOptions): Promise<Lease> {
    return this.inner.renew(lease, options).catch(() => ({ id: lease, ttlMs: 1 }));
  }
}

class DropsDeadLease extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const alive = new Set(this.cluster.leases().map(({ id }) => id));
    const living = ops.filter((op) => op.kind !== 'put' || op.lease === undefined || alive.has(op.lease));
    return this.inner.commit(guards, living, options);
  }
}

class LeaseSticks extends Passing {
  override async commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    const leases = new Map(this.cluster.entries().map(({ key, lease }) => [key, lease]));
    const kept = ops.map((op): Op => {
      const lease = op.kind === 'put' ? leases.get(op.key) : undefined;
      return op.kind === 'put' && op.lease === undefined && lease !== undefined ? { ...op, lease } : op;
    });
    return this.inner.commit(guards, kept, options);
  }
}

class RevokeFailsTwice extends Passing {
  override async revoke(lease: LeaseId, options?: CallOptions): Promise<void> {
    await this.inner.renew(lease, options);
    await this.inner.revoke(lease, options);
  }
}

class StaleReads extends Passing {
  readonly #cache = new Map<string, Snapshot>();
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    const fresh = await this.inner.read(query, options);
    const name = JSON.stringify(query, (_, part) => (typeof part === 'bigint' ? `${part}` : part));
    const old = this.#cache.get(name);
    this.#cache.set(name, fresh);
    return old ?? fresh;
  }
}

class WrongReason extends Passing {
  override async read(query: Query, options?: CallOptions): Promise<Snapshot> {
    return this.inner.read(query, options).catch((error: unknown) => {
      throw options?.signal?.aborted ? new Error('aborted') : error;
    });
  }
}

class DeafToAbort extends Passing {
  override commit(guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions): Promise<Commit> {
    if (options?.signal?.aborted) return this.inner.commit(guards, ops, options);
    return this.inner.commit(guards, ops, { ...options, signal: undefined });
  }
}

class LeakyListener extends Passing {
  override read(query: Query, options?: CallOptions): Promise<Snapshot> {
    options?.signal?.addEventListener?.('abort', () => {});
    return this.inner.read(query, options);
  }
}

class SilentClose extends Passing {
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

class KeepsBuffer extends Passing {
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

const noSnapshot = alteredBy((batch, n) => (n === 0 ? [] : [batch]));
const dropping = alteredBy((batch, n) => (batch.kind === 'changes' && n % 3 === 2 ? [] : [batch]));
const doubling = alteredBy((batch) => (batch.kind === 'changes' ? [batch, batch] : [batch]));
const doublingLater = alteredBy((batch) => {
  return batch.kind === 'changes' ? [batch, { ...batch, revision: batch.revision + 1n }] : [batch];
});
const noDeletes = alteredBy((batch) => (batch.kind === 'changes' ? [{ ...batch, deletes: [] }] : [batch]));
const splitting = alteredBy((batch) => {
  if (batch.kind !== 'changes' || batch.puts.length < 2) return [batch];
  const { puts, revision } = batch;
  return puts.map((one, n) => ({ ...batch, puts: [one], deletes: n === 0 ? batch.deletes : [], revision }));
});
const justEnds = class extends Passing {
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

/** Each mutant with the one case that names the promise it breaks. Others may object as well. */
const mutants: readonly [name: string, mutant: new (cluster: MemoryCluster) => Store, caughtBy: string][] = [
  ['ignores absent', ignoringGuard('absent'), 'commit: of many that race for one key, exactly one succeeds'],
  ['ignores unchanged', ignoringGuard('unchanged'), 'unchanged: holds until the key is written again'],
  ['ignores held', ignoringGuard('held'), 'held: does not hold once the lease was revoked'],
  [
    'takes a ticket by its name',
    HeldByName,
    'held: does not hold for a ticket of the same name that came into being later',
  ],
  [
    'checks the first guard only',
    OnlyFirstGuard,
    'commit: needs all of its guards, wherever among them the wrong one is',
  ],
  ['applies a commit in two halves', HalfApplied, 'commit: readers at the same time never see half of it'],
  ['applies what it refused', AppliedThoughRefused, 'commit: applies nothing when a guard does not hold'],
  ['forgets otherwise', NoOtherwise, 'commit: answers with the otherwise reads when refused'],
  ['reads after all writes', ReadsAtTheEnd, 'commit: its reads see the steps before them and not those after'],
  [
    'keeps created of a former life',
    mapEntries((entry) => ({ ...entry, created: 7n })),
    'commit: a key that is made again gets a new, higher created',
  ],
  [
    'moves created with each write',
    mapEntries((entry) => ({ ...entry, created: entry.modified })),
    'commit: a put of an existing key keeps created and moves modified',
  ],
  [
    'keeps the buffer it was given',
    KeepsBuffer,
    'commit: what it stored is out of reach of the buffers given and returned',
  ],
  ['answers reads with what was', StaleReads, 'read: sees every commit that had ended before it, of whichever client'],
  [
    'compares prefixes without the slash',
    PrefixWithoutSlash,
    'read: a prefix matches neither the key without its slash nor a sibling',
  ],
  ['orders keys as JavaScript does', TextOrder, 'key: keys are ordered by their bytes, beyond the basic plane too'],
  ['ignores the limit', LimitIgnored, 'read: a limit leaves the first of the order'],
  ['takes createdBefore to be inclusive', Inclusive, 'read: createdBefore leaves what is strictly older'],
  [
    'never ends a lease',
    NeverExpires,
    'lease: not renewed, it lives for its time, then ends with its keys in bounded time',
  ],
  [
    'ends a lease early',
    ExpiresEarly,
    'lease: not renewed, it lives for its time, then ends with its keys in bounded time',
  ],
  ['does not renew', DeafToRenewal, 'lease: renewed in time, it outlives its time to live'],
  ['renews what is dead', RenewsTheDead, 'lease: renewing one that was revoked rejects with LEASE_NOT_FOUND'],
  [
    'skips puts under a dead lease',
    DropsDeadLease,
    'lease: a put under one that has ended rejects with LEASE_NOT_FOUND and applies nothing',
  ],
  ['never detaches a lease', LeaseSticks, 'lease: a put without one detaches the key, which then outlives it'],
  ['objects to a second revoke', RevokeFailsTwice, 'lease: revoking one that has ended already succeeds'],
  ['begins a watch without a snapshot', noSnapshot, 'watch: begins with a snapshot of all that is there'],
  ['drops an event', dropping, 'watch: loses nothing and doubles nothing while several clients write'],
  ['tells an event twice', doubling, 'watch: loses nothing and doubles nothing while several clients write'],
  [
    'tells an event twice, as if it were new',
    doublingLater,
    'watch: loses nothing and doubles nothing while several clients write',
  ],
  ['tells of no delete', noDeletes, 'watch: tells puts and deletes in the order in which they happened'],
  ['splits the batch of a commit', splitting, 'watch: the changes of one commit come in one batch'],
  [
    'lets a watch just end',
    justEnds,
    'watch: an abort rejects the pending next with the very reason, and every later one',
  ],
  [
    'rejects with a reason of its own',
    WrongReason,
    'abort: every method rejects with the very reason of a signal that is aborted already',
  ],
  [
    'does not hear an abort under way',
    DeafToAbort,
    'abort: every method rejects with the very reason when aborted under way',
  ],
  ['leaves a listener on the signal', LeakyListener, 'abort: no method leaves a listener on the signal'],
  ['forgets its watches when it is closed', SilentClose, 'close: every open call rejects with CLOSED'],
];

const stores: Store[] = [];

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

/** What the case objects to, or undefined where it is content. A case that hangs for an hour objects. */
async function objection(name: string, make: (cluster: MemoryCluster) => Store): Promise<unknown> {
  const clock = new VirtualClock();
  const cluster = createMemoryCluster({ clock });
  const open = async (): Promise<Store> => {
    const store = make(cluster);
    stores.push(store);
    return store;
  };
  const compact = async (): Promise<void> => cluster.compact();
  const world: ContractWorld = { ...virtualTime(clock), open, compact, prefix: '/contract/', shortTtlMs: 200 };
  const one = storeContract.find((candidate) => candidate.name === name);
  if (one === undefined) throw new Error(`There is no case "${name}".`);
  return clock.runUntil(one.run(world)).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('the contract suite', () => {
  for (const [name, Mutant, caughtBy] of mutants) {
    it(`catches a store that ${name}`, async () => {
      expect(await objection(caughtBy, (cluster) => new Passing(cluster))).toBeUndefined();
      expect(await objection(caughtBy, (cluster) => new Mutant(cluster))).toBeDefined();
    });
  }
});
