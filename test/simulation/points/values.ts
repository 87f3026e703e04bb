/** Counters, sequences, shared values, transactions and configurations: what is read and written. */
import { AtomicCounter, type Client, ConfigCache, Sequence, SharedValue, stm, stmResult } from 'coterie';
import { ask, firstOf, goesOn, isTrue, later, type PointTrial, write } from './trial.js';

const counter = (client: Client) => new AtomicCounter(client, '/counter');
const shared = (client: Client) => new SharedValue<number>(client, '/shared');
const config = (client: Client) => ConfigCache.open<{ pool?: number }>(client, '/config', { layers: [{}, '/config'] });

/** The number that is there, which can only be one of two: as it was, or as it should be. */
async function isNow(found: Promise<unknown>, before: unknown, after: unknown): Promise<boolean> {
  const value = await found;
  isTrue(
    value === before || value === after,
    `it was ${String(before)}, should be ${String(after)}, and is ${String(value)}`,
  );
  return value === after;
}

const add = (client: Client, limits: object): Promise<number> =>
  stm(
    client,
    async (tx) => {
      const next = Number((await tx.get<number>('/a')) ?? 0) + 1;
      tx.put('/a', next);
      tx.put('/b', next);
      return next;
    },
    limits,
  );

/** Both are what one and the same transaction has made of them. */
async function both(client: Client): Promise<number | undefined> {
  const [a, b] = await stm(client, async (tx) => [await tx.get<number>('/a'), await tx.get<number>('/b')]);
  isTrue(a === b, `half of a transaction is there: ${a}, ${b}`);
  return a;
}

/** Something done with a configuration that is open. */
async function opened<T>(client: Client, run: (cache: ConfigCache<{ pool?: number }>) => Promise<T>): Promise<T> {
  await using cache = await config(client);
  return await run(cache);
}

const setPool = (client: Client): Promise<bigint> => opened(client, (cache) => cache.set('pool', 1));
const pool = (client: Client): Promise<unknown> => opened(client, async (cache) => cache.get('pool'));

const ids: PointTrial = {
  name: 'sequence/next',
  of: ['Sequence.next'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const [mine, others] = [
      new Sequence(node.client, '/ids', { block: 2 }),
      new Sequence(other.client, '/ids', { block: 2 }),
    ];
    const seen = new Set<bigint>();
    const take = async (next: Promise<bigint>): Promise<void> => {
      const id = await next;
      isTrue(!seen.has(id), `${id} was given out twice`);
      seen.add(id);
    };
    later(world, other, 2, () => take(others.next()));
    await attempt(node, (limits) => take(mine.next(limits)));
    for (let i = 0; i < 3; i++) for (const sequence of [mine, others]) await take(sequence.next());
  },
};

const configChanges: PointTrial = {
  name: 'config-cache/versions',
  of: ['Versions.next', 'ConfigCache.[Symbol.asyncIterator]'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const cache = await config(node.client);
    later(world, other, 1_000, setPool);
    const ended = await attempt(node, () => firstOf(cache, 2));
    isTrue('value' in ended && ended.value[1]?.value.pool === 1, 'the change was not seen');
    await cache.close();
  },
};

/** Opens it, and sees what another process writes after that. */
const openConfig: PointTrial = {
  name: 'config-cache/open',
  of: ['ConfigCache.open', 'ConfigCache.close'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const options = { layers: [{}, '/config'] };
    const open = (limits: object) =>
      ConfigCache.open<{ pool?: number }>(node.client, '/config', { ...options, ...limits });
    const ended = await attempt(node, open);
    await setPool(other.client);
    if (!('value' in ended)) return;
    await world.sleep(10_000);
    isTrue(ended.value.get('pool') === 1, 'it was opened, and does not see a change');
    await ended.value.close();
  },
};

const waitUntil: PointTrial = {
  name: 'config-cache/waitUntil',
  of: ['ConfigCache.waitUntil'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const cache = await config(node.client);
    const revision = await setPool(other.client);
    const ended = await attempt(node, (limits) => cache.waitUntil(revision, limits));
    if ('value' in ended) isTrue(cache.get('pool') === 1, 'it said that it is there, and it is not');
    await cache.close();
  },
};

const closeConfig: PointTrial = {
  name: 'config-cache/close',
  of: ['ConfigCache.close'],
  trial: async (world, attempt) => {
    const node = world.node();
    const cache = await config(node.client);
    const ended = await attempt(node, () => cache.close());
    isTrue('value' in ended, 'to close it failed');
    isTrue(node.client.store.watching === 0, 'it was closed, and watches on');
  },
};

const changes: PointTrial = {
  name: 'shared-value/changes',
  of: ['SharedValue.changes'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    later(world, other, 1_000, (client) => shared(client).set(1));
    const ended = await attempt(node, (limits) => firstOf(shared(node.client).changes(limits), 2));
    if ('value' in ended)
      isTrue(ended.value[0]?.value === undefined && ended.value[1]?.value === 1, 'it told of something else');
    await goesOn(world, 'to read it', (client) => shared(client).get());
  },
};

export const valueTrials: readonly PointTrial[] = [
  ask({
    name: 'atomic-counter/get',
    of: ['AtomicCounter.get'],
    before: (client) => counter(client).add(5n),
    operation: (client, limits) => counter(client).get(limits),
    right: (value) => value === 5n,
  }),
  write({
    name: 'atomic-counter/add',
    of: ['AtomicCounter.add'],
    before: (client) => counter(client).add(1n),
    operation: (client, limits) => counter(client).add(5n, limits),
    right: (value) => value === 6n,
    done: (client) => isNow(counter(client).get(), 1n, 6n),
  }),
  write({
    name: 'atomic-counter/add, beside another',
    of: ['AtomicCounter.add'],
    rival: (client) => counter(client).add(1n),
    operation: (client, limits) => counter(client).add(5n, limits),
    done: (client) => isNow(counter(client).get(), 1n, 6n),
  }),
  write({
    name: 'atomic-counter/increment',
    of: ['AtomicCounter.increment'],
    operation: (client, limits) => counter(client).increment(limits),
    right: (value) => value === 1n,
    done: (client) => isNow(counter(client).get(), 0n, 1n),
  }),
  write({
    name: 'atomic-counter/compareAndSet',
    of: ['AtomicCounter.compareAndSet'],
    before: (client) => counter(client).add(1n),
    operation: (client, limits) => counter(client).compareAndSet(1n, 7n, limits),
    right: (was) => was,
    done: (client) => isNow(counter(client).get(), 1n, 7n),
  }),
  ids,
  ask({
    name: 'shared-value/get',
    of: ['SharedValue.get'],
    before: (client) => shared(client).set(3),
    operation: (client, limits) => shared(client).get(limits),
    right: (value) => value === 3,
  }),
  write({
    name: 'shared-value/set',
    of: ['SharedValue.set'],
    operation: (client, limits) => shared(client).set(3, limits),
    done: (client) => isNow(shared(client).get(), undefined, 3),
  }),
  write({
    name: 'shared-value/update, beside another',
    of: ['SharedValue.update'],
    before: (client) => shared(client).set(1),
    rival: (client) => shared(client).update((value = 0) => value + 1),
    operation: (client, limits) => shared(client).update((value = 0) => value + 10, limits),
    done: (client) => isNow(shared(client).get(), 2, 12),
  }),
  write({
    name: 'shared-value/delete',
    of: ['SharedValue.delete'],
    before: (client) => shared(client).set(3),
    operation: (client, limits) => shared(client).delete(limits),
    right: (was) => was,
    done: (client) => isNow(shared(client).get(), 3, undefined),
  }),
  changes,
  write({
    name: 'stm/stm',
    of: ['stm'],
    operation: add,
    right: (value) => value === 1,
    done: (client) => isNow(both(client), undefined, 1),
  }),
  write({
    name: 'stm/stm, beside another',
    of: ['stm', 'Transaction.get'],
    rival: (client) => add(client, {}),
    operation: add,
    done: (client) => isNow(both(client), 1, 2),
  }),
  write({
    name: 'stm/stmResult',
    of: ['stmResult', 'Transaction.range'],
    stores: ['etcd'],
    operation: (client, limits) =>
      stmResult(
        client,
        async (tx) => {
          const { size } = await tx.range('/all/');
          tx.put(`/all/${size}`, size);
          return size;
        },
        limits,
      ),
    right: ({ value }) => value === 0,
    done: (client) =>
      isNow(
        stm(client, async (tx) => (await tx.range('/all/')).size),
        0,
        1,
      ),
  }),
  openConfig,
  closeConfig,
  waitUntil,
  configChanges,
  write({
    name: 'config-cache/set',
    of: ['ConfigCache.set'],
    operation: (client, limits) => opened(client, (cache) => cache.set('pool', 1, limits)),
    done: (client) => isNow(pool(client), undefined, 1),
  }),
  write({
    name: 'config-cache/delete',
    of: ['ConfigCache.delete'],
    before: setPool,
    operation: (client, limits) => opened(client, (cache) => cache.delete('pool', limits)),
    right: (revision) => revision !== undefined,
    done: (client) => isNow(pool(client), 1, undefined),
  }),
  ask({
    name: 'config-cache/history',
    of: ['ConfigCache.history'],
    stores: ['etcd'],
    before: setPool,
    operation: (client, limits) => opened(client, (cache) => cache.history('pool', limits)),
    right: ({ revisions, complete }) => complete && revisions.length === 1,
  }),
];
