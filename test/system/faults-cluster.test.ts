import { type Client, type Hold, isCoordinationError, keyBytes, Mutex, put } from 'coterie';
import { expect, test } from 'vitest';
import { withoutLeader } from './outages.js';
import { aborted, at, type Followed, follow, rises, soon, until } from './tools.js';
import { forEachStore, type StoreWorld, shortTtlMs } from './world.js';

/** Everything down, and up again. */
async function killAll(world: StoreWorld): Promise<void> {
  await Promise.all(world.cluster.nodes.map((node) => node.kill()));
}

async function startAll(world: StoreWorld): Promise<void> {
  await Promise.all(world.cluster.nodes.map((node) => node.start()));
  await world.cluster.waitHealthy();
}

/** Time for a cluster to be there again, and for clients, which knock about once a second, to find it. */
const recoveryMs = 15_000;

/**
 * From a new leader to the next success: a write that the old one swallowed is given up after a second and made again,
 * with another second for a busy machine. How long the election itself takes is the store's matter.
 */
const mostMs = 2_000;

function restartTests(world: StoreWorld): void {
  const lock = () => `${world.path}/lock`;

  test('a restart within the TTL costs neither the holder its lock nor the waiters their places', async () => {
    const hold = await new Mutex(world.client(), lock()).acquire();
    const waiting: Followed<Hold>[] = [];
    for (const client of world.clients(3)) {
      waiting.push(follow(new Mutex(client, lock()).acquire()));
      await world.keysOnce(waiting.length + 1, lock());
    }
    const line = await world.keys(lock());
    await killAll(world);
    await startAll(world);
    expect(await world.keys(lock())).toEqual(line);
    expect(hold.isHeld()).toBe(true);
    expect(await soon('the release', hold.release(), recoveryMs)).toBe(true);
    for (const [i, next] of waiting.entries()) {
      const served = await soon('the handoff', next.done, recoveryMs);
      expect(served.key).toBe(line[i + 1]);
      expect(await served.release()).toBe(true);
    }
  });

  test('an outage longer than the TTL is told to the holder during it, and all who wait get on after it', async () => {
    const [first, ...others] = world.clients(4, { ttlMs: shortTtlMs });
    const hold = await new Mutex(first as Client, lock()).acquire();
    const order: bigint[] = [];
    const working = others.map((client) => serveOnce(client, lock(), order));
    await world.keysOnce(4, lock());
    const session = await (first as Client).session();
    await killAll(world);
    // No one can have taken it yet: there is no store.
    await soon('the loss', aborted(hold.signal), shortTtlMs + 1_000);
    expect(hold.signal.reason).toMatchObject({ code: 'SESSION_LOST', lease: session.lease });
    expect(hold.isHeld()).toBe(false);
    await startAll(world);
    // A store gives leases that it finds at its start their whole TTL again.
    await soon('all who wait', Promise.all(working), world.expiryMs(shortTtlMs) + recoveryMs);
    expect(order).toHaveLength(3);
    expect(rises([hold.token, ...order])).toBe(true);
    expect(await hold.release()).toBe(false);
    await world.keysOnce(0, lock());
  });
}

/** Holds once, for good: a hold that is lost before it is given back does not count. */
async function serveOnce(client: Client, path: string, order: bigint[]): Promise<void> {
  for (;;) {
    const hold = await new Mutex(client, path).acquire();
    order.push(hold.token);
    if (await hold.release()) return;
    order.splice(order.indexOf(hold.token), 1);
  }
}

await forEachStore(restartTests, 1);

await forEachStore((world) => {
  restartTests(world);
  const lock = () => `${world.path}/lock`;

  test('after the death of the leader, work goes on within 2 s of there being another, and none is lost', async () => {
    expect(await countOverDeath(world)).toBeLessThan(mostMs);
  });

  test('a release that was lost with the leader is made again within 2 s of there being another', async () => {
    const { hold, leader } = await behindFollowers(world, lock());
    await withoutLeader(world, async () => {
      // What is sent now reaches a follower, goes on to the leader, and is never heard of again.
      await leader.pause();
      const releasing = follow(hold.release());
      await world.cluster.leader();
      const ledAt = performance.now();
      expect(await soon('the release', releasing.done, recoveryMs)).toBe(true);
      expect(performance.now() - ledAt).toBeLessThan(mostMs);
      expect(await world.keysOnce(1, lock())).not.toContain(hold.key);
    });
  });

  test('a handoff under the next leader is noticed within 2 s of there being one, where the old one fell silent', async () => {
    const { hold, waiting, leader } = await behindFollowers(world, lock());
    await withoutLeader(world, async () => {
      await leader.pause();
      const releasing = follow(hold.release());
      await world.cluster.leader();
      const ledAt = performance.now();
      expect((await soon('the handoff', waiting.done, recoveryMs)).isHeld()).toBe(true);
      expect(performance.now() - ledAt).toBeLessThan(mostMs);
      expect(await releasing.done).toBe(true);
    });
  });

  test('a join that was lost with the leader is made again within 2 s of there being another', async () => {
    const { client, leader } = await behindFollowers(world, lock());
    await withoutLeader(world, async () => {
      await leader.pause();
      const acquiring = follow(new Mutex(client, `${world.path}/other`).acquire());
      await world.cluster.leader();
      const ledAt = performance.now();
      const hold = await soon('the acquisition', acquiring.done, recoveryMs);
      expect(performance.now() - ledAt).toBeLessThan(mostMs);
      expect(await world.keys(`${world.path}/other`)).toEqual([hold.key]);
    });
  });
}, 3);

/** Has ten clients count while the leader dies. Gives the time from there being another to the next increment. */
async function countOverDeath(world: StoreWorld): Promise<number> {
  const state = `${world.path}/counter`;
  const log = new CounterLog();
  const stop = new AbortController();
  const endpoints = world.endpointsDespite(await world.cluster.leader());
  const workers = world.clients(10, {}, endpoints).map((client) => count(client, state, log, stop.signal));
  await until('some work', () => log.acknowledged.length >= 30);
  const resumedAfter = await withoutLeader(world, async (leader) => {
    const before = log.acknowledged.length;
    await leader.kill();
    await world.cluster.leader();
    const ledAt = performance.now();
    await until('work to go on', () => log.acknowledged.length > before + 1, { timeoutMs: recoveryMs });
    // What was answered just before the kill may be counted after it; the second one was begun after.
    const resumedAt = at(log.acknowledged, before + 1).at;
    await until('more work', () => log.acknowledged.length >= before + 50, { timeoutMs: recoveryMs });
    stop.abort();
    await soon('the workers to end', Promise.all(workers), recoveryMs);
    return resumedAt - ledAt;
  });
  await checkCounter(world, state, log);
  return resumedAfter;
}

/** A holder and a waiter that are connected to followers, and so are not cut off when the leader stops. */
async function behindFollowers(world: StoreWorld, path: string) {
  const leader = await world.cluster.leader();
  const endpoints = world.cluster.endpoints.filter((endpoint) => endpoint !== leader.endpoint);
  const client = world.client({}, endpoints);
  const hold = await new Mutex(client, path).acquire();
  const waiting = follow(new Mutex(world.client({}, endpoints), path).acquire());
  await world.keysOnce(2, path);
  return { client, hold, waiting, leader };
}

interface Increment {
  readonly value: number;
  readonly token: bigint;
  readonly at: number;
}

class CounterLog {
  readonly acknowledged: Increment[] = [];
  unknown = 0;
}

/** Increments the counter over and over, each time under the lock, fenced by it, and says which value it wrote. */
async function count(client: Client, state: string, log: CounterLog, stop: AbortSignal): Promise<void> {
  const mutex = new Mutex(client, `${state}-lock`);
  while (!stop.aborted) {
    const hold = await mutex.acquire({ signal: stop }).catch((error: unknown) => {
      if (error === stop.reason) return undefined;
      throw error;
    });
    if (hold === undefined) return;
    await increment(client, hold, state, log);
    await hold.release();
  }
}

async function increment(client: Client, hold: Hold, state: string, log: CounterLog): Promise<void> {
  try {
    const { entries } = await client.store.read({ key: `${state}/now` });
    const value = Number(entries[0] === undefined ? 0 : Buffer.from(entries[0].value).toString()) + 1;
    const ops = [
      put(`${state}/now`, keyBytes(String(value))),
      put(`${state}/log/${value}`, keyBytes(String(hold.token))),
    ];
    // A write that is lost with the leader is never answered. Only the caller can tell how long to wait for it.
    await hold.commit(ops, { timeoutMs: 1_000 });
    log.acknowledged.push({ value, token: hold.token, at: performance.now() });
  } catch (error) {
    if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) log.unknown++;
    else if (!isCoordinationError(error) || !(error.retryable || /_LOST$/.test(error.code))) throw error;
  }
}

/** Takes what was counted out of the store. Every acknowledged value is there, by the hand that was told so; nothing was counted that nobody tried. */
async function checkCounter(world: StoreWorld, state: string, log: CounterLog): Promise<void> {
  const { store } = world.admin;
  const { entries } = await store.read({ prefix: `${state}/log/`, order: 'oldest' });
  await store.commit([], [{ kind: 'delete', range: { prefix: `${state}/` } }]);
  const written = entries.map(({ key, value }) => ({
    value: Number(key.slice(`${state}/log/`.length)),
    token: BigInt(Buffer.from(value).toString()),
  }));
  expect(written.map(({ value }) => value)).toEqual(written.map((_, i) => i + 1));
  expect(rises(written.map(({ token }) => token))).toBe(true);
  for (const { value, token } of log.acknowledged) expect(written[value - 1]).toEqual({ value, token });
  expect(new Set(log.acknowledged.map(({ value }) => value)).size).toBe(log.acknowledged.length);
  expect(written.length).toBeLessThanOrEqual(log.acknowledged.length + log.unknown);
}
