import { Mutex } from 'coterie';
import { memoryCluster, systemClock } from 'coterie/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { watched } from '../../recipes/world.js';

afterEach(() => void vi.useRealTimers());

describe('a cluster for plain unit tests', () => {
  test('needs no time where nothing takes any: a lock is taken without moving the clock', async () => {
    await using cluster = memoryCluster();
    const mutex = new Mutex(cluster.client(), '/locks/a');
    const hold = await mutex.acquire();
    expect(cluster.truth.get(hold.key)?.created).toBe(hold.token);
    expect(await hold.release()).toBe(true);
  });

  test('a client that is cut off loses what it holds before the next one gets it', async () => {
    await using cluster = memoryCluster();
    const [first, second] = [cluster.client(), cluster.client()];
    const hold = await new Mutex(first, '/locks/a').acquire();
    const next = new Mutex(second, '/locks/a').acquire();
    cluster.partition(first);
    let lostMs = 0;
    hold.signal.addEventListener('abort', () => {
      lostMs = cluster.clock.now();
    });
    await cluster.clock.runUntil(next);
    expect(lostMs).toBeGreaterThan(9_000);
    expect(lostMs).toBeLessThan(cluster.clock.now());
  });

  test('a process that stood still finds out that it lost its lock before it acts', async () => {
    await using cluster = memoryCluster();
    const client = cluster.client();
    const hold = await new Mutex(client, '/locks/a').acquire();
    cluster.pause(client);
    await cluster.clock.advance(60_000);
    cluster.resume(client);
    expect(hold.isHeld()).toBe(false);
  });

  test('an operator can end a session, and a crash leaves its lease to run out', async () => {
    await using cluster = memoryCluster({ ttlMs: 3_000 });
    const [first, second, third] = [cluster.client(), cluster.client(), cluster.client()];
    const hold = await new Mutex(first, '/locks/a').acquire();
    const waiting = new Mutex(second, '/locks/a').acquire();
    expect(cluster.expire(await first.session())).toBe(true);
    await cluster.clock.runUntil(waiting);
    // What an operator does behind its back, a holder hears with its next renewal, or from its watch.
    await cluster.clock.advance(1_500);
    expect(hold.isHeld()).toBe(false);
    cluster.crash(second);
    const last = watched(new Mutex(third, '/locks/a').acquire());
    await cluster.clock.advance(2_300);
    expect(last.outcome).toBe('pending');
    await cluster.clock.advance(1_000);
    expect(last.outcome).toBe('resolved');
  });

  test('a lost answer is an unknown outcome, a lost request too, and nothing else is', async () => {
    await using cluster = memoryCluster();
    const client = cluster.client();
    for (const [what, there] of [
      ['answer', true],
      ['request', false],
    ] as const) {
      cluster.loseNext(client, what);
      const put = client.store.commit([], [{ kind: 'put', key: `/${what}`, value: new Uint8Array() }]);
      await expect(put).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
      expect(cluster.truth.get(`/${what}`) !== undefined).toBe(there);
    }
    await client.store.read({ key: '/a' });
  });

  test('works with the fake timers of a test runner', async () => {
    vi.useFakeTimers();
    const cluster = memoryCluster({ clock: systemClock });
    const client = cluster.client();
    const hold = await new Mutex(client, '/locks/a').acquire();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(hold.isHeld()).toBe(true);
    cluster.partition(client);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(hold.isHeld()).toBe(false);
    await cluster.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('behaves as Consul does where it is told to: leases live up to twice as long, and no range guards', async () => {
    await using cluster = memoryCluster({ store: 'consul' });
    expect(cluster.client().store.traits).toMatchObject({
      name: 'consul',
      ttlFactor: 2,
      maxOps: 64,
      rangeGuards: false,
    });
  });

  test.each([
    [{ ttlMs: 5 }, 'INVALID_OPTION'],
    [{ store: 'redis' }, 'INVALID_OPTION'],
    [{ seed: -1 }, 'INVALID_OPTION'],
    [{ sede: 1 }, 'UNKNOWN_OPTION'],
  ])('refuses %j', (options, code) => {
    expect(() => memoryCluster(options as never)).toThrow(expect.objectContaining({ code }));
  });
});
