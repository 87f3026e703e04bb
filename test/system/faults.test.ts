import { type Client, Election, type Hold, Mutex } from 'coterie';
import { expect, test } from 'vitest';
import { Observer } from './observer.js';
import { aborted, at, type Followed, follow, only, rises, soon, until } from './tools.js';
import { type EtcdWorld, forEachEtcd } from './world.js';

/** Whether it went by its session or by its ticket is told by whichever is noticed first. */
const lostCodes = /^(SESSION_LOST|TICKET_LOST)$/;

const leaseOf = async (client: Client) => (await client.session()).lease;

/** A holder, and in line behind it one waiter for each further client. */
async function lineOf(etcd: EtcdWorld, path: string, clients: readonly Client[]) {
  const mutexes = clients.map((client) => new Mutex(client, path));
  const hold = await at(mutexes, 0).acquire();
  const waiting: Followed<Hold>[] = [];
  for (const mutex of mutexes.slice(1)) {
    waiting.push(follow(mutex.acquire()));
    await etcd.keysOnce(waiting.length + 1, path);
  }
  return { hold, waiting };
}

await forEachEtcd((etcd) => {
  const lock = () => `${etcd.path}/lock`;

  test('a holder whose lease is revoked is told at once, and its client holds by a new session after', async () => {
    const client = etcd.client();
    const mutex = new Mutex(client, lock());
    const hold = await mutex.acquire();
    const session = await client.session();
    await etcd.run('lease', 'revoke', session.lease);
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
    const clients = etcd.clients(3);
    const { hold, waiting } = await lineOf(etcd, lock(), clients);
    const before = await etcd.keys(lock());
    await etcd.run('lease', 'revoke', await leaseOf(at(clients, 1)));
    const line = await until('a new ticket in place of the old one', async () => {
      const keys = await etcd.keys(lock());
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
    const [a, b, c] = [etcd.client(), etcd.client(), etcd.client()];
    const hold = await new Mutex(a, lock()).acquire();
    const middle = follow(new Mutex(b, lock(), { onSessionLost: 'reject' }).acquire());
    await etcd.keysOnce(2, lock());
    const last = follow(new Mutex(c, lock()).acquire());
    await etcd.keysOnce(3, lock());
    await etcd.run('lease', 'revoke', await leaseOf(b));
    await expect(soon('the rejection', middle.done)).rejects.toMatchObject({ code: 'SESSION_LOST' });
    expect(last.outcome).toBe('pending');
    expect(hold.isHeld()).toBe(true);
    await hold.release();
    await soon('the handoff', last.done);
  });

  test('a holder whose ticket is deleted is told at once, keeps its session, and the next one is served', async () => {
    const clients = etcd.clients(2);
    const { hold, waiting } = await lineOf(etcd, lock(), clients);
    const lease = await leaseOf(at(clients, 0));
    await etcd.run('del', hold.key);
    await soon('the signal', aborted(hold.signal));
    expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST', key: hold.key });
    expect(await hold.release()).toBe(false);
    const next = await soon('the handoff', only(waiting).done);
    expect(next.isHeld()).toBe(true);
    expect(await leaseOf(at(clients, 0))).toBe(lease);
    expect(await etcd.keys(lock())).toEqual([next.key]);
  });

  test('a holder whose ticket is overwritten off its lease is told, and the ticket does not stay in the way', async () => {
    const clients = etcd.clients(2);
    const { hold, waiting } = await lineOf(etcd, lock(), clients);
    await etcd.run('put', hold.key, 'mine now');
    await soon('the signal', aborted(hold.signal));
    expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST' });
    const next = await soon('the handoff', only(waiting).done);
    expect(await etcd.keys(lock())).toEqual([next.key]);
  });

  test('a waiter whose ticket is deleted rejects with TICKET_LOST, and the one behind it keeps its place', async () => {
    const { hold, waiting } = await lineOf(etcd, lock(), etcd.clients(3));
    const keys = await etcd.keys(lock());
    await etcd.run('del', at(keys, 1));
    const rejection = { code: 'TICKET_LOST', key: keys[1] };
    await expect(soon('the rejection', at(waiting, 0).done)).rejects.toMatchObject(rejection);
    expect(at(waiting, 1).outcome).toBe('pending');
    await hold.release();
    expect((await soon('the handoff', at(waiting, 1).done)).key).toBe(keys[2]);
  });

  test('when all leases are revoked at once, every holder is told and every waiter is served in the end', async () => {
    const paths = ['a', 'b'].map((name) => `${etcd.path}/${name}`);
    const clients = etcd.clients(6);
    const lines = await Promise.all(paths.map((path, i) => lineOf(etcd, path, clients.slice(3 * i, 3 * i + 3))));
    const leases = (await etcd.run('lease', 'list')).split('\n').slice(1);
    expect(leases.length).toBeGreaterThanOrEqual(6);
    await Promise.all(leases.map((lease) => etcd.run('lease', 'revoke', lease)));
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
    const [a, b] = [etcd.client(), etcd.client()];
    const hold = await new Mutex(a, lock()).acquire();
    const controller = new AbortController();
    const mutex = new Mutex(b, lock());
    const stopped = follow(mutex.acquire({ signal: controller.signal }));
    await etcd.keysOnce(2, lock());
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await expect(stopped.done).rejects.toBe(reason);
    expect(await etcd.keys(lock())).toEqual([hold.key]);
    await expect(mutex.acquire({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await etcd.keys(lock())).toEqual([hold.key]);
    expect(hold.isHeld()).toBe(true);
  });

  test('a second release has the result of the first, and neither touches the next holder', async () => {
    const { hold, waiting } = await lineOf(etcd, lock(), etcd.clients(2));
    expect(await Promise.all([hold.release(), hold.release()])).toEqual([true, true]);
    const next = await soon('the handoff', only(waiting).done);
    expect(await hold.release()).toBe(true);
    expect(next.isHeld()).toBe(true);
    expect(await etcd.keys(lock())).toEqual([next.key]);
  });

  test('two handles of one process, on one session, exclude each other', async () => {
    const client = etcd.client();
    const first = await new Mutex(client, lock()).acquire();
    const second = follow(new Mutex(client, lock()).acquire());
    await etcd.keysOnce(2, lock());
    expect(await new Mutex(client, lock()).tryAcquire()).toBeUndefined();
    expect(second.outcome).toBe('pending');
    await first.release();
    expect((await soon('the handoff', second.done)).token).toBeGreaterThan(first.token);
  });

  test('a wait goes on over compactions, and the handoff after them is prompt', async () => {
    const { hold, waiting } = await lineOf(etcd, lock(), etcd.clients(3));
    for (let i = 0; i < 5; i++) await etcd.compact();
    expect(waiting.map(({ outcome }) => outcome)).toEqual(['pending', 'pending']);
    await hold.release();
    const next = await soon('the handoff', at(waiting, 0).done);
    await etcd.compact();
    await next.release();
    await soon('the handoff', at(waiting, 1).done);
  });

  test('a wait, and an observer, that were cut off while their past was compacted find out how it is now', async () => {
    const { client, proxy } = await etcd.proxied();
    const near = etcd.client();
    const [mutex, far] = [new Mutex(near, lock()), new Mutex(client, lock())];
    const hold = await mutex.acquire();
    const waiting = follow(far.acquire());
    await etcd.keysOnce(2, lock());
    const path = `${etcd.path}/election`;
    const term = await new Election(near, path).campaign('before');
    const observer = new Observer(new Election(client, path));
    await observer.sees('before');
    proxy.refuse();
    proxy.cut();
    await hold.release();
    await term.resign();
    await new Election(near, path).campaign('between');
    await etcd.compact();
    proxy.heal();
    await soon('the handoff', waiting.done);
    await observer.sees('between');
    expect(observer.inOrder).toBe(true);
    await observer.stop();
  });
});
