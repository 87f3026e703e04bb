import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Entry, type Hold, Mutex, put, remove, type Session } from 'coterie';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterNode } from '../servers/cluster.js';
import { scratchDir } from '../servers/watchdog.js';
import type { ConsulWorld } from './consul-world.js';
import { lineOf } from './line-of.js';
import { withoutLeader } from './outages.js';
import { startNode } from './program.js';
import { aborted, at, type Followed, follow, rises, soon, until } from './tools.js';
import { type BuiltWorkers, buildWorkers } from './worker-build.js';
import type { HolderOptions } from './workers/holder.js';
import { onConsul, shortTtlMs } from './world.js';

const holderSource = new URL('./workers/holder.ts', import.meta.url);

let built: BuiltWorkers;
beforeAll(() => {
  built = buildWorkers();
});
afterAll(() => built[Symbol.dispose]());

/** Time for servers to be there again, and for clients to find out. */
const recoveryMs = 15_000;

/** Longer than Consul needs for another leader, so that renewals resume in time; short enough to see that they do. */
const enoughTtlMs = 15_000;

const deadlineOf = ({ state }: Session): number => ('deadline' in state ? state.deadline : 0);

/** Sees those who wait being served, and whether ever another one held beside them. */
class Witness {
  readonly tokens: bigint[];
  readonly keys: string[];
  /** By key: those that were served while others held. */
  readonly overlaps: string[] = [];
  readonly #holds: Hold[];

  constructor({ hold, waiting }: { readonly hold: Hold; readonly waiting: readonly Followed<Hold>[] }) {
    this.#holds = [hold];
    this.keys = [hold.key];
    this.tokens = [hold.token];
    for (const { done } of waiting) {
      done.then(
        (served) => this.#see(served),
        // Told by whoever waits for it.
        () => {},
      );
    }
  }

  #see(served: Hold): void {
    if (this.#holds.some((other) => other.isHeld())) this.overlaps.push(served.key);
    this.#holds.push(served);
    this.keys.push(served.key);
    this.tokens.push(served.token);
  }

  /** Checks that all of a line were served, each once, in their order, never two at a time. */
  expectServed(line: readonly string[]): void {
    expect(this.overlaps).toEqual([]);
    expect(this.keys).toEqual(line);
    expect(rises(this.tokens)).toBe(true);
  }
}

/** Has all who wait hold and release, one after the other. */
async function serveAll(waiting: readonly Followed<Hold>[]): Promise<void> {
  for (const [i, { done }] of waiting.entries()) {
    const served = await soon('the handoff', done, recoveryMs);
    expect(served.isHeld()).toBe(true);
    expect(waiting.slice(i + 1).every(({ outcome }) => outcome === 'pending')).toBe(true);
    expect(await soon('the release', served.release(), recoveryMs)).toBe(true);
  }
}

await onConsul((consul) => {
  const lock = () => `${consul.path}/lock`;

  /** A line whose clients all talk to these servers. */
  async function lineAt(endpoints: readonly string[], ttlMs: number) {
    const clients = consul.clients(5, { ttlMs }, endpoints);
    const inLine = await lineOf(consul, lock(), clients);
    const session = await at(clients, 0).session();
    return { ...inLine, session, line: await consul.keys(lock()), witness: new Witness(inLine) };
  }

  test('the death of the leader costs a holder nothing, and all who wait are served in their order, one at a time', async () => {
    const endpoints = consul.endpointsDespite(await consul.cluster.leader());
    const { hold, waiting, session, line, witness } = await lineAt(endpoints, enoughTtlMs);
    await withoutLeader(consul, async (leader) => {
      await leader.kill();
      const before = deadlineOf(session);
      await until('a renewal', () => deadlineOf(session) > before, { timeoutMs: enoughTtlMs });
      expect(hold.isHeld()).toBe(true);
      expect(await consul.keys(lock())).toEqual(line);
      expect(waiting.map(({ outcome }) => outcome)).toEqual(waiting.map(() => 'pending'));
      expect(await soon('the release', hold.release(), recoveryMs)).toBe(true);
      await serveAll(waiting);
    });
    witness.expectServed(line);
  });

  test('a release asked for while there is no leader is done by the next one, and those who wait go on from there', async () => {
    const endpoints = consul.endpointsDespite(await consul.cluster.leader());
    const { hold, waiting, line, witness } = await lineAt(endpoints, enoughTtlMs);
    await withoutLeader(consul, async (leader) => {
      await leader.kill();
      expect(await soon('the release', hold.release(), recoveryMs)).toBe(true);
      await serveAll(waiting);
    });
    witness.expectServed(line);
  });

  test.each(['stopped', 'killed'] as const)(
    'a holder whose agent is %s and started again keeps its lock, and so do those who wait there their places',
    async (how) => {
      const agent = await followerOf(consul);
      const { hold, waiting, session, line, witness } = await lineAt([agent.endpoint], enoughTtlMs);
      const before = deadlineOf(session);
      if (how === 'stopped') await agent.stop();
      else await agent.kill();
      expect(hold.isHeld()).toBe(true);
      await agent.start();
      await agent.waitHealthy();
      await until('a renewal', () => deadlineOf(session) > before, { timeoutMs: enoughTtlMs });
      expect(hold.isHeld()).toBe(true);
      expect(await consul.keys(lock())).toEqual(line);
      expect(await soon('the release', hold.release(), recoveryMs)).toBe(true);
      await serveAll(waiting);
      witness.expectServed(line);
    },
  );

  test('a handoff while the agent of a waiter is down is noticed when it is up again', async () => {
    const agent = await followerOf(consul);
    const others = consul.endpointsDespite(agent);
    const hold = await new Mutex(consul.client({}, others), lock()).acquire();
    const waiting = follow(new Mutex(consul.client({}, [agent.endpoint]), lock()).acquire());
    const last = follow(new Mutex(consul.client({}, others), lock()).acquire().then(async (each) => each.release()));
    const line = await consul.keysOnce(3, lock());
    await agent.kill();
    expect(await hold.release()).toBe(true);
    expect(waiting.outcome).toBe('pending');
    await agent.start();
    await agent.waitHealthy();
    const next = await soon('the handoff', waiting.done, recoveryMs);
    expect(line).toContain(next.key);
    expect(await next.release()).toBe(true);
    expect(await soon('the last', last.done)).toBe(true);
  });

  test('an agent that the others take for dead costs its clients nothing, unlike sessions that hang on its health', async () => {
    const agent = await followerOf(consul);
    const hold = await new Mutex(consul.client({}, [agent.endpoint]), lock()).acquire();
    // As Consul makes them unless told otherwise.
    const { ID } = (await consul.ask('PUT', 'session/create', agent)) as { readonly ID: string };
    expect(await consul.leases()).toContain(ID);
    await agent.kill();
    await until('the death to be noticed', async () => !(await consul.leases()).includes(ID), { timeoutMs: 30_000 });
    expect(hold.isHeld()).toBe(true);
    expect(await consul.keys(lock())).toEqual([hold.key]);
    await agent.start();
    await agent.waitHealthy();
    expect(await soon('the release', hold.release(), recoveryMs)).toBe(true);
  });

  test('a holder whose agent is taken out of the catalog is told at once, and holds again once the agent is back in it', async () => {
    const agent = await followerOf(consul);
    const mutex = new Mutex(consul.client({}, [agent.endpoint]), lock());
    const hold = await mutex.acquire();
    const waiting = follow(new Mutex(consul.client({}, consul.endpointsDespite(agent)), lock()).acquire());
    await consul.keysOnce(2, lock());
    const again = await withoutEntry(consul, agent, async () => {
      await soon('the signal', aborted(hold.signal));
      expect(hold.signal.reason.code).toMatch(/^(SESSION_LOST|TICKET_LOST)$/);
      const acquiring = follow(mutex.acquire());
      await (await soon('the handoff', waiting.done)).release();
      return acquiring;
    });
    expect((await soon('the next hold', again.done)).token).toBeGreaterThan(hold.token);
  });

  test('the next one holds within 2 x TTL + 1.5 s of the death of a holder that is a process of its own', async () => {
    const [agent, other] = consul.cluster.nodes;
    const store = `consul://${new URL(agent?.endpoint ?? '').host}`;
    const options: HolderOptions = { kind: 'mutex', store, path: lock(), state: '', name: 'dies', ttlMs: shortTtlMs };
    const holder = consul.watchOver(startNode(built.script(holderSource), options, 'pipe'));
    const told = JSON.parse(await holder.line(0, recoveryMs)) as { readonly token: string };
    const waiting = follow(new Mutex(consul.client({}, [other?.endpoint ?? '']), lock()).acquire());
    await consul.keysOnce(2, lock());
    await holder.end('SIGKILL');
    const diedAt = performance.now();
    const hold = await soon('the handoff', waiting.done, 2 * shortTtlMs + recoveryMs);
    expect(performance.now() - diedAt).toBeLessThan(2 * shortTtlMs + 1_500);
    expect(hold.token).toBeGreaterThan(BigInt(told.token));
    expect(await consul.keys(lock())).toEqual([hold.key]);
  });

  test('a line that is deleted with `consul kv delete -recurse` is told so to all who stand in it, by each server', async () => {
    const clients = consul.clients(3);
    const { hold, waiting } = await lineOf(consul, lock(), clients);
    const keys = await consul.keys(lock());
    await consul.run('kv', 'delete', '-recurse', `${lock()}/`);
    await soon('the signal', aborted(hold.signal));
    expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST', key: hold.key });
    for (const [i, { done }] of waiting.entries()) {
      await expect(soon('the rejection', done)).rejects.toMatchObject({ code: 'TICKET_LOST', key: keys[i + 1] });
    }
    expect(await hold.release()).toBe(false);
    const again = await new Mutex(at(clients, 0), lock()).acquire();
    expect(again.token).toBeGreaterThan(hold.token);
  });

  test('a ticket that other hands replace by another of its name is lost, and so is one that they take off its session', async () => {
    const client = consul.client();
    const [a, b] = [await new Mutex(client, `${lock()}-1`).acquire(), await new Mutex(client, `${lock()}-2`).acquire()];
    const Key = a.key.slice(1);
    const body = [{ KV: { Verb: 'delete', Key } }, { KV: { Verb: 'set', Key, Value: btoa('no ticket') } }];
    await consul.ask('PUT', 'txn', { body });
    await consul.takeOffLease(b.key);
    for (const hold of [a, b]) {
      await soon('the signal', aborted(hold.signal));
      expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST', key: hold.key });
    }
    await until('both paths free', async () => (await consul.keys()).length === 0);
  });

  test('a ticket that other hands write to without taking it off its session stays what it is', async () => {
    const hold = await new Mutex(consul.client(), lock()).acquire();
    const waiting = follow(new Mutex(consul.client(), lock()).acquire());
    await consul.keysOnce(2, lock());
    await consul.write(hold.key, 'a note');
    const { entries } = await consul.admin.store.read({ key: hold.key });
    expect(Buffer.from(at(entries, 0).value).toString()).toBe('a note');
    await hold.commit([]);
    expect(hold.isHeld()).toBe(true);
    expect(waiting.outcome).toBe('pending');
    expect(await hold.release()).toBe(true);
    await soon('the handoff', waiting.done);
  });

  test('a lock that `consul lock` holds elsewhere is left alone, and refused to whoever writes to its key', async () => {
    const dir = scratchDir('consul-lock');
    const done = join(dir, 'done');
    const elsewhere = `${consul.path}/elsewhere`;
    // The session of `consul lock` hangs on the health of its agent, which may have been down in the test before.
    await until('good health', async () => (await healthyNodes(consul)) === consul.cluster.nodes.length);
    const locking = consul.run(
      'lock',
      elsewhere,
      `while [ ! -e ${done} ]; do sleep 0.05; done; echo "$CONSUL_LOCK_HELD"`,
    );
    const foreign = await until('consul lock to hold', () => heldEntry(consul, `${elsewhere}/.lock`));
    const client = consul.client();
    const { waiting, hold } = await lineOf(consul, lock(), [client, consul.client(), consul.client()]);
    await hold.commit([put(`${consul.path}/state`, '1')]);
    const session = await client.session();
    await consul.revoke(session.lease);
    await serveAll(waiting);
    await soon('the loss', aborted(session.signal));
    expect(await new Mutex(client, `${consul.path}/else`).tryAcquire()).toBeDefined();
    const { lease } = await client.session();
    for (const each of [lease, undefined]) {
      const writing = client.store.commit([], [put(foreign.key, 'mine', each)]);
      await expect(writing).rejects.toMatchObject({ code: 'REFUSED_BY_STORE', problem: 'foreign-lock' });
    }
    expect(await heldEntry(consul, foreign.key)).toEqual(foreign);
    writeFileSync(done, '');
    expect(await soon('the end of consul lock', locking, recoveryMs)).toBe('true');
    await client.store.commit([], [remove(`${consul.path}/state`)]);
  });
}, 3);

/** A server that does not lead. */
async function followerOf(consul: ConsulWorld): Promise<ClusterNode> {
  const leader = await consul.cluster.leader();
  const follower = consul.cluster.nodes.find((node) => node !== leader);
  if (follower === undefined) throw new Error('All servers lead.');
  return follower;
}

/** Runs the task while an agent is not in the catalog. Consul would put it back by itself, within a minute. */
async function withoutEntry<T>(consul: ConsulWorld, agent: ClusterNode, task: () => Promise<T>): Promise<T> {
  interface CatalogEntry {
    readonly Node: { readonly ID: string; readonly Node: string; readonly Address: string };
  }
  const entry = (await consul.ask('GET', `catalog/node/${agent.name}`)) as CatalogEntry;
  const { ID, Node, Address } = entry.Node;
  const Check = { CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing' };
  await consul.ask('PUT', 'catalog/deregister', { body: { Node } });
  try {
    return await task();
  } finally {
    await consul.ask('PUT', 'catalog/register', { body: { ID, Node, Address, Check } });
  }
}

/** The entry of a key while a session has it. */
async function heldEntry(consul: ConsulWorld, key: string): Promise<Entry | undefined> {
  const [entry] = (await consul.admin.store.read({ key })).entries;
  return entry?.lease === undefined ? undefined : entry;
}

/** How many nodes pass the check that Consul makes of each. */
async function healthyNodes(consul: ConsulWorld): Promise<number> {
  const checks = (await consul.ask('GET', 'health/state/passing')) as readonly { readonly CheckID: string }[];
  return checks.filter(({ CheckID }) => CheckID === 'serfHealth').length;
}
