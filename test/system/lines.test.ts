import { type Client, type Hold, Mutex } from 'coterie';
import { expect, test } from 'vitest';
import { aborted, at, follow, promptMs, rises, soon, until } from './tools.js';
import { forEachStore, type StoreWorld, shortTtlMs } from './world.js';

/** Many acquisitions in line, made in turns by all clients; the first one holds. */
class Crowd {
  /** Those that were served so far, in the order in which this process was told. */
  readonly served: Hold[] = [];
  /** How many watches each client has begun while they lined up. */
  watches: readonly number[] = [];
  readonly #world: StoreWorld;
  readonly #clients: readonly Client[];
  #error: unknown;

  constructor(world: StoreWorld, clients: readonly Client[]) {
    this.#world = world;
    this.#clients = clients;
  }

  /** Those of one client go out one by one; each round is in line before the next one comes. The first client holds. */
  async lineUp(path: string, rounds: number): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      for (const [i, client] of this.#clients.entries()) {
        void this.#serve(new Mutex(client, path));
        if (round === 1 && i === 0) await this.#world.keysOnce(1, path);
      }
      await this.#world.keysOnce(round * this.#clients.length, path);
    }
    // A waiter watches its own ticket and the one ahead, the holder only its own.
    this.watches = this.#clients.map((_, i) => 2 * rounds - (i === 0 ? 1 : 0));
    await until('all watches', () => this.#world.areWatching(this.watches));
  }

  async #serve(mutex: Mutex): Promise<void> {
    try {
      this.served.push(await mutex.acquire());
    } catch (error) {
      this.#error = error;
    }
  }

  /** Has those who come to hold release, one after the other, until so many have, and checks what that has cost. */
  async handOver(from: number, to: number): Promise<void> {
    const before = this.#world.sent();
    for (let i = from; i < to; i++) {
      expect(await at(this.served, i).release()).toBe(true);
      await until('the handoff', () => this.#servedMoreThan(i + 1), { intervalMs: 1 });
      expect(this.served).toHaveLength(i + 2);
    }
    const after = Object.entries(this.#world.sent());
    const sent = Object.fromEntries(after.map(([what, count]) => [what, count - (before[what] ?? 0)]));
    this.#world.expectHandoffCost(to - from, sent, this.watches);
  }

  #servedMoreThan(count: number): boolean {
    if (this.#error !== undefined) throw this.#error;
    return this.served.length > count;
  }
}

await forEachStore((world) => {
  const lock = () => `${world.path}/lock`;

  test('200 waiters of five clients are served in order, at one read and one write each, however many wait (TestMutexLockMultiNode)', async () => {
    const crowd = new Crowd(world, world.clients(5));
    await crowd.lineUp(lock(), 40);
    const byAge = await world.keys(lock());
    await crowd.handOver(0, 50);
    await crowd.handOver(50, 149);
    await crowd.handOver(149, 199);
    expect(crowd.served.map(({ key }) => key)).toEqual(byAge);
    expect(rises(crowd.served.map(({ token }) => token))).toBe(true);
  });

  test('a client that watches much shares what its store lets it share, and handoffs cost no more for that', async () => {
    const clients = world.clients(2);
    const crowd = new Crowd(world, clients);
    // So many that the tickets of one client alone, in whatever order they came, are more than it can ask about one by one.
    await crowd.lineUp(lock(), 40);
    for (const client of clients) expect(await (await client.session()).verify()).toBe(true);
    world.expectSharing(crowd.watches);
    await crowd.handOver(0, 79);
  });

  test('a handoff in a short line costs one read and one write as well', async () => {
    const crowd = new Crowd(world, world.clients(2));
    await crowd.lineUp(lock(), 8);
    await crowd.handOver(0, 15);
  });

  test('a waiter whose session expires never holds, although the holder leaves (TestMutexLockSessionExpired)', async () => {
    const [a, b] = [world.client(), world.client()];
    const hold = await new Mutex(a, lock()).acquire();
    const session = await b.openSession();
    const waiting = follow(new Mutex(b, lock(), { session }).acquire());
    await world.keysOnce(2, lock());
    await Promise.all([world.revoke(session.lease), hold.release()]);
    // Where the release came first, it may have been served; then it is told of the loss.
    const outcome = await soon('the end of the wait', waiting.done).catch((error: unknown) => ({ error }));
    if ('error' in outcome) expect(outcome.error).toMatchObject({ code: 'SESSION_LOST' });
    else await soon('the signal', aborted(outcome.signal));
    expect(await world.keys(lock())).toEqual([]);
    await expect(new Mutex(b, lock(), { session }).acquire()).rejects.toMatchObject({ code: 'SESSION_LOST' });
  });

  test('a waiter that dies in the middle does not wake the one behind it (TestMutexWaitsOnCurrentHolder)', async () => {
    world.leavesLeases();
    const [a, c] = [world.client(), world.client()];
    const { client: b, proxy } = await world.proxied({ ttlMs: shortTtlMs });
    const hold = await new Mutex(a, lock()).acquire();
    const middle = follow(new Mutex(b, lock(), { onSessionLost: 'reject' }).acquire());
    await world.keysOnce(2, lock());
    const last = follow(new Mutex(c, lock()).acquire());
    const line = await world.keysOnce(3, lock());
    proxy.dropAll();
    await until('the death to be noticed', async () => (await world.keys(lock())).length === 2, {
      timeoutMs: world.expiryMs(shortTtlMs),
    });
    await expect(soon('the rejection', middle.done)).rejects.toMatchObject({ code: 'SESSION_LOST' });
    // Had the death woken it, its look would have been before this one.
    await c.store.read({ key: lock() });
    expect(last.outcome).toBe('pending');
    expect(hold.isHeld()).toBe(true);
    await hold.release();
    expect((await soon('the handoff', last.done)).key).toBe(line[2]);
  });

  test('of many that try at once one holds, and the others leave nothing behind (TestMutexTryLockSingleNode, TestMutexTryLockMultiNode)', async () => {
    const clients = world.clients(5);
    for (const client of clients) await client.session();
    for (let round = 0; round < 5; round++) {
      const tries = clients.flatMap((client) => [new Mutex(client, lock()), new Mutex(client, lock())]);
      const results = await Promise.all(tries.map((mutex) => mutex.tryAcquire()));
      const holds = results.filter((result) => result !== undefined);
      // The first of all to join has nobody ahead.
      expect(holds).toHaveLength(1);
      expect(await world.keys(lock())).toEqual(holds.map(({ key }) => key));
      await holds[0]?.release();
      const hold = await at(tries, round).tryAcquire();
      expect(hold?.isHeld()).toBe(true);
      await hold?.release();
    }
  });

  test('one session can lock, unlock and lock again, and never holds twice at once (TestMutexSessionRelock)', async () => {
    const client = world.client();
    const session = await client.openSession();
    const [first, second] = [new Mutex(client, lock(), { session }), new Mutex(client, lock(), { session })];
    const tokens: bigint[] = [];
    for (let i = 0; i < 3; i++) {
      const hold = await first.acquire();
      const again = follow(second.acquire());
      await world.keysOnce(2, lock());
      expect(await first.tryAcquire()).toBeUndefined();
      expect(again.outcome).toBe('pending');
      await hold.release();
      const other = await soon('the handoff', again.done, promptMs);
      tokens.push(hold.token, other.token);
      await other.release();
    }
    expect(rises(tokens)).toBe(true);
    await session.close();
  });
});
