/** Clients and sessions, presence, groups, partitioners and the service registry: who is there. */
import { type Client, Group, Partitioner, PersistentKey, ServiceRegistry, type Session, type ShardHold } from 'coterie';
import type { SimulatedWorld } from 'coterie/testing';
import { ask, boundMs, firstOf, forAWhile, goesOn, isTrue, later, type Operation, type PointTrial } from './trial.js';

const group = (client: Client) => new Group<string>(client, '/group');
const presence = (client: Client) => new PersistentKey<string>(client, '/me', 'here', { onTaken: 'wait' });
const registry = (client: Client) => new ServiceRegistry(client, '/service');
const instance = { id: 'one', address: '127.0.0.1', port: 80 };
const shards = (client: Client, id: string) => new Partitioner(client, '/shards', { shards: 2, id });

/** Another one gets the same place while the process that was harmed is still there. */
const placeIsFree = (world: SimulatedWorld): Promise<void> =>
  goesOn(world, 'to have the same place', async (client) => {
    const member = await new Group<string>(client, '/group', { onTaken: 'wait' }).join('me', 'other', {
      timeoutMs: boundMs,
    });
    isTrue(await member.leave(), 'it has joined, and was not in');
    const key = presence(client);
    await key.start({ timeoutMs: boundMs });
    isTrue(await key.stop(), 'it was started, and was not there');
    const registration = await registry(client).register(instance, { onTaken: 'wait', timeoutMs: boundMs });
    isTrue(await registration.leave(), 'it has registered, and was not there');
  });

/** To be there: then the key is; else nothing is left, and another one can be there instead. */
function appears<T>(
  name: string,
  of: string,
  key: string,
  appear: Operation<T>,
  disappear: (there: T) => Promise<boolean>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const node = world.node();
    const ended = await attempt(node, (limits) => appear(node.client, limits));
    if ('value' in ended) {
      isTrue(world.truth.get(key) !== undefined, `it said that ${key} is there, and it is not`);
      isTrue(await disappear(ended.value), 'it was there, and it said that it was not');
    }
    await placeIsFree(world);
  };
  return { name, of: [of], trial };
}

/** To say something else: when it says so, it is so; in any case it is there, once, until it goes. */
function says<T>(
  name: string,
  of: string,
  key: string,
  appear: (client: Client) => Promise<T>,
  say: (there: T, limits: object) => Promise<void>,
  disappear: (there: T) => Promise<boolean>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const node = world.node();
    const there = await appear(node.client);
    const ended = await attempt(node, (limits) => say(there, limits));
    const isSaid = (): boolean => new TextDecoder().decode(world.truth.get(key)?.value).includes('different');
    if ('value' in ended) isTrue(isSaid(), 'it said that it was written, and it was not');
    await world.sleep(30_000);
    isTrue(world.truth.get(key) !== undefined, 'it is not there any more');
    await disappear(there);
    await placeIsFree(world);
  };
  return { name, of: [of], trial };
}

/** To go: true where it was there, and it is gone; false where the store did not answer in time, and it goes later. */
function disappears<T>(
  name: string,
  of: string,
  key: string,
  appear: (client: Client) => Promise<T>,
  go: (there: T, limits: object) => Promise<boolean>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const node = world.node();
    const there = await appear(node.client);
    const ended = await attempt(node, (limits) => go(there, limits));
    if ('value' in ended && ended.value)
      isTrue(world.truth.get(key) === undefined, 'it said that it is gone, and it is not');
    await world.sleep(30_000);
    isTrue(world.truth.get(key) === undefined, 'it was told to go, and is still there');
    await placeIsFree(world);
  };
  return { name, of: [of], trial };
}

const started = async (client: Client): Promise<PersistentKey<string>> => {
  const key = presence(client);
  await key.start();
  return key;
};

/** Watches others come and go. */
function views(
  name: string,
  of: string,
  come: (client: Client) => Promise<{ leave(): Promise<boolean> }>,
  watch: Operation<readonly { readonly length: number }[]>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    later(world, other, 1_000, async (client) => {
      const there = await come(client);
      await world.sleep(10_000);
      await there.leave();
    });
    const ended = await attempt(node, (limits) => watch(node.client, limits));
    if ('value' in ended) {
      const counts = ended.value.map(({ length }) => length);
      isTrue(counts[0] === 0 && counts.at(-1) === 1, `it told of ${counts.join(', ')}`);
    }
  };
  return { name, of: [of], trial };
}

/** Works on shards until it is told to stop; another one joins meanwhile. None has two owners, and each has one again. */
const partitions: PointTrial = {
  name: 'partitioner/run',
  of: ['Partitioner.run'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const owners = new Map<number, string>();
    const work =
      (id: string) =>
      async (hold: ShardHold, signal: AbortSignal): Promise<void> => {
        const owner = owners.get(hold.shard);
        isTrue(owner === undefined || owner === id, `shard ${hold.shard} has two owners`);
        owners.set(hold.shard, id);
        while (!signal.aborted) await world.sleep(50);
        owners.delete(hold.shard);
      };
    const never = { signal: new AbortController().signal, timeoutMs: 0 };
    later(world, other, 1_000, (client) =>
      forAWhile(world, never, 40_000, (signal) => shards(client, 'other').run(work('other'), { signal })),
    );
    await attempt(node, (limits) =>
      forAWhile(world, limits, 3_000, (signal) => shards(node.client, 'me').run(work('me'), { signal })),
    );
    isTrue(![...owners.values()].includes('me'), 'it has ended, and a task of it goes on');
    await world.sleep(20_000);
    isTrue(owners.size === 2, `${owners.size} of 2 shards have an owner`);
  },
};

/** A session: it is live, or nothing is left of it. */
function sessions(name: string, of: string, open: Operation<Session>): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const node = world.node();
    const ended = await attempt(node, (limits) => open(node.client, limits));
    if (!('value' in ended)) return;
    const lives = world.truth.leases.some(({ id }) => id === ended.value.lease);
    isTrue(
      lives === ended.value.isLive(),
      lives ? 'it is said to be dead, and lives' : 'it is said to live, and does not',
    );
    await ended.value.close();
    isTrue(!world.truth.leases.some(({ id }) => id === ended.value.lease), 'it was closed, and lives');
  };
  return { name, of: [of], trial };
}

/** Something done with a session that is open. */
function withSession<T>(
  name: string,
  of: string,
  run: (session: Session, limits: object) => Promise<T>,
  right: (world: SimulatedWorld, session: Session, value: T) => boolean,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const node = world.node();
    const session = await node.client.openSession();
    const ended = await attempt(node, (limits) => run(session, limits));
    if ('value' in ended) isTrue(right(world, session, ended.value), 'what it says of the session is not so');
    await session.close();
  };
  return { name, of: [of], trial };
}

const isOver = (world: SimulatedWorld, { lease }: Session): boolean =>
  !world.truth.leases.some(({ id }) => id === lease);

const closeClient: PointTrial = {
  name: 'client/close',
  of: ['Client.close'],
  trial: async (world, attempt) => {
    const node = world.node();
    await group(node.client).join('me', 'here');
    const ended = await attempt(node, () => node.close());
    isTrue('value' in ended, 'to close it failed');
    isTrue(node.client.store.watching === 0, 'it was closed, and watches on');
    await placeIsFree(world);
  },
};

const resolver: PointTrial = {
  name: 'service-registry/resolver',
  of: ['ServiceRegistry.resolver'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    await registry(other.client).register(instance);
    const ended = await attempt(node, (limits) => registry(node.client).resolver(limits));
    if (!('value' in ended)) return;
    isTrue(ended.value.pick().instance.id === 'one', 'it picked another one');
    await ended.value.close();
  },
};

/** Something done with a resolver that is open. */
function resolving(
  name: string,
  of: string,
  run: (found: Awaited<ReturnType<ServiceRegistry['resolver']>>) => Promise<unknown>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    await registry(other.client).register(instance);
    const found = await registry(node.client).resolver();
    const ended = await attempt(node, () => run(found));
    isTrue('value' in ended, 'it failed, and asks no store');
    await found.close();
    isTrue(node.client.store.watching === 0, 'it was closed, and watches on');
  };
  return { name: `service-registry/${name}`, of: [of], trial };
}

const report = { meta: { zone: 'different' } };

export const groupTrials: readonly PointTrial[] = [
  sessions('client/session', 'Client.session', (client, limits) => client.session(limits)),
  sessions('client/openSession', 'Client.openSession', (client, limits) => client.openSession(limits)),
  closeClient,
  withSession(
    'session/verify',
    'Session.verify',
    (session) => session.verify(),
    (world, session, value) => value !== isOver(world, session),
  ),
  withSession(
    'session/confirm',
    'Session.confirm',
    (session) => session.confirm(),
    (world, session) => !isOver(world, session),
  ),
  withSession(
    'session/close',
    'Session.close',
    (session, { signal: _, ...limits }: { signal?: unknown }) => session.close(limits),
    isOver,
  ),
  appears(
    'persistent-key/start',
    'PersistentKey.start',
    '/me',
    async (client, limits) => {
      const key = presence(client);
      await key.start(limits);
      return key;
    },
    (key) => key.stop(),
  ),
  says(
    'persistent-key/update',
    'PersistentKey.update',
    '/me',
    started,
    (key, limits) => key.update('different', limits),
    (key) => key.stop(),
  ),
  disappears('persistent-key/stop', 'PersistentKey.stop', '/me', started, (key, limits) => key.stop(limits)),
  appears(
    'group/join',
    'Group.join',
    '/group/me',
    (client, limits) => group(client).join('me', 'here', limits),
    (member) => member.leave(),
  ),
  says(
    'group/update',
    'Membership.update',
    '/group/me',
    (client) => group(client).join('me', 'here'),
    (member, limits) => member.update('different', limits),
    (member) => member.leave(),
  ),
  disappears(
    'group/leave',
    'Membership.leave',
    '/group/me',
    (client) => group(client).join('me', 'here'),
    (member, limits) => member.leave(limits),
  ),
  ask({
    name: 'group/members',
    of: ['Group.members'],
    before: (client) => group(client).join('me', 'here'),
    operation: (client, limits) => group(client).members(limits),
    right: (members) => members.length === 1 && members[0]?.data === 'here',
  }),
  views(
    'group/views',
    'Group.views',
    (client) => group(client).join('me', 'here'),
    async (client, limits) => (await firstOf(group(client).views(limits), 2)).map(({ members }) => members),
  ),
  partitions,
  ask({
    name: 'partitioner/owners',
    of: ['Partitioner.owners'],
    operation: (client, limits) => shards(client, 'me').owners(limits),
    right: (owners) => owners.length === 0,
  }),
  appears(
    'service-registry/register',
    'ServiceRegistry.register',
    '/service/one',
    (client, limits) => registry(client).register(instance, limits),
    (registration) => registration.leave(),
  ),
  says(
    'service-registry/update',
    'Registration.update',
    '/service/one',
    (client) => registry(client).register(instance),
    (registration, limits) => registration.update(report, limits),
    (registration) => registration.leave(),
  ),
  disappears(
    'service-registry/leave',
    'Registration.leave',
    '/service/one',
    (client) => registry(client).register(instance),
    (registration, limits) => registration.leave(limits),
  ),
  ask({
    name: 'service-registry/instances',
    of: ['ServiceRegistry.instances'],
    before: (client) => registry(client).register(instance),
    operation: (client, limits) => registry(client).instances(limits),
    right: (found) => found.length === 1 && found[0]?.id === 'one',
  }),
  views(
    'service-registry/views',
    'ServiceRegistry.views',
    (client) => registry(client).register(instance),
    async (client, limits) => (await firstOf(registry(client).views(limits), 2)).map(({ instances }) => instances),
  ),
  resolver,
  resolving('run', 'Resolver.run', (found) => found.run(({ id }) => id)),
  resolving('close', 'Resolver.close', (found) => found.close()),
];
