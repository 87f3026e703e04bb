import { type Client, type Hold, Mutex } from 'coterie';
import type { EtcdStats, EtcdStore } from 'coterie/etcd';
import { expect, test } from 'vitest';
import { aborted, at, follow, promptMs, rises, soon, until } from './tools.js';
import { type EtcdWorld, expirySlackMs, forEachEtcd, shortTtlMs } from './world.js';

/** What clients have sent so far, together. */
function sent(clients: readonly Client<EtcdStore>[]) {
  const of = (pick: (stats: EtcdStats) => number) => clients.reduce((sum, { store }) => sum + pick(store.stats), 0);
  return {
    ranges: of(({ unary }) => unary['Range'] ?? 0),
    txns: of(({ unary }) => unary['Txn'] ?? 0),
    watchCreates: of(({ watchCreates }) => watchCreates),
    streamsOpened: of(({ streamsOpened }) => streamsOpened),
    openStreams: of(({ openStreams }) => openStreams),
  };
}

/** Many acquisitions in line, made in turns by all clients; the first one holds. */
class Crowd {
  /** Those that were served so far, in the order in which this process was told. */
  readonly served: Hold[] = [];
  readonly #clients: readonly Client<EtcdStore>[];

  constructor(clients: readonly Client<EtcdStore>[]) {
    this.#clients = clients;
  }

  /** Those of one client go out one by one; each round is in line before the next one comes. */
  async lineUp(etcd: EtcdWorld, path: string, rounds: number): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      for (const client of this.#clients) void new Mutex(client, path).acquire().then((hold) => this.served.push(hold));
      await etcd.keysOnce(round * this.#clients.length, path);
    }
  }

  /** Releases those who come to hold, one after the other, until so many have; gives what one handoff has cost. */
  async handOver(from: number, to: number) {
    const before = sent(this.#clients);
    for (let i = from; i < to; i++) {
      expect(await at(this.served, i).release()).toBe(true);
      await until('the handoff', () => this.served.length > i + 1, { intervalMs: 1 });
      expect(this.served).toHaveLength(i + 2);
    }
    const after = sent(this.#clients);
    const each = (what: 'ranges' | 'txns' | 'watchCreates') => (after[what] - before[what]) / (to - from);
    return { ranges: each('ranges'), txns: each('txns'), watchCreates: each('watchCreates') };
  }
}

await forEachEtcd((etcd) => {
  const lock = () => `${etcd.path}/lock`;

  test('200 waiters of five clients are served in order, at one read and one write each, however many wait', async () => {
    const clients = etcd.clients(5);
    const crowd = new Crowd(clients);
    await crowd.lineUp(etcd, lock(), 40);
    const byAge = await etcd.keys(lock());
    // Each waiter watches its own ticket and the one ahead, the holder its own; a watch begins with a read.
    await until('all watches', () => sent(clients).ranges >= 2 * 199 + 1);
    const atFirst = await crowd.handOver(0, 50);
    await crowd.handOver(50, 149);
    const atLast = await crowd.handOver(149, 199);
    expect(atFirst).toEqual({ ranges: 1, txns: 1, watchCreates: 0 });
    expect(atLast).toEqual(atFirst);
    expect(crowd.served.map(({ key }) => key)).toEqual(byAge);
    expect(rises(crowd.served.map(({ token }) => token))).toBe(true);
  });

  test('all watches of a client share one stream, and all its renewals another', async () => {
    const clients = etcd.clients(2);
    const crowd = new Crowd(clients);
    await crowd.lineUp(etcd, lock(), 20);
    await until('all watches', () => sent(clients).ranges >= 2 * 39 + 1);
    for (const client of clients) expect(await (await client.session()).verify()).toBe(true);
    await crowd.handOver(0, 39);
    expect(sent(clients)).toMatchObject({ watchCreates: 2 * 39 + 1, streamsOpened: 4, openStreams: 4 });
  });

  test('a waiter whose session expires never holds, although the holder leaves (TestMutexLockSessionExpired)', async () => {
    const [a, b] = [etcd.client(), etcd.client()];
    const hold = await new Mutex(a, lock()).acquire();
    const session = await b.openSession();
    const waiting = follow(new Mutex(b, lock(), { session }).acquire());
    await etcd.keysOnce(2, lock());
    const [revoked] = await Promise.all([etcd.run('lease', 'revoke', session.lease), hold.release()]);
    expect(revoked).toContain('revoked');
    // Where the release came first, it may have been served; then it is told of the loss.
    const outcome = await soon('the end of the wait', waiting.done).catch((error: unknown) => ({ error }));
    if ('error' in outcome) expect(outcome.error).toMatchObject({ code: 'SESSION_LOST' });
    else await soon('the signal', aborted(outcome.signal));
    expect(await etcd.keys(lock())).toEqual([]);
    await expect(new Mutex(b, lock(), { session }).acquire()).rejects.toMatchObject({ code: 'SESSION_LOST' });
  });

  test('a waiter that dies in the middle does not wake the one behind it (TestMutexWaitsOnCurrentHolder)', async () => {
    etcd.leavesLeases();
    const [a, c] = [etcd.client(), etcd.client()];
    const { client: b, proxy } = await etcd.proxied({ ttlMs: shortTtlMs });
    const hold = await new Mutex(a, lock()).acquire();
    const middle = follow(new Mutex(b, lock(), { onSessionLost: 'reject' }).acquire());
    await etcd.keysOnce(2, lock());
    const last = follow(new Mutex(c, lock()).acquire());
    const line = await etcd.keysOnce(3, lock());
    proxy.dropAll();
    await until('the death to be noticed', async () => (await etcd.keys(lock())).length === 2, {
      timeoutMs: shortTtlMs + expirySlackMs,
    });
    await expect(soon('the rejection', middle.done)).rejects.toMatchObject({ code: 'SESSION_LOST' });
    // Had the death woken it, its look would have been before this one.
    await c.store.read({ key: lock() });
    expect(last.outcome).toBe('pending');
    expect(hold.isHeld()).toBe(true);
    await hold.release();
    expect((await soon('the handoff', last.done)).key).toBe(line[2]);
  });

  test('of many that try at once one holds, and the others leave nothing behind (TestMutexTryLock)', async () => {
    const clients = etcd.clients(5);
    for (const client of clients) await client.session();
    for (let round = 0; round < 5; round++) {
      const tries = clients.flatMap((client) => [new Mutex(client, lock()), new Mutex(client, lock())]);
      const results = await Promise.all(tries.map((mutex) => mutex.tryAcquire()));
      const holds = results.filter((result) => result !== undefined);
      // The first of all to join has nobody ahead.
      expect(holds).toHaveLength(1);
      expect(await etcd.keys(lock())).toEqual(holds.map(({ key }) => key));
      await holds[0]?.release();
      const hold = await at(tries, round).tryAcquire();
      expect(hold?.isHeld()).toBe(true);
      await hold?.release();
    }
  });

  test('one session can lock, unlock and lock again, and never holds twice at once (TestMutexSessionRelock)', async () => {
    const client = etcd.client();
    const session = await client.openSession();
    const [first, second] = [new Mutex(client, lock(), { session }), new Mutex(client, lock(), { session })];
    const tokens: bigint[] = [];
    for (let i = 0; i < 3; i++) {
      const hold = await first.acquire();
      const again = follow(second.acquire());
      await etcd.keysOnce(2, lock());
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
