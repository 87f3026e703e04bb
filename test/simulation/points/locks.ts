/** Mutexes, several of them at once, semaphores, read-write locks and elections: all that is held and waited for. */
import { type Client, Election, type Hold, MultiMutex, Mutex, put, ReadWriteLock, Semaphore, type Term } from 'coterie';
import type { Limits, SimulatedWorld, Trial } from 'coterie/testing';
import { ask, boundMs, firstOf, goesOn, isTrue, later, type Operation, type PointTrial, write } from './trial.js';

const mutex = (client: Client) => new Mutex(client, '/lock');
const both = (client: Client) => new MultiMutex(client, ['/lock', '/lock-2']);
const permits = (client: Client) => new Semaphore(client, '/permits', { permits: 1 });
const readers = (client: Client) => new ReadWriteLock(client, '/readers');
const election = (client: Client) => new Election(client, '/election');

/** Holds in the way of everybody else. */
type Way = (client: Client, limits: Partial<Limits>) => Promise<Hold>;

const alone = {
  mutex: (client, limits) => mutex(client).acquire(limits),
  'multi-mutex': (client, limits) => both(client).acquire(limits),
  semaphore: (client, limits) => permits(client).acquire(1, limits),
  'read-write-lock': (client, limits) => readers(client).acquireWrite(limits),
  election: (client, limits) => election(client).campaign('other', limits),
} satisfies Record<string, Way>;

type Recipe = keyof typeof alone;

/** Whoever wants it next gets it, while the process that was harmed is still there with its session. */
function next(world: SimulatedWorld, recipe: Recipe): Promise<void> {
  return goesOn(world, `to hold the ${recipe}`, async (client) => {
    const hold = await alone[recipe](client, { timeoutMs: boundMs });
    isTrue(await hold.release(), 'what was held was lost');
  });
}

function inStore(world: SimulatedWorld, hold: Hold): boolean {
  return world.truth.get(hold.key)?.created === hold.token;
}

async function giveBack(world: SimulatedWorld, hold: Hold): Promise<void> {
  isTrue(!hold.isHeld() || inStore(world, hold), `it said that it holds ${hold.key}, and does not`);
  await hold.release();
  isTrue(!inStore(world, hold), `${hold.key} was released, and is still there`);
}

/** To get hold of something that is free. */
function free(recipe: Recipe, name: string, of: string, operation: Operation<Hold | undefined>): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const node = world.node();
    const ended = await attempt(node, (limits) => operation(node.client, limits));
    if ('value' in ended) {
      if (ended.value === undefined) isTrue(false, 'it said that somebody has it, and nobody does');
      else await giveBack(world, ended.value);
    }
    await next(world, recipe);
  };
  return { name: `${recipe}/${name}, free`, of: [of], trial };
}

/** To get hold of something that another process has for three seconds more. */
function busy(recipe: Recipe, name: string, of: string, operation: Operation<Hold | undefined>): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const [rival, node] = [world.node(), world.node()];
    const held = await alone[recipe](rival.client, {});
    later(world, rival, 3_000, () => held.release());
    const ended = await attempt(node, (limits) => operation(node.client, limits));
    if ('value' in ended && ended.value !== undefined) {
      isTrue(!inStore(world, held), 'two hold it at once');
      await giveBack(world, ended.value);
    }
    await next(world, recipe);
  };
  return { name: `${recipe}/${name}, busy`, of: [of], trial };
}

/** A task that runs under a hold. */
function runs(
  recipe: Recipe,
  name: string,
  of: string,
  run: (client: Client, limits: Limits, task: () => Promise<string>) => Promise<string>,
): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const node = world.node();
    let [running, count] = [0, 0];
    const task = async (): Promise<string> => {
      isTrue(++running === 1, 'the task runs twice at once');
      count++;
      await world.sleep(100);
      running--;
      return 'done';
    };
    const ended = await attempt(node, (limits) => run(node.client, limits, task));
    isTrue(running === 0, 'it has ended, and its task goes on');
    if ('value' in ended)
      isTrue(ended.value === 'done' && count === 1, `it has ended well, and its task ran ${count} times`);
    await next(world, recipe);
  };
  return { name: `${recipe}/${name}`, of: [of], trial };
}

/** What is done with something that is held; after that another can have it. */
function holding<T>(
  recipe: Recipe,
  name: string,
  of: string,
  operation: (hold: Hold, limits: Limits) => Promise<T>,
  check: (world: SimulatedWorld, hold: Hold, value: T) => void,
): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const node = world.node();
    const hold = await alone[recipe](node.client, {});
    const ended = await attempt(node, (limits) => operation(hold, limits));
    if ('value' in ended) check(world, hold, ended.value);
    await hold.release();
    await next(world, recipe);
  };
  return { name: `${recipe}/${name}`, of: [of], trial };
}

const released = (world: SimulatedWorld, hold: Hold, value: boolean): void => {
  isTrue(value, 'it was held until then, and it said that it was not');
  isTrue(!inStore(world, hold), 'it said that it was given back, and it was not');
};

/** To give back what is held. Whatever becomes of the call, it is given back. */
const releases = (recipe: Recipe): PointTrial => ({
  name: `${recipe}/release`,
  of: ['Hold.release'],
  trial: async (world, attempt) => {
    const node = world.node();
    const hold = await alone[recipe](node.client, {});
    const ended = await attempt(node, (limits) => hold.release(limits));
    if ('value' in ended) released(world, hold, ended.value);
    await next(world, recipe);
  },
});

const commits = (name: string, of: string, take: (client: Client) => Promise<Hold>): PointTrial =>
  write({
    name,
    of: [of],
    operation: async (client, limits) => {
      await using hold = await take(client);
      return await hold.commit([put('/data', 'mine')], limits);
    },
    right: ({ ok }) => ok,
    done: async (client) => (await client.store.read({ key: '/data' })).entries.length === 1,
  });

/** Another process holds it, and a third one waits. */
function lineUp(
  recipe: 'mutex' | 'semaphore' | 'read-write-lock' | 'election',
  name: string,
  of: string,
  operation: Operation<readonly unknown[]>,
  count: number,
): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const [holder, waiter, node] = [world.node(), world.node(), world.node()];
    const hold = await alone[recipe](holder.client, {});
    const second = alone[recipe](waiter.client, {});
    await world.sleep(500);
    const ended = await attempt(node, (limits) => operation(node.client, limits));
    if ('value' in ended)
      isTrue(ended.value.length === count, `it told of ${ended.value.length}, and there are ${count}`);
    await hold.release();
    await (await second).release();
  };
  return { name: `${recipe}/${name}`, of: [of], trial };
}

const one = async (found: Promise<unknown>): Promise<readonly unknown[]> =>
  [await found].filter((it) => it !== undefined);

const downgrade: PointTrial = {
  name: 'read-write-lock/downgrade',
  of: ['ReadWriteHold.downgrade'],
  trial: async (world, attempt) => {
    const node = world.node();
    const hold = await readers(node.client).acquireWrite();
    const ended = await attempt(node, (limits) => hold.downgrade(limits));
    if ('value' in ended) {
      isTrue(hold.mode === 'read', 'it said that it is a reader, and is none');
      await goesOn(world, 'to read beside a reader', async (client) => {
        await (await readers(client).acquireRead({ timeoutMs: boundMs })).release();
      });
    }
    await giveBack(world, hold);
    await next(world, 'read-write-lock');
  },
};

/** With another reader in the way, or without. */
function upgrade(crowded: boolean): PointTrial {
  const trial: Trial = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const hold = await readers(node.client).acquireRead();
    const beside = crowded ? await readers(other.client).acquireRead() : undefined;
    const ended = await attempt(node, (limits) => hold.tryUpgrade(limits));
    if ('value' in ended) {
      isTrue(ended.value !== crowded, `it resolved to ${ended.value}`);
      isTrue(hold.mode === (ended.value ? 'write' : 'read'), `it is held to ${hold.mode} after that`);
    }
    await beside?.release();
    if (hold.mode === 'read') {
      await goesOn(world, 'to read beside a reader', async (client) => {
        await (await readers(client).acquireRead({ timeoutMs: boundMs })).release();
      });
    }
    await giveBack(world, hold);
    await next(world, 'read-write-lock');
  };
  return { name: `read-write-lock/tryUpgrade, ${crowded ? 'busy' : 'free'}`, of: ['ReadWriteHold.tryUpgrade'], trial };
}

const resize = write({
  name: 'semaphore/resize',
  of: ['Semaphore.resize'],
  before: async (client) => (await permits(client).acquire()).release(),
  operation: (client, limits) => new Semaphore(client, '/permits').resize(3, limits),
  done: async (client) => (await new Semaphore(client, '/permits').limit()) === 3,
});

const asTerm = (hold: Hold): Term => hold as Term;

const proclaims = holding(
  'election',
  'proclaim',
  'Term.proclaim',
  (hold, limits) => asTerm(hold).proclaim('better', limits),
  (world, hold) => {
    const { value } = world.truth.get(hold.key) ?? {};
    isTrue(new TextDecoder().decode(value) === 'better', 'it said that it was proclaimed, and it was not');
  },
);

const observes: PointTrial = {
  name: 'election/observe',
  of: ['Election.observe'],
  trial: async (world, attempt) => {
    const [leader, node] = [world.node(), world.node()];
    later(world, leader, 1_000, async (client) => {
      const term = await election(client).campaign('me');
      await world.sleep(5_000);
      await term.resign();
    });
    // None, then one.
    const ended = await attempt(node, (limits) => firstOf(election(node.client).observe(limits), 2));
    if ('value' in ended) isTrue(ended.value[0]?.leader === undefined, 'it told of a leader before there was one');
    await next(world, 'election');
  },
};

export const lockTrials: readonly PointTrial[] = [
  free('mutex', 'acquire', 'Mutex.acquire', (client, limits) => mutex(client).acquire(limits)),
  busy('mutex', 'acquire', 'Mutex.acquire', (client, limits) => mutex(client).acquire(limits)),
  free('mutex', 'tryAcquire', 'Mutex.tryAcquire', (client, limits) => mutex(client).tryAcquire(limits)),
  busy('mutex', 'tryAcquire', 'Mutex.tryAcquire', (client, limits) => mutex(client).tryAcquire(limits)),
  runs('mutex', 'run', 'Mutex.run', (client, limits, task) => mutex(client).run(task, limits)),
  lineUp('mutex', 'holder', 'Mutex.holder', (client, limits) => one(mutex(client).holder(limits)), 1),
  lineUp('mutex', 'waiters', 'Mutex.waiters', (client, limits) => mutex(client).waiters(limits), 1),
  releases('mutex'),
  commits('mutex/commit', 'Hold.commit', (client) => mutex(client).acquire()),
  commits('read-write-lock/commit', 'ReadWriteHold.commit', (client) => readers(client).acquireWrite()),
  free('multi-mutex', 'acquire', 'MultiMutex.acquire', (client, limits) => both(client).acquire(limits)),
  busy('multi-mutex', 'acquire', 'MultiMutex.acquire', (client, limits) => both(client).acquire(limits)),
  free('multi-mutex', 'tryAcquire', 'MultiMutex.tryAcquire', (client, limits) => both(client).tryAcquire(limits)),
  busy('multi-mutex', 'tryAcquire', 'MultiMutex.tryAcquire', (client, limits) => both(client).tryAcquire(limits)),
  runs('multi-mutex', 'run', 'MultiMutex.run', (client, limits, task) => both(client).run(task, limits)),
  releases('multi-mutex'),
  free('semaphore', 'acquire', 'Semaphore.acquire', (client, limits) => permits(client).acquire(1, limits)),
  busy('semaphore', 'acquire', 'Semaphore.acquire', (client, limits) => permits(client).acquire(1, limits)),
  free('semaphore', 'tryAcquire', 'Semaphore.tryAcquire', (client, limits) => permits(client).tryAcquire(1, limits)),
  busy('semaphore', 'tryAcquire', 'Semaphore.tryAcquire', (client, limits) => permits(client).tryAcquire(1, limits)),
  runs('semaphore', 'run', 'Semaphore.run', (client, limits, task) => permits(client).run(task, limits)),
  lineUp('semaphore', 'holders', 'Semaphore.holders', (client, limits) => permits(client).holders(limits), 1),
  lineUp('semaphore', 'waiters', 'Semaphore.waiters', (client, limits) => permits(client).waiters(limits), 1),
  ask({
    name: 'semaphore/available',
    of: ['Semaphore.available'],
    before: (client) => permits(client).acquire(),
    operation: (client, limits) => permits(client).available(limits),
    right: (value) => value === 0,
  }),
  ask({
    name: 'semaphore/limit',
    of: ['Semaphore.limit'],
    before: (client) => permits(client).acquire(),
    operation: (client, limits) => new Semaphore(client, '/permits').limit(limits),
    right: (value) => value === 1,
  }),
  resize,
  releases('semaphore'),
  free('read-write-lock', 'acquireRead', 'ReadWriteLock.acquireRead', (client, limits) =>
    readers(client).acquireRead(limits),
  ),
  busy('read-write-lock', 'acquireRead', 'ReadWriteLock.acquireRead', (client, limits) =>
    readers(client).acquireRead(limits),
  ),
  free('read-write-lock', 'acquireWrite', 'ReadWriteLock.acquireWrite', (client, limits) =>
    readers(client).acquireWrite(limits),
  ),
  busy('read-write-lock', 'acquireWrite', 'ReadWriteLock.acquireWrite', (client, limits) =>
    readers(client).acquireWrite(limits),
  ),
  free('read-write-lock', 'tryAcquireRead', 'ReadWriteLock.tryAcquireRead', (client, limits) =>
    readers(client).tryAcquireRead(limits),
  ),
  busy('read-write-lock', 'tryAcquireRead', 'ReadWriteLock.tryAcquireRead', (client, limits) =>
    readers(client).tryAcquireRead(limits),
  ),
  free('read-write-lock', 'tryAcquireWrite', 'ReadWriteLock.tryAcquireWrite', (client, limits) =>
    readers(client).tryAcquireWrite(limits),
  ),
  busy('read-write-lock', 'tryAcquireWrite', 'ReadWriteLock.tryAcquireWrite', (client, limits) =>
    readers(client).tryAcquireWrite(limits),
  ),
  runs('read-write-lock', 'read', 'ReadWriteLock.read', (client, limits, task) => readers(client).read(task, limits)),
  runs('read-write-lock', 'write', 'ReadWriteLock.write', (client, limits, task) =>
    readers(client).write(task, limits),
  ),
  lineUp('read-write-lock', 'holders', 'ReadWriteLock.holders', (client, limits) => readers(client).holders(limits), 1),
  lineUp('read-write-lock', 'waiters', 'ReadWriteLock.waiters', (client, limits) => readers(client).waiters(limits), 1),
  downgrade,
  upgrade(false),
  upgrade(true),
  releases('read-write-lock'),
  free('election', 'campaign', 'Election.campaign', (client, limits) => election(client).campaign('me', limits)),
  busy('election', 'campaign', 'Election.campaign', (client, limits) => election(client).campaign('me', limits)),
  runs('election', 'lead', 'Election.lead', (client, limits, task) => election(client).lead('me', task, limits)),
  lineUp('election', 'leader', 'Election.leader', (client, limits) => one(election(client).leader(limits)), 1),
  lineUp('election', 'candidates', 'Election.candidates', (client, limits) => election(client).candidates(limits), 2),
  holding('election', 'resign', 'Term.resign', (hold, limits) => asTerm(hold).resign(limits), released),
  proclaims,
  observes,
];
