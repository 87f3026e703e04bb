import { type Entry, put, type Query, remove, type Store } from '../../core/store.js';
import { isCoordinationError } from '../../errors.js';
import { check, refuses, same } from './assert.js';
import { texts, withStore, write, writeEach } from './tools.js';
import type { ContractCase, ContractWorld } from './world.js';

async function textsAt(store: Store, query: Query, revision: bigint): Promise<string[]> {
  const past = await store.read(query, { revision });
  same(past.revision, revision, 'the snapshot is of the revision asked for');
  return texts(past.entries).map((text) => text.slice(text.lastIndexOf('/') + 1));
}

const attempts = 5;

/**
 * A case on stores that keep a past. What it looks at can be compacted by another case on the same cluster: it is then run
 * again.
 */
function ofThePast(name: string, run: (store: Store, world: ContractWorld) => Promise<void>): ContractCase {
  return withStore(name, async (store, world) => {
    if (!store.traits.pastReads) return await refusesThePast(store, world);
    for (let attempt = 1; ; attempt++) {
      try {
        return await run(store, { ...world, prefix: `${world.prefix}${attempt}/` });
      } catch (error) {
        if (!isCoordinationError(error, 'COMPACTED') || attempt === attempts) throw error;
      }
    }
  });
}

export const pastCases: readonly ContractCase[] = [
  ofThePast(
    'past: shows what there was, before what was made, changed and deleted since',
    async (store, { prefix }) => {
      const before = (await store.read({ prefix })).revision;
      const made = await write(store, put(`${prefix}a`, '1'), put(`${prefix}b`, '1'));
      const changed = await write(store, put(`${prefix}a`, '2'), put(`${prefix}c`, '1'));
      const gone = await write(store, remove({ prefix }));
      const again = await write(store, put(`${prefix}a`, '3'));
      const other = await write(store, put(`${prefix}z/other`, ''), remove(`${prefix}a`));
      same(await textsAt(store, { prefix }, before), [], 'nothing was there yet');
      same(await textsAt(store, { prefix }, made), ['a=1', 'b=1'], 'what the first commit made');
      same(await textsAt(store, { prefix }, changed), ['a=2', 'b=1', 'c=1'], 'one changed, one new');
      same(await textsAt(store, { prefix }, gone), [], 'all was deleted');
      same(await textsAt(store, { prefix }, again), ['a=3'], 'and one made again');
      same(await textsAt(store, { key: `${prefix}a` }, gone - 1n), ['a=2'], 'a single key, right before its end');
      same(await textsAt(store, { prefix }, other), ['other='], 'the present revision is one too');
      const entries: readonly Entry[] = (await store.read({ key: `${prefix}a` }, { revision: again })).entries;
      same(
        entries.map(({ created, modified }) => [created, modified]),
        [[again, again]],
        'an entry has the revisions that it had',
      );
    },
  ),
  ofThePast('past: order, limit and createdBefore are those of then', async (store, { prefix }) => {
    const [c] = (await writeEach(store, [[`${prefix}c`, '']])) as [bigint];
    // A tie, through which a limit is to cut.
    const tie = await write(store, ...['b', 'a', 'd'].map((name) => put(prefix + name, '')));
    await write(store, put(`${prefix}0`, ''), remove(`${prefix}a`), remove(`${prefix}c`));
    await write(store, put(`${prefix}a`, 'again'), put(`${prefix}c`, 'again'));
    const at = (query: Partial<Query>) => textsAt(store, { prefix, ...query }, tie);
    same(await at({ limit: 2 }), ['a=', 'b='], 'the first two by key');
    same(await at({ order: 'oldest' }), ['c=', 'a=', 'b=', 'd='], 'by age');
    same(await at({ order: 'oldest', limit: 2 }), ['c=', 'a='], 'a limit that cuts through a tie');
    same(await at({ order: 'newest', limit: 1 }), ['a='], 'from the newest');
    same(await at({ createdBefore: c + 1n }), ['c='], 'what was older than then');
  }),
  ofThePast(
    'past: a revision that is still to come, or none, is refused with INVALID_OPTION',
    async (store, { prefix }) => {
      const { revision } = await store.read({ prefix });
      for (const later of [revision + 1_000_000n, 2n ** 63n - 1n]) {
        await refuses('INVALID_OPTION', () => store.read({ prefix }, { revision: later }), 'a revision of the future');
      }
      for (const none of [0n, -1n, 2n ** 63n]) {
        await refuses('INVALID_OPTION', () => store.read({ prefix }, { revision: none }), 'what is no revision');
      }
      const still = await write(store, put(`${prefix}k`, 'v'));
      check(still > revision, 'the store goes on');
    },
  ),
  ofThePast('past: a revision that was compacted away rejects with COMPACTED', async (store, world) => {
    const { prefix } = world;
    const old = await write(store, put(`${prefix}k`, 'old'));
    const last = await write(store, put(`${prefix}k`, 'last'));
    await world.compact();
    await refuses('COMPACTED', () => store.read({ prefix }, { revision: old }), 'a revision that is gone');
    same(texts((await store.read({ prefix })).entries), [`${prefix}k=last`], 'the present is still there');
    const later = await write(store, put(`${prefix}k`, 'later'));
    same(await textsAt(store, { prefix }, later - 1n), ['k=last'], 'and what came to be by then');
    same(await textsAt(store, { prefix }, later), ['k=later'], 'and since');
    check(later > last, 'revisions go on');
  }),
];

/** What a store does that keeps no past: it says so. */
async function refusesThePast(store: Store, { prefix }: ContractWorld): Promise<void> {
  const revision = await write(store, put(`${prefix}k`, ''));
  await refuses('UNSUPPORTED', () => store.read({ prefix }, { revision }), 'a read in the past, where there is none');
  await refuses('INVALID_OPTION', () => store.read({ prefix }, { revision: 0n }), 'what is no revision');
}
