import { describe, expect, test } from 'vitest';
import { put } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { Mutex } from '../../../src/recipes/mutex.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { deaf } from './deaf.js';
import { inNewWorlds, ttlMs, type World, watched } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const path = '/locks/job';

describe('uncontended', () => {
  test('is held after one commit, and free again after one more', async () => {
    const { client, store } = world.node();
    await client.session();
    const before = store.requestCount;
    const hold = await new Mutex(client, path).acquire();
    expect(store.requestCount - before).toBe(1);
    expect(hold.isHeld()).toBe(true);
    expect(world.keys()).toEqual([hold.key]);
    expect(await hold.release()).toBe(true);
    expect(store.requestCount - before).toBe(2);
    expect(world.keys()).toEqual([]);
  });

  test('the token is the create revision of the ticket, and grows from holder to holder', async () => {
    const { client } = world.node();
    const mutex = new Mutex(client, path);
    const first = await mutex.acquire();
    expect(world.cluster.entries()[0]?.created).toBe(first.token);
    await first.release();
    const second = await mutex.acquire();
    expect(second.token).toBeGreaterThan(first.token);
  });

  test('await using gives it back at the end of the block', async () => {
    const { client } = world.node();
    {
      await using hold = await new Mutex(client, path).acquire();
      expect(world.keys()).toEqual([hold.key]);
    }
    expect(world.keys()).toEqual([]);
  });
});

describe('contended', () => {
  test('is served in the order of arrival, one at a time', async () => {
    const nodes = Array.from({ length: 5 }, () => world.node());
    const order: number[] = [];
    let inside = 0;
    const all = nodes.map(async ({ client }, i) => {
      await new Mutex(client, path).run(async () => {
        expect(++inside).toBe(1);
        order.push(i);
        await settle();
        inside--;
      });
    });
    await world.run(Promise.all(all));
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test('two handles of one process exclude each other', async () => {
    const { client } = world.node();
    const first = await new Mutex(client, path).acquire();
    const second = watched(new Mutex(client, path).acquire());
    await world.clock.advance(1_000);
    expect(second.outcome).toBe('pending');
    await first.release();
    await settle();
    expect(second.outcome).toBe('resolved');
  });

  test('a waiter that dies in the middle does not wake the one behind it', async () => {
    const [a, b, c] = [world.node(), world.node(), world.node()];
    const held = await new Mutex(a.client, path).acquire();
    const middle = watched(new Mutex(b.client, path, { onSessionLost: 'reject' }).acquire());
    await settle();
    const last = watched(new Mutex(c.client, path).acquire());
    await settle();
    world.cluster.revokeLease((await b.client.session()).lease);
    await world.clock.advance(ttlMs);
    expect(middle.outcome).toBe('rejected');
    expect(isCoordinationError(middle.error, 'SESSION_LOST')).toBe(true);
    expect(last.outcome).toBe('pending');
    await held.release();
    await settle();
    expect(last.outcome).toBe('resolved');
  });

  test.each([2, 20, 200])('with %i waiters, a handoff costs a constant number of requests', async (count) => {
    const nodes = Array.from({ length: count + 1 }, () => world.node());
    const holds = nodes.map(({ client }) => watched(new Mutex(client, path).acquire()));
    await world.clock.advance(100);
    const total = () => nodes.reduce((sum, { store }) => sum + store.requestCount, 0);
    const before = total();
    await holds[0]?.value?.release();
    await settle();
    expect(holds[1]?.outcome).toBe('resolved');
    expect(total() - before).toBe(2);
  });
});

describe('tryAcquire', () => {
  test('is undefined when busy, after one read and no write', async () => {
    const [a, b] = [world.node(), world.node()];
    await new Mutex(a.client, path).acquire();
    await b.client.session();
    const before = { ...b.store.requests };
    expect(await new Mutex(b.client, path).tryAcquire()).toBeUndefined();
    expect(b.store.requests).toEqual({ ...before, read: before.read + 1 });
  });

  test('holds when free', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).tryAcquire();
    expect(hold?.isHeld()).toBe(true);
  });

  test('leaves no ticket when somebody gets in between the look and the join', async () => {
    const [a, b] = [world.node(), world.node()];
    await b.client.session();
    b.store.delay(20);
    const attempt = world.run(new Mutex(b.client, path).tryAcquire());
    await world.clock.advance(15);
    const hold = await new Mutex(a.client, path).acquire();
    expect(await attempt).toBeUndefined();
    expect(world.keys()).toEqual([hold.key]);
  });
});

describe('looking at the line', () => {
  test('holder and waiters are told with host, process and info; foreign empty tickets too', async () => {
    const [a, b] = [world.node({ host: 'alpha' }), world.node({ host: 'beta' })];
    const mutex = new Mutex(a.client, path, { label: 'nightly' });
    expect(await mutex.holder()).toBeUndefined();
    const hold = await mutex.acquire({ info: { run: 7 } });
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    world.cluster.putKey(`${path}/foreign`, '');
    const about = {
      key: hold.key,
      token: hold.token,
      host: 'alpha',
      pid: process.pid,
      label: 'nightly',
      info: { run: 7 },
    };
    expect(await mutex.holder()).toEqual({ ...about, since: world.clock.wall() });
    const waiters = await mutex.waiters();
    expect(waiters.map(({ host }) => host)).toEqual(['beta', undefined]);
    world.cluster.deleteKey(`${path}/foreign`);
    await hold.release();
    await settle();
    expect(waiting.outcome).toBe('resolved');
  });

  test('info that JSON cannot say is refused before anything is sent', async () => {
    const { client, store } = world.node();
    const attempt = new Mutex(client, path).acquire({ info: 1n });
    await expect(attempt).rejects.toMatchObject({ code: 'INVALID_OPTION', field: 'info' });
    expect(store.requests.commit).toBe(0);
  });
});

describe('ending a wait', () => {
  test('an abort rejects with its reason, and the ticket is out of the line before that', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const controller = new AbortController();
    const waiting = new Mutex(b.client, path).acquire({ signal: controller.signal });
    const keysAtRejection = waiting.catch(() => world.keys());
    await world.clock.advance(50);
    expect(world.keys()).toHaveLength(2);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(await keysAtRejection).toEqual([hold.key]);
  });

  test('timeoutMs rejects with TIMEOUT, and the ticket is out of the line before that', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = new Mutex(b.client, path).acquire({ timeoutMs: 500 });
    await expect(world.run(waiting)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'Timed out after 500 ms: waiting in line at "/locks/job"',
    });
    expect(world.clock.now()).toBe(500);
    expect(world.keys()).toEqual([hold.key]);
  });

  test('a signal that is aborted already rejects before anything is sent', async () => {
    const { client, store } = world.node();
    const reason = new Error('no');
    await expect(new Mutex(client, path).acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(store.requestCount).toBe(0);
  });

  test('an abort while the store does not answer is not held up, and the ticket goes when it does', async () => {
    const { client, store } = world.node();
    await client.session();
    store.partition();
    const controller = new AbortController();
    const waiting = watched(new Mutex(client, path).acquire({ signal: controller.signal }));
    await world.clock.advance(10);
    controller.abort();
    await world.clock.advance(1_000);
    expect(waiting.outcome).toBe('rejected');
    store.heal();
    await settle();
    await world.clock.advance(1_500);
    expect(world.keys()).toEqual([]);
  });

  test('whatever await the abort comes at, there is either a hold or no ticket', async () => {
    const blocker = world.node();
    for (const contended of [false, true]) {
      for (let step = 0; step < 40; step++) {
        const { client } = world.node();
        await client.session();
        const hold = contended ? await new Mutex(blocker.client, path).acquire() : undefined;
        const controller = new AbortController();
        const waiting = watched(new Mutex(client, path).acquire({ signal: controller.signal }));
        for (let tick = 0; tick < step; tick++) await Promise.resolve();
        controller.abort();
        await settle();
        await world.clock.advance(10);
        if (waiting.outcome === 'resolved') await waiting.value?.release();
        expect(waiting.outcome).not.toBe('pending');
        await hold?.release();
        expect(world.keys()).toEqual([]);
      }
    }
  });
});

describe('the session is lost', () => {
  test('the holder is told before the store gives the mutex to another', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = new Mutex(b.client, path).acquire();
    let lostAt = Number.NaN;
    hold.signal.addEventListener('abort', () => {
      lostAt = world.clock.now();
    });
    await world.clock.advance(100);
    a.store.partition();
    const next = await world.run(waiting);
    expect(lostAt).toBeLessThan(world.clock.now());
    expect(hold.isHeld()).toBe(false);
    expect(isCoordinationError(hold.signal.reason, 'SESSION_LOST')).toBe(true);
    expect(next.token).toBeGreaterThan(hold.token);
  });

  test('a waiter takes a new ticket on a new session behind the same promise', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    const before = world.keys();
    world.cluster.revokeLease((await b.client.session()).lease);
    await world.clock.advance(ttlMs);
    expect(waiting.outcome).toBe('pending');
    expect(world.keys()).not.toEqual(before);
    await hold.release();
    await settle();
    expect(waiting.value?.isHeld()).toBe(true);
  });

  test('a waiter that is cut off learns at its deadline, without any word from the store', async () => {
    const [a, b] = [world.node(), world.node()];
    await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path, { onSessionLost: 'reject' }).acquire());
    await settle();
    b.store.partition();
    await world.clock.advance(ttlMs * 0.99);
    await settle();
    // Leaving takes up to a second, in which the store is asked to take the ticket out; a lost session needs none.
    expect(isCoordinationError(waiting.error, 'SESSION_LOST')).toBe(true);
  });

  test('a waiter that would have lined up again, but is aborted meanwhile, rejects with the reason of the abort', async () => {
    const [a, b] = [world.node(), world.node()];
    await b.client.session();
    await new Mutex(a.client, path).acquire();
    b.store.partition();
    const controller = new AbortController();
    const waiting = watched(new Mutex(b.client, path).acquire({ signal: controller.signal }));
    // The session is lost; the join has no answer yet, so that leaving takes a second.
    await world.clock.advance(ttlMs * 0.99 + 10);
    const reason = new Error('changed my mind');
    controller.abort(reason);
    await world.clock.advance(1_000);
    expect(waiting.error).toBe(reason);
  });

  test('a waiter on a session of its own rejects, since there is no other', async () => {
    const [a, b] = [world.node(), world.node()];
    await new Mutex(a.client, path).acquire();
    const session = await b.client.openSession();
    const waiting = watched(new Mutex(b.client, path, { session }).acquire());
    await settle();
    world.cluster.revokeLease(session.lease);
    await world.clock.advance(ttlMs);
    expect(isCoordinationError(waiting.error, 'SESSION_LOST')).toBe(true);
    const again = new Mutex(b.client, path, { session }).acquire();
    await expect(again).rejects.toMatchObject({ code: 'SESSION_LOST' });
  });

  test('all leases revoked at once: nobody believes to hold, and everybody gets on', async () => {
    const nodes = [world.node(), world.node(), world.node()];
    const holds = nodes.map(({ client }) => watched(new Mutex(client, path).acquire()));
    await settle();
    world.cluster.revokeAll();
    await world.clock.advance(ttlMs);
    expect(holds[0]?.value?.isHeld()).toBe(false);
    expect(holds.filter(({ value }) => value?.isHeld())).toHaveLength(1);
  });

  test('run rejects with the loss even where the task ended well', async () => {
    const { client } = world.node();
    const running = new Mutex(client, path).run(async (hold) => {
      world.cluster.revokeLease((await client.session()).lease);
      await world.clock.advance(ttlMs);
      expect(hold.signal.aborted).toBe(true);
    });
    await expect(running).rejects.toMatchObject({ code: 'TICKET_LOST' });
  });

  test.each(['TICKET_LOST', 'SESSION_LOST'])(
    'run rejects with the loss that only the release finds out, %s, and not with having been released',
    async (code) => {
      const { client, store } = world.node();
      const running = new Mutex(client, path).run((hold) => {
        if (code === 'TICKET_LOST') world.cluster.deleteKey(hold.key);
        else store.partition();
      });
      await expect(world.run(running)).rejects.toMatchObject({ code });
    },
  );

  test('one ticket that goes with its lease makes everything else held by it known as lost at once', async () => {
    const { client } = world.node();
    const holds = [await new Mutex(client, path).acquire()];
    await world.clock.advance(200);
    holds.push(await new Mutex(client, `${path}2`).acquire());
    world.cluster.revokeLease((await client.session()).lease);
    await settle();
    expect(holds.map((hold) => hold.isHeld())).toEqual([false, false]);
    expect(isCoordinationError(holds[1]?.signal.reason, 'SESSION_LOST')).toBe(true);
  });
});

describe('stalls and pauses', () => {
  test('after a stall past the TTL, the loss is told before anything can see it held', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const seen: boolean[] = [];
    world.clock.after(10, () => seen.push(hold.isHeld()));
    world.clock.after(2_000, () => seen.push(hold.isHeld()));
    await world.clock.stall(ttlMs * 10);
    expect(seen).toEqual([false, false]);
    expect(hold.signal.aborted).toBe(true);
    expect((await new Mutex(b.client, path).acquire()).isHeld()).toBe(true);
  });

  test('after a sleep of the machine, it is not called held until the store has confirmed it', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    world.clock.suspend(3_600_000);
    expect(hold.isHeld()).toBe(false);
    expect(hold.signal.aborted).toBe(false);
    await settle();
    expect(hold.isHeld()).toBe(true);
  });

  test('a waiter that would be served after a sleep waits until the store can confirm its session', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    world.clock.suspend(3_600_000);
    b.store.dropRequests({ verb: 'renew', count: 2 });
    await hold.release();
    await world.clock.advance(500);
    expect(waiting.error).toBeUndefined();
    expect(waiting.value?.isHeld()).toBe(true);
  });

  test('an abort is not held up by a session that cannot be confirmed after a sleep', async () => {
    const { client, store } = world.node();
    const session = await client.openSession();
    store.partition();
    world.clock.suspend(3_600_000);
    const waiting = watched(new Mutex(client, path, { session }).acquire({ timeoutMs: 50 }));
    await world.clock.advance(50);
    expect(isCoordinationError(waiting.error, 'TIMEOUT')).toBe(true);
  });

  test('after a sleep in which the lease ended, the store tells so and it is lost', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    world.cluster.revokeLease((await client.session()).lease);
    world.clock.suspend(3_600_000);
    expect(hold.isHeld()).toBe(false);
    await settle();
    expect(hold.signal.aborted).toBe(true);
  });

  test('a step of the wall clock, in either direction, loses nothing', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    for (const step of [3_600_000, -7_200_000]) {
      world.clock.stepWall(step);
      hold.isHeld();
      await world.clock.advance(ttlMs * 2);
      expect(hold.isHeld()).toBe(true);
    }
  });
});

describe('interference', () => {
  test('a holder whose ticket an operator deletes is told', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    await world.clock.advance(200);
    world.cluster.deleteKey(hold.key);
    await settle();
    expect(hold.isHeld()).toBe(false);
    expect(isCoordinationError(hold.signal.reason, 'TICKET_LOST')).toBe(true);
    expect(await hold.release()).toBe(false);
  });

  test('a holder whose store is closed under it is told, instead of ending the process', async () => {
    const { client, store } = world.node();
    const hold = await new Mutex(client, path).acquire();
    await store.close();
    await world.clock.advance(200);
    expect(isCoordinationError(hold.signal.reason, 'TICKET_LOST')).toBe(true);
  });

  test('a holder whose ticket was overwritten is told, and the ticket does not stay in the way', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    await world.clock.advance(200);
    world.cluster.putKey(hold.key, 'mine now');
    await settle();
    expect(isCoordinationError(hold.signal.reason, 'TICKET_LOST')).toBe(true);
    await world.clock.advance(1_000);
    expect(world.keys()).toEqual([]);
  });

  test('a commit under a ticket that was overwritten is a loss, not a refusal of no guard', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    world.cluster.putKey(hold.key, 'mine now');
    await expect(hold.commit([put('/state', '1')])).rejects.toMatchObject({ code: 'TICKET_LOST' });
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('a ticket that was overwritten does not stay in the way after a release that came before the news of it', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    world.cluster.putKey(hold.key, 'mine now');
    expect(await hold.release()).toBe(false);
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('a holder whose ticket an operator deletes just while it is served is told', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    const [ticket] = world.keys().filter((key) => key !== hold.key);
    // The answer of the deciding read is still on its way when the news of the deletion comes.
    b.store.holdAnswers();
    await hold.release();
    await settle();
    world.cluster.deleteKey(ticket as string);
    await settle();
    b.store.releaseAnswers();
    await world.clock.advance(200);
    expect(isCoordinationError(waiting.value?.signal.reason, 'TICKET_LOST')).toBe(true);
  });

  test('a ticket that was overwritten between two attempts to release it does not stay in the way', async () => {
    const { client, store } = world.node();
    const hold = await new Mutex(client, path).acquire();
    store.holdRequests();
    const releasing = watched(hold.release());
    // Until the attempt is given up, so that its outcome is unknown.
    await world.clock.advance(ttlMs / 2);
    world.cluster.putKey(hold.key, 'mine now');
    store.releaseRequests();
    await world.clock.advance(1_500);
    expect(releasing.outcome).toBe('resolved');
    expect(world.keys()).toEqual([]);
  });

  test('a waiter whose ticket an operator deletes is not served, and rejects', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    const [ticket] = world.keys().filter((key) => key !== hold.key);
    world.cluster.deleteKey(ticket as string);
    await settle();
    expect(isCoordinationError(waiting.error, 'TICKET_LOST')).toBe(true);
  });

  test('a waiter behind a ticket that an operator overwrites goes on waiting for it', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    world.cluster.putKey(hold.key, 'x');
    await settle();
    await world.clock.advance(50);
    world.cluster.deleteKey(hold.key);
    await world.clock.advance(1);
    expect(waiting.value?.isHeld()).toBe(true);
  });

  test('the tickets of a sibling path are none of its business', async () => {
    const { client } = world.node();
    await new Mutex(client, '/locks/jobs').acquire();
    const hold = await new Mutex(client, '/locks/job').tryAcquire();
    expect(hold?.isHeld()).toBe(true);
  });
});

describe('unknown outcomes', () => {
  test('a join whose answer got lost is made again and finds itself; no second ticket', async () => {
    const { client, store } = world.node();
    await client.session();
    store.dropAnswers({ verb: 'commit' });
    const hold = await world.run(new Mutex(client, path).acquire());
    expect(hold.isHeld()).toBe(true);
    expect(world.keys()).toEqual([hold.key]);
    expect(world.cluster.entries()[0]?.created).toBe(hold.token);
  });

  test('a join that had arrived, but whose ticket has gone with its lease since, is made again on a new session', async () => {
    const { client, store } = world.node();
    const { lease } = await client.session();
    store.dropAnswers({ verb: 'commit' });
    const read = store.read.bind(store);
    store.read = (query, options) => {
      world.cluster.revokeLease(lease);
      return read(query, options);
    };
    const hold = await world.run(new Mutex(client, path).acquire());
    expect(hold.isHeld()).toBe(true);
    expect(world.keys()).toEqual([hold.key]);
  });

  test('a join that never arrived is made again', async () => {
    const { client, store } = world.node();
    await client.session();
    store.dropRequests({ verb: 'commit', count: 3 });
    expect((await world.run(new Mutex(client, path).acquire())).isHeld()).toBe(true);
  });

  test('a join that is applied after its caller has gone leaves no ticket behind', async () => {
    const { client, store } = world.node({ ttlMs: 60_000 });
    await client.session();
    store.holdRequests();
    const waiting = watched(new Mutex(client, path).acquire({ timeoutMs: 100 }));
    await world.clock.advance(20_000);
    expect(waiting.outcome).toBe('rejected');
    store.releaseRequests();
    await world.clock.advance(30_000);
    expect(world.keys()).toEqual([]);
  });

  test('a join that turns up long after the ticket was taken out is taken out again', async () => {
    const { client, store } = world.node({ ttlMs: 60_000 });
    const { lease } = await client.session();
    store.holdRequests();
    const waiting = watched(new Mutex(client, path).acquire({ timeoutMs: 100 }));
    await world.clock.advance(20_000);
    expect(waiting.outcome).toBe('rejected');
    store.releaseRequests();
    await settle();
    expect(world.keys()).toEqual([]);
    // As if a member of the cluster had kept the first request to itself until now.
    await client.store.commit([], [put(`${path}/${lease}-1`, '', lease)]);
    await world.clock.advance(60_000);
    expect(world.keys()).toEqual([]);
  });

  test('a ticket that could not be taken out at once is taken out later', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const waiting = watched(new Mutex(b.client, path).acquire({ timeoutMs: 100 }));
    await world.clock.advance(50);
    b.store.dropRequests({ verb: 'commit', count: 3 });
    await world.clock.advance(60);
    expect(waiting.outcome).toBe('rejected');
    expect(world.keys()).toHaveLength(2);
    await world.clock.advance(2_000);
    expect(world.keys()).toEqual([hold.key]);
  });

  test('a handoff whose event got lost is noticed within a TTL', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await new Mutex(a.client, path).acquire();
    const hear = b.store.watch.bind(b.store);
    b.store.watch = (range, options) => deaf(hear(range, options));
    const waiting = watched(new Mutex(b.client, path).acquire());
    await settle();
    await hold.release();
    await settle();
    expect(waiting.outcome).toBe('pending');
    await world.clock.advance(ttlMs);
    expect(waiting.outcome).toBe('resolved');
  });

  test.each(['join', 'release'])(
    'a %s without an answer is made again after a second, long before the call times out',
    async (what) => {
      const { client, store } = world.node({ ttlMs: 10_000 });
      await client.session();
      const held = what === 'release' ? await new Mutex(client, path).acquire() : undefined;
      store.holdAnswers();
      const before = store.requests.commit;
      const waiting = watched<unknown>(held === undefined ? new Mutex(client, path).acquire() : held.release());
      await world.clock.advance(999);
      expect(store.requests.commit - before).toBe(1);
      await world.clock.advance(101);
      expect(store.requests.commit - before).toBe(2);
      store.releaseAnswers();
      await world.clock.advance(100);
      expect(waiting.outcome).toBe('resolved');
      expect(world.keys()).toHaveLength(what === 'join' ? 1 : 0);
    },
  );

  test('a release whose answer got lost is made again, and was a release', async () => {
    const { client, store } = world.node();
    const hold = await new Mutex(client, path).acquire();
    store.dropAnswers({ verb: 'commit' });
    expect(await world.run(hold.release())).toBe(true);
    expect(world.keys()).toEqual([]);
  });
});

describe('ticket keys', () => {
  test('come back after a release and after a withdrawn wait, so that a busy lock does not fill the index of etcd', async () => {
    const [a, b] = [world.node(), world.node()];
    const keys = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const hold = await new Mutex(a.client, path).acquire();
      const waiting = watched(new Mutex(b.client, path).acquire({ timeoutMs: 10 }));
      await world.clock.advance(20);
      expect(waiting.outcome).toBe('rejected');
      keys.add(hold.key);
      await hold.release();
    }
    expect(keys.size).toBe(1);
  });

  test('are not used again by two at once', async () => {
    const { client } = world.node();
    await (await new Mutex(client, path).acquire()).release();
    const holds = await Promise.all(['/a', '/b', '/c'].map((one) => new Mutex(client, one).acquire()));
    expect(new Set(holds.map(({ key }) => key.split('-').at(-1))).size).toBe(3);
  });

  test('are not used again once the outcome of a join or a release was unknown', async () => {
    const { client, store } = world.node();
    await client.session();
    const keys: string[] = [];
    for (const lose of ['join', 'release']) {
      if (lose === 'join') store.dropAnswers({ verb: 'commit' });
      const hold = await world.run(new Mutex(client, path).acquire());
      if (lose === 'release') store.dropAnswers({ verb: 'commit' });
      await world.run(hold.release());
      keys.push(hold.key);
    }
    keys.push((await new Mutex(client, path).acquire()).key);
    expect(new Set(keys).size).toBe(3);
    await world.clock.advance(400_000);
  });

  test('are not used again after a wait that was given up before the outcome of its join was known', async () => {
    const { client, store } = world.node();
    const { lease } = await client.session();
    store.dropAnswers({ verb: 'commit' });
    const controller = new AbortController();
    const waiting = watched(new Mutex(client, path).acquire({ signal: controller.signal }));
    await settle();
    controller.abort();
    await settle();
    expect(waiting.outcome).toBe('rejected');
    expect((await new Mutex(client, path).acquire()).key).not.toBe(`${path}/${lease}-1`);
    await world.clock.advance(400_000);
  });

  test('are used once on a store that compares only the lease', async () => {
    const { client, store } = world.node();
    Object.assign(store, { traits: { ...store.traits, exactHeld: false } });
    const first = await new Mutex(client, path).acquire();
    await first.release();
    expect((await new Mutex(client, path).acquire()).key).not.toBe(first.key);
  });

  test('the guard of an earlier hold does not hold for a later one of the same key', async () => {
    const { client } = world.node();
    const first = await new Mutex(client, path).acquire();
    const { guard } = first;
    await first.release();
    const second = await new Mutex(client, path).acquire();
    expect(second.key).toBe(first.key);
    expect((await client.store.commit([guard], [put('/state', 'stale')])).ok).toBe(false);
    expect(await first.release()).toBe(true);
    expect(second.isHeld()).toBe(true);
  });
});

describe('release', () => {
  test('a second one has the result of the first, and touches nobody else', async () => {
    const { client, store } = world.node();
    const mutex = new Mutex(client, path);
    const hold = await mutex.acquire();
    expect(await Promise.all([hold.release(), hold.release()])).toEqual([true, true]);
    const next = await mutex.acquire();
    const before = store.requestCount;
    expect(await hold.release()).toBe(true);
    expect(store.requestCount).toBe(before);
    expect(next.isHeld()).toBe(true);
  });

  test('of something lost resolves to false without asking the store', async () => {
    const { client, store } = world.node();
    const hold = await new Mutex(client, path).acquire();
    store.partition();
    await world.clock.advance(ttlMs);
    const before = store.requests.commit;
    expect(await hold.release()).toBe(false);
    expect(store.requests.commit).toBe(before);
  });

  test('ends the signal with RELEASED', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    const { signal } = hold;
    await hold.release();
    expect(isCoordinationError(signal.reason, 'RELEASED')).toBe(true);
  });

  test('with a signal that is aborted already gives it back all the same, without waiting', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    const reason = new Error('shutting down');
    await expect(hold.release({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await settle();
    expect(world.keys()).toEqual([]);
    await (await client.session()).close({ signal: AbortSignal.abort(reason) });
  });

  test('timeoutMs ends the waiting, not the release', async () => {
    const { client, store } = world.node();
    const hold = await new Mutex(client, path).acquire();
    store.holdRequests();
    await expect(world.run(hold.release({ timeoutMs: 20 }))).rejects.toMatchObject({ code: 'TIMEOUT' });
    store.releaseRequests();
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('resolves to false where somebody else had deleted the ticket before', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    world.cluster.deleteKey(hold.key);
    expect(await hold.release()).toBe(false);
  });
});

describe('fencing', () => {
  test('commits while held, and not any more once the ticket is gone', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    await hold.commit([put('/state', '1')]);
    world.cluster.deleteKey(hold.key);
    await expect(hold.commit([put('/state', '2')])).rejects.toMatchObject({ code: 'TICKET_LOST' });
    expect(world.cluster.entries().map(({ value }) => new TextDecoder().decode(value))).toEqual(['1']);
    world.cluster.deleteKey('/state');
  });

  test('the guard of a stale holder refuses its write in a commit of its own', async () => {
    const [a, b] = [world.node(), world.node()];
    const stale = await new Mutex(a.client, path).acquire();
    a.store.partition();
    const fresh = await world.run(new Mutex(b.client, path).acquire());
    const { ok } = await b.client.store.commit([stale.guard], [put('/state', 'stale')]);
    expect(ok).toBe(false);
    expect((await b.client.store.commit([fresh.guard], [put('/state', 'fresh')])).ok).toBe(true);
    world.cluster.deleteKey('/state');
  });

  test('a further guard that does not hold is a refusal, not a loss', async () => {
    const { client } = world.node();
    const hold = await new Mutex(client, path).acquire();
    const missing = { kind: 'unchanged', key: '/state', modified: 1n } as const;
    const result = await hold.commit([put('/state', '1')], { guards: [missing], otherwise: [{ key: '/state' }] });
    expect(result).toMatchObject({ ok: false, reads: [[]] });
    expect(hold.isHeld()).toBe(true);
  });
});
