import { type Client, Mutex } from 'coterie';
import { expect, test } from 'vitest';
import { lineOf } from './line-of.js';
import { aborted, at, follow, only, rises, soon, until } from './tools.js';
import { forEachStore } from './world.js';

/** Whether it went by its session or by its ticket is told by whichever is noticed first. */
const lostCodes = /^(SESSION_LOST|TICKET_LOST)$/;

const leaseOf = async (client: Client) => (await client.session()).lease;

await forEachStore((world) => {
  const lock = () => `${world.path}/lock`;

  test('a holder whose lease is revoked is told at once, and its client holds by a new session after', async () => {
    const client = world.client();
    const mutex = new Mutex(client, lock());
    const hold = await mutex.acquire();
    const session = await client.session();
    await world.revoke(session.lease);
    // The next renewal would be TTL / 3 = 20 s away.
    await soon('the signal', aborted(hold.signal));
    expect(hold.signal.reason.code).toMatch(lostCodes);
    expect(hold.isHeld()).toBe(false);
    await soon('the session to know', aborted(session.signal));
    expect(session.signal.reason).toMatchObject({ code: 'SESSION_LOST', lease: session.lease });
    expect(await hold.release()).toBe(false);
    const again = await mutex.acquire();
    expect(again.token).toBeGreaterThan(hold.token);
    expect(await leaseOf(client)).not.toBe(session.lease);
  });

  test('a waiter whose lease is revoked lines up again, at the end, behind the same promise', async () => {
    const clients = world.clients(3);
    const { hold, waiting } = await lineOf(world, lock(), clients);
    const before = await world.keys(lock());
    await world.revoke(await leaseOf(at(clients, 1)));
    const line = await until('a new ticket in place of the old one', async () => {
      const keys = await world.keys(lock());
      return keys.length === 3 && !keys.includes(at(before, 1)) ? keys : undefined;
    });
    expect(line.slice(0, 2)).toEqual([hold.key, at(before, 2)]);
    await hold.release();
    const second = await soon('the handoff', at(waiting, 1).done);
    expect(at(waiting, 0).outcome).toBe('pending');
    await second.release();
    const third = await soon('the handoff', at(waiting, 0).done);
    expect(rises([hold.token, second.token, third.token])).toBe(true);
    expect(third.key).toBe(line[2]);
  });

  test('a waiter that is not to rejoin rejects with SESSION_LOST, and the one behind it goes on waiting', async () => {
    const [a, b, c] = [world.client(), world.client(), world.client()];
    const hold = await new Mutex(a, lock()).acquire();
    const middle = follow(new Mutex(b, lock(), { onSessionLost: 'reject' }).acquire());
    await world.keysOnce(2, lock());
    const last = follow(new Mutex(c, lock()).acquire());
    await world.keysOnce(3, lock());
    await world.revoke(await leaseOf(b));
    await expect(soon('the rejection', middle.done)).rejects.toMatchObject({ code: 'SESSION_LOST' });
    expect(last.outcome).toBe('pending');
    expect(hold.isHeld()).toBe(true);
    await hold.release();
    await soon('the handoff', last.done);
  });

  test('a holder whose ticket is deleted is told at once, keeps its session, and the next one is served', async () => {
    const clients = world.clients(2);
    const { hold, waiting } = await lineOf(world, lock(), clients);
    const lease = await leaseOf(at(clients, 0));
    await world.remove(hold.key);
    await soon('the signal', aborted(hold.signal));
    expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST', key: hold.key });
    expect(await hold.release()).toBe(false);
    const next = await soon('the handoff', only(waiting).done);
    expect(next.isHeld()).toBe(true);
    expect(await leaseOf(at(clients, 0))).toBe(lease);
    expect(await world.keys(lock())).toEqual([next.key]);
  });

  test('a holder whose ticket is overwritten off its lease is told, and the ticket does not stay in the way', async () => {
    const clients = world.clients(2);
    const { hold, waiting } = await lineOf(world, lock(), clients);
    await world.takeOffLease(hold.key);
    await soon('the signal', aborted(hold.signal));
    expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST' });
    const next = await soon('the handoff', only(waiting).done);
    expect(await world.keys(lock())).toEqual([next.key]);
  });

  test('a waiter whose ticket is deleted rejects with TICKET_LOST, and the one behind it keeps its place', async () => {
    const { hold, waiting } = await lineOf(world, lock(), world.clients(3));
    const keys = await world.keys(lock());
    await world.remove(at(keys, 1));
    const rejection = { code: 'TICKET_LOST', key: keys[1] };
    await expect(soon('the rejection', at(waiting, 0).done)).rejects.toMatchObject(rejection);
    expect(at(waiting, 1).outcome).toBe('pending');
    await hold.release();
    expect((await soon('the handoff', at(waiting, 1).done)).key).toBe(keys[2]);
  });

  test('when all leases are revoked at once, every holder is told and every waiter is served in the end', async () => {
    const paths = ['a', 'b'].map((name) => `${world.path}/${name}`);
    const clients = world.clients(6);
    const lines = await Promise.all(paths.map((path, i) => lineOf(world, path, clients.slice(3 * i, 3 * i + 3))));
    const leases = await world.leases();
    expect(leases.length).toBeGreaterThanOrEqual(6);
    await Promise.all(leases.map((lease) => world.revoke(lease)));
    for (const [i, { hold, waiting }] of lines.entries()) {
      await soon('the signal', aborted(hold.signal));
      const mutex = new Mutex(at(clients, 3 * i), at(paths, i));
      const served = waiting.map(async ({ done }) => {
        let next = await done;
        // The leases do not end at one moment: a waiter may have been served by its old one, and then lost it.
        while (!(await next.release())) next = await mutex.acquire();
        return next.token;
      });
      const tokens = await soon('all waiters', Promise.all(served));
      for (const token of tokens) expect(token).toBeGreaterThan(hold.token);
      expect(new Set(tokens).size).toBe(2);
    }
  });

  test('a candidate that is aborted or out of time leaves no ticket', async () => {
    const [a, b] = [world.client(), world.client()];
    const hold = await new Mutex(a, lock()).acquire();
    const controller = new AbortController();
    const mutex = new Mutex(b, lock());
    const stopped = follow(mutex.acquire({ signal: controller.signal }));
    await world.keysOnce(2, lock());
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await expect(stopped.done).rejects.toBe(reason);
    expect(await world.keys(lock())).toEqual([hold.key]);
    await expect(mutex.acquire({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await world.keys(lock())).toEqual([hold.key]);
    expect(hold.isHeld()).toBe(true);
  });

  test('a second release has the result of the first, and neither touches the next holder', async () => {
    const { hold, waiting } = await lineOf(world, lock(), world.clients(2));
    expect(await Promise.all([hold.release(), hold.release()])).toEqual([true, true]);
    const next = await soon('the handoff', only(waiting).done);
    expect(await hold.release()).toBe(true);
    expect(next.isHeld()).toBe(true);
    expect(await world.keys(lock())).toEqual([next.key]);
  });

  test('two handles of one process, on one session, exclude each other', async () => {
    const client = world.client();
    const first = await new Mutex(client, lock()).acquire();
    const second = follow(new Mutex(client, lock()).acquire());
    await world.keysOnce(2, lock());
    expect(await new Mutex(client, lock()).tryAcquire()).toBeUndefined();
    expect(second.outcome).toBe('pending');
    await first.release();
    expect((await soon('the handoff', second.done)).token).toBeGreaterThan(first.token);
  });
});
