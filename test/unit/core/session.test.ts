import { describe, expect, test, vi } from 'vitest';
import { put } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { Mutex } from '../../../src/recipes/mutex.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { inNewWorlds, ttlMs, type World, watched } from '../recipes/world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

describe('keeping alive', () => {
  test('one session is shared by all who ask, opened by one request', async () => {
    const { client, store } = world.node();
    const sessions = await Promise.all([client.session(), client.session(), client.session()]);
    expect(new Set(sessions).size).toBe(1);
    expect(store.requests.grant).toBe(1);
  });

  test('is renewed three times in each TTL, and lives on', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    await world.clock.advance(ttlMs * 10);
    expect(session.isLive()).toBe(true);
    expect(store.requests.renew).toBeGreaterThanOrEqual(28);
    expect(store.requests.renew).toBeLessThanOrEqual(31);
  });

  test('recipes with another ttlMs share another session', async () => {
    const { client } = world.node();
    const [a, b, c] = [
      await client.session(),
      await client.session({ ttlMs: 5_000 }),
      await client.session({ ttlMs: 5_000 }),
    ];
    expect(a).not.toBe(b);
    expect(b).toBe(c);
    expect(b.ttlMs).toBe(5_000);
  });
});

describe('the deadline', () => {
  test('is one and the same moment for all who look, however numbers are rounded', async () => {
    const { client, store } = world.node();
    // Of those two times, the difference is less than what is their sum with it.
    const [began, trustedMs] = [3338.569, ttlMs * 0.99];
    expect(began + trustedMs - began).toBeLessThan(trustedMs);
    await world.clock.advance(began);
    const session = await client.session();
    store.partition();
    world.clock.stepWall(ttlMs);
    await world.clock.stall(began + trustedMs - world.clock.now());
    expect(session.isLive()).toBe(false);
    expect(session.state.kind).toBe('lost');
  });

  test('of a session that took long to open counts from another request, so that it is not over as it begins', async () => {
    const { client, store } = world.node();
    store.delay(ttlMs * 1.5);
    const opening = client.session();
    await world.clock.advance(ttlMs * 1.4);
    store.delay(0);
    await world.clock.advance(ttlMs * 0.2);
    const session = await opening;
    expect(session.isLive()).toBe(true);
    expect([store.requests.grant, store.requests.renew]).toEqual([1, 1]);
    await world.clock.advance(ttlMs / 2);
    expect(session.state.kind).toBe('live');
  });

  test('counts from when the renewal was sent, not from when it was answered', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    store.delay(800);
    await world.clock.advance(1_300);
    expect(session.state).toMatchObject({ kind: 'live', deadline: ttlMs * 0.99 });
    await world.clock.advance(600);
    // The renewal left at a third of the TTL and was answered 800 ms later.
    expect(session.state).toMatchObject({ kind: 'live', deadline: ttlMs / 3 + ttlMs * 0.99 });
  });

  test('passes before the store can end the lease', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    let lostAt = Number.NaN;
    session.signal.addEventListener('abort', () => {
      lostAt = world.clock.now();
    });
    store.partition();
    await world.clock.advance(ttlMs - 1);
    expect(lostAt).toBeLessThanOrEqual(ttlMs * 0.99);
    expect(world.cluster.leases()).toHaveLength(1);
  });

  test('at a deadline that fractions of a millisecond round up or down, it is over, and asks itself only once', async () => {
    const { client, store } = world.node();
    // So many that some of the sums come out above the number that they began with, and some below.
    for (let i = 0; i < 200; i++) {
      await world.clock.advance(1_000 + Math.sqrt(i + 2));
      const session = await client.session();
      store.partition();
      await world.clock.advance(ttlMs);
      expect(session.state.kind).toBe('lost');
      store.heal();
      await world.clock.advance(ttlMs);
    }
  });

  test.each([
    { stallMs: ttlMs * 0.8, kind: 'live' },
    { stallMs: ttlMs, kind: 'lost' },
  ])(
    'an answer that comes after a stall of $stallMs ms leaves it $kind: what counts is when it was asked for',
    async (row) => {
      const { client, store } = world.node();
      const session = await client.session();
      store.holdAnswers();
      await world.clock.advance(ttlMs / 3 + 1);
      const stalled = world.clock.stall(row.stallMs);
      store.releaseAnswers();
      await stalled;
      expect(session.state.kind).toBe(row.kind);
    },
  );
});

describe('trouble', () => {
  test('the deadline is one moment, whatever fractions of a millisecond it is counted in: no recursion without end', async () => {
    for (let n = 1; n <= 200; n++) {
      const { client, store } = world.node();
      await world.clock.advance(n / 7.3);
      const session = await client.session();
      store.partition();
      await world.clock.advance(ttlMs);
      expect(session.state.kind).toBe('lost');
      await store.close();
    }
  });

  test('renewals that fail make it uncertain, and it recovers before the deadline', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    const states: string[] = [];
    session.events.on('state', ({ kind }) => states.push(kind));
    store.dropRequests({ verb: 'renew', count: 3 });
    await world.clock.advance(ttlMs);
    expect(states).toEqual(['uncertain', 'live']);
    await world.clock.advance(ttlMs * 3);
    expect(session.isLive()).toBe(true);
  });

  test('a sleep of the machine during a renewal does not end the renewing', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    for (const part of [0.34, 0.655]) {
      store.holdAnswers();
      await world.clock.advance(ttlMs * part);
      world.clock.suspend(3_600_000);
      store.releaseAnswers();
      await settle();
    }
    await world.clock.advance(ttlMs * 3);
    expect(session.state.kind).toBe('live');
    expect(world.cluster.leases()).toHaveLength(1);
  });

  test('a lease that the store no longer has ends it at once', async () => {
    const { client } = world.node();
    const session = await client.session();
    world.cluster.revokeLease(session.lease);
    await world.clock.advance(ttlMs / 3 + 1);
    expect(session.state.kind).toBe('lost');
    expect(isCoordinationError(session.signal.reason, 'SESSION_LOST')).toBe(true);
  });

  test('the next one who asks gets a new session after a loss', async () => {
    const { client } = world.node();
    const first = await client.session();
    world.cluster.revokeLease(first.lease);
    await world.clock.advance(ttlMs);
    const second = await client.session();
    expect(second.lease).not.toBe(first.lease);
    expect(second.isLive()).toBe(true);
  });

  test('a lost session gives its lease up as soon as the store can be reached, to free what it held', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    await client.store.commit([], [put('/mine', '', session.lease)]);
    // A process that was stopped for longer than its own deadline, but not than the lease.
    store.dropRequests({ verb: 'renew', count: 100 });
    await world.clock.advance(ttlMs * 0.99);
    expect(session.state.kind).toBe('lost');
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('a listener that throws hurts nobody, and its error is told', async () => {
    const { client } = world.node();
    const session = await client.session();
    const oops = new Error('listener');
    const errors: unknown[] = [];
    let heard = 0;
    session.events.on('state', () => {
      throw oops;
    });
    session.events.on('state', () => heard++);
    session.events.on('error', (error) => errors.push(error));
    await session.close();
    expect(heard).toBe(1);
    expect(errors).toEqual([oops]);
  });

  test('without an error listener, the error of a listener becomes a warning of the process', async () => {
    const { client } = world.node();
    const session = await client.session();
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    session.events.on('state', () => {
      throw new Error('listener');
    });
    await session.close();
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});

describe('closing', () => {
  test('revokes the lease, which removes its keys', async () => {
    const { client } = world.node();
    const session = await client.session();
    await client.store.commit([], [put('/mine', '', session.lease)]);
    await session.close();
    expect(world.keys()).toEqual([]);
    expect(isCoordinationError(session.signal.reason, 'SESSION_CLOSED')).toBe(true);
  });

  test('takes no longer than the lease can live when the store is away', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    store.partition();
    await world.run(session.close());
    expect(world.clock.now()).toBeLessThanOrEqual(ttlMs + 1_000);
  });

  test('timeoutMs ends the waiting for it', async () => {
    const { client, store } = world.node();
    const session = await client.session();
    store.partition();
    await world.run(session.close({ timeoutMs: 50 }));
    expect(world.clock.now()).toBe(50);
  });

  test('of a client ends what is held at once', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, '/lock').acquire();
    const closing = client.close();
    expect(hold.isHeld()).toBe(false);
    await closing;
  });

  test('of a client waits no longer than a lease can live for a session that cannot be opened', async () => {
    const { client, store } = world.node({ ttlMs: 300 });
    store.partition();
    const opening = watched(client.session());
    await settle();
    await world.run(client.close());
    expect(world.clock.now()).toBeLessThanOrEqual(300);
    expect(opening.outcome).toBe('rejected');
  });

  test('a session that comes when its client has stopped waiting for it is closed at once', async () => {
    const { client, store } = world.node({ ttlMs: 300 });
    await client.session({ ttlMs: 60_000 });
    store.holdRequests();
    const opening = watched(client.session());
    const closing = watched(client.close());
    await world.clock.advance(1_000);
    expect(closing.outcome).toBe('pending');
    store.releaseRequests();
    await settle();
    expect(opening.outcome).toBe('rejected');
    expect(closing.outcome).toBe('resolved');
    expect(world.clock.pending).toBe(0);
  });

  test('a listener that asks for a session while its client closes is refused', async () => {
    const { client } = world.node();
    const own = await client.openSession();
    await client.session();
    let asked: Promise<unknown> | undefined;
    own.signal.addEventListener('abort', () => {
      asked = client.session();
      asked.catch(() => {});
    });
    await client.close();
    await expect(asked).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('a closed client refuses everything with CLOSED', async () => {
    const { client } = world.node();
    await client.session();
    await client.close();
    await expect(client.session()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(client.openSession()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(client.store.read({ key: 'a' })).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('a session that is being opened while the client closes does not stay', async () => {
    const { client, store } = world.node();
    store.delay(50);
    const opening = [watched(client.session()), watched(client.openSession())];
    await world.clock.advance(10);
    await world.run(client.close());
    await world.clock.advance(200);
    expect(world.cluster.leases()).toEqual([]);
    expect(opening[1]?.outcome).toBe('rejected');
  });
});

describe('bad input', () => {
  test('a time to live beyond the bounds of the store is refused before anything is sent', async () => {
    const { client, store } = world.node();
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e12, '10' as unknown as number]) {
      await expect(client.openSession({ ttlMs: bad })).rejects.toMatchObject({ code: 'INVALID_TTL' });
      await expect(client.session({ ttlMs: bad })).rejects.toMatchObject({ code: 'INVALID_TTL' });
      expect(() => world.node({ ttlMs: bad })).toThrow(expect.objectContaining({ code: 'INVALID_TTL' }));
    }
    expect(store.requestCount).toBe(0);
  });
});
