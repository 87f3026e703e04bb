/**
 * Shows that the contract suite can fail: each store here breaks one promise, and the cases named must catch it. A case
 * that no mutant is caught by proves nothing; a mutant that no case catches is a hole in the contract.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Store } from '../../../src/core/store.js';
import { type ContractWorld, storeContract, virtualTime } from '../../../src/testing/contract.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { createMemoryCluster, type MemoryCluster } from '../../../src/transport/memory/cluster.js';
import * as broken from './mutants.js';

/** Each mutant with the one case that names the promise it breaks. Others may object as well. */
const mutants: readonly [name: string, mutant: new (cluster: MemoryCluster) => Store, caughtBy: string][] = [
  ['ignores absent', broken.ignoringGuard('absent'), 'commit: of many that race for one key, exactly one succeeds'],
  ['ignores unchanged', broken.ignoringGuard('unchanged'), 'unchanged: holds until the key is written again'],
  [
    'ignores untouched',
    broken.ignoringGuard('untouched'),
    'untouched: of one key, holds until it is written, whether it was there or not',
  ],
  [
    'takes a range for its first key',
    broken.UntouchedByName,
    'untouched: holds until a key of the range is made or written, wherever in it',
  ],
  [
    'finds an empty range touched',
    broken.EmptyIsTouched,
    'untouched: holds for a range that is empty, and does not notice deletes',
  ],
  ['ignores held', broken.ignoringGuard('held'), 'held: does not hold once the lease was revoked'],
  [
    'takes a ticket by its name',
    broken.HeldByName,
    'held: does not hold for a ticket of the same name that came into being later',
  ],
  [
    'checks the first guard only',
    broken.OnlyFirstGuard,
    'commit: needs all of its guards, wherever among them the wrong one is',
  ],
  ['applies a commit in two halves', broken.HalfApplied, 'commit: readers at the same time never see half of it'],
  ['applies what it refused', broken.AppliedThoughRefused, 'commit: applies nothing when a guard does not hold'],
  ['forgets otherwise', broken.NoOtherwise, 'commit: answers with the otherwise reads when refused'],
  ['reads after all writes', broken.ReadsAtTheEnd, 'commit: its reads see the steps before them and not those after'],
  [
    'keeps created of a former life',
    broken.mapEntries((entry) => ({ ...entry, created: 7n })),
    'commit: a key that is made again gets a new, higher created',
  ],
  [
    'moves created with each write',
    broken.mapEntries((entry) => ({ ...entry, created: entry.modified })),
    'commit: a put of an existing key keeps created and moves modified',
  ],
  [
    'keeps the buffer it was given',
    broken.KeepsBuffer,
    'commit: what it stored is out of reach of the buffers given and returned',
  ],
  [
    'answers reads with what was',
    broken.StaleReads,
    'read: sees every commit that had ended before it, of whichever client',
  ],
  [
    'compares prefixes without the slash',
    broken.PrefixWithoutSlash,
    'read: a prefix matches neither the key without its slash nor a sibling',
  ],
  [
    'takes the present for the past',
    broken.KnowsNoPast,
    'past: shows what there was, before what was made, changed and deleted since',
  ],
  [
    'forgets the order and limit of a read in the past',
    broken.PastAsItStands,
    'past: order, limit and createdBefore are those of then',
  ],
  [
    'takes the present for the future',
    broken.clamping('INVALID_OPTION'),
    'past: a revision that is still to come, or none, is refused with INVALID_OPTION',
  ],
  [
    'takes the present for what was compacted',
    broken.clamping('COMPACTED'),
    'past: a revision that was compacted away rejects with COMPACTED',
  ],
  [
    'orders keys as JavaScript does',
    broken.TextOrder,
    'key: keys are ordered by their bytes, beyond the basic plane too',
  ],
  ['ignores the limit', broken.LimitIgnored, 'read: a limit leaves the first of the order'],
  ['takes createdBefore to be inclusive', broken.Inclusive, 'read: createdBefore leaves what is strictly older'],
  [
    'never ends a lease',
    broken.NeverExpires,
    'lease: not renewed, it lives for its time, then ends with its keys in bounded time',
  ],
  [
    'ends a lease early',
    broken.ExpiresEarly,
    'lease: not renewed, it lives for its time, then ends with its keys in bounded time',
  ],
  ['does not renew', broken.DeafToRenewal, 'lease: renewed in time, it outlives its time to live'],
  ['renews what is dead', broken.RenewsTheDead, 'lease: renewing one that was revoked rejects with LEASE_NOT_FOUND'],
  [
    'skips puts under a dead lease',
    broken.DropsDeadLease,
    'lease: a put under one that has ended rejects with LEASE_NOT_FOUND and applies nothing',
  ],
  ['never detaches a lease', broken.LeaseSticks, 'lease: a put without one detaches the key, which then outlives it'],
  ['objects to a second revoke', broken.RevokeFailsTwice, 'lease: revoking one that has ended already succeeds'],
  ['begins a watch without a snapshot', broken.noSnapshot, 'watch: begins with a snapshot of all that is there'],
  ['drops an event', broken.dropping, 'watch: loses nothing and doubles nothing while several clients write'],
  ['tells an event twice', broken.doubling, 'watch: loses nothing and doubles nothing while several clients write'],
  [
    'tells an event twice, as if it were new',
    broken.doublingLater,
    'watch: loses nothing and doubles nothing while several clients write',
  ],
  ['tells of no delete', broken.noDeletes, 'watch: tells puts and deletes in the order in which they happened'],
  ['splits the batch of a commit', broken.splitting, 'watch: the changes of one commit come in one batch'],
  [
    'lets a watch just end',
    broken.justEnds,
    'watch: an abort rejects the pending next with the very reason, and every later one',
  ],
  [
    'rejects with a reason of its own',
    broken.WrongReason,
    'abort: every method rejects with the very reason of a signal that is aborted already',
  ],
  [
    'does not hear an abort under way',
    broken.DeafToAbort,
    'abort: every method rejects with the very reason when aborted under way',
  ],
  ['leaves a listener on the signal', broken.LeakyListener, 'abort: no method leaves a listener on the signal'],
  ['forgets its watches when it is closed', broken.SilentClose, 'close: every open call rejects with CLOSED'],
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
      expect(await objection(caughtBy, (cluster) => new broken.Passing(cluster))).toBeUndefined();
      expect(await objection(caughtBy, (cluster) => new Mutant(cluster))).toBeDefined();
    });
  }
});
