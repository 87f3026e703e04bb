import { Mutex, put } from 'coterie';
import { expect, test } from 'vitest';
import type { FaultProxy } from '../servers/proxy.js';
import { aborted, follow, only, promptMs, soon, until } from './tools.js';
import { forEachStore, shortTtlMs } from './world.js';

/**
 * Loses all answers from now on. The result waits until something was lost: only then nothing can follow on that
 * connection any more, while what a store has done can be seen in it before its answer is on the way.
 */
function loseAnswers(proxy: FaultProxy): () => Promise<unknown> {
  const before = proxy.swallowed;
  proxy.dropToClient();
  return () => until('a lost answer', () => proxy.swallowed > before);
}

await forEachStore((world) => {
  const lock = () => `${world.path}/lock`;

  test('a join whose answer is lost ends with one ticket, and holds by it', async () => {
    const { client, proxy } = await world.proxied();
    await client.session();
    const lost = loseAnswers(proxy);
    const acquiring = follow(new Mutex(client, lock()).acquire());
    const [ticket] = await world.keysOnce(1, lock());
    expect(acquiring.outcome).toBe('pending');
    await lost();
    proxy.heal();
    const hold = await soon('the acquisition', acquiring.done);
    expect(hold.key).toBe(ticket);
    expect(hold.isHeld()).toBe(true);
    const { entries } = await world.admin.store.read({ prefix: `${lock()}/` });
    expect(only(entries)).toMatchObject({ key: hold.key, created: hold.token });
    expect(await hold.release()).toBe(true);
    expect(await world.keys(lock())).toEqual([]);
  });

  test('a waiter whose join was answered into the void keeps the place that the store gave it', async () => {
    const hold = await new Mutex(world.client(), lock()).acquire();
    const { client, proxy } = await world.proxied();
    await client.session();
    const lost = loseAnswers(proxy);
    const early = follow(new Mutex(client, lock()).acquire());
    await world.keysOnce(2, lock());
    const late = follow(new Mutex(world.client(), lock()).acquire());
    const line = await world.keysOnce(3, lock());
    await lost();
    proxy.heal();
    await hold.release();
    const next = await soon('the handoff', early.done);
    expect(next.key).toBe(line[1]);
    expect(late.outcome).toBe('pending');
    await next.release();
    await soon('the handoff', late.done);
  });

  test('a join given up while its answer is lost leaves no ticket', async () => {
    const { client, proxy } = await world.proxied();
    await client.session();
    const lost = loseAnswers(proxy);
    const acquiring = follow(new Mutex(client, lock()).acquire({ timeoutMs: 300 }));
    await world.keysOnce(1, lock());
    await expect(soon('the timeout', acquiring.done)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await lost();
    proxy.heal();
    await world.keysOnce(0, lock());
    const hold = await soon('the next', new Mutex(world.client(), lock()).acquire());
    expect(await world.keys(lock())).toEqual([hold.key]);
  });

  test('a release whose answer is lost is a release', async () => {
    const { client, proxy } = await world.proxied();
    const hold = await new Mutex(client, lock()).acquire();
    const lost = loseAnswers(proxy);
    const releasing = follow(hold.release());
    await world.keysOnce(0, lock());
    const next = await new Mutex(world.client(), lock()).acquire();
    await lost();
    proxy.heal();
    expect(await soon('the release', releasing.done)).toBe(true);
    expect(next.isHeld()).toBe(true);
    expect(await world.keys(lock())).toEqual([next.key]);
  });

  test('a fenced write whose answer is lost is reported as unknown, never as refused', async () => {
    const { client, proxy } = await world.proxied();
    const hold = await new Mutex(client, lock()).acquire();
    const state = `${world.path}/state`;
    const lost = loseAnswers(proxy);
    const writing = follow(hold.commit([put(state, '1')]));
    await until('the write', async () => (await world.admin.store.read({ key: state })).entries.length === 1);
    await lost();
    proxy.heal();
    await expect(soon('the outcome', writing.done)).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(hold.isHeld()).toBe(true);
    await hold.commit([{ kind: 'delete', range: { key: state } }]);
  });

  test('an aborted waiter behind a dead connection is let go, and its ticket goes once there is a way', async () => {
    const hold = await new Mutex(world.client(), lock()).acquire();
    const { client, proxy } = await world.proxied();
    const controller = new AbortController();
    const waiting = follow(new Mutex(client, lock()).acquire({ signal: controller.signal }));
    await world.keysOnce(2, lock());
    proxy.dropAll();
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    await expect(soon('the rejection', waiting.done)).rejects.toBe(reason);
    proxy.heal();
    expect(await world.keysOnce(1, lock())).toEqual([hold.key]);
  });

  test('a holder that is cut off is told before another one holds, who does so soon after the end of the lease', async () => {
    world.leavesLeases();
    const { client, proxy } = await world.proxied({ ttlMs: shortTtlMs });
    const cutOff = await new Mutex(client, lock()).acquire();
    const order: string[] = [];
    const told = aborted(cutOff.signal).then(() => {
      order.push('told');
      return performance.now();
    });
    const waiting = new Mutex(world.client(), lock()).acquire().then((hold) => {
      order.push(`held, the other ${cutOff.isHeld() ? 'holds too' : 'does not'}`);
      return { hold, at: performance.now() };
    });
    await world.keysOnce(2, lock());
    proxy.dropAll();
    const cutAt = performance.now();
    const { hold, at } = await soon('the handoff', waiting, world.expiryMs(shortTtlMs));
    expect(order).toEqual(['told', 'held, the other does not']);
    expect(await told).toBeLessThan(at);
    expect(at - cutAt).toBeLessThan(world.expiryMs(shortTtlMs));
    expect(cutOff.signal.reason).toMatchObject({ code: 'SESSION_LOST' });
    expect(hold.token).toBeGreaterThan(cutOff.token);
    expect(await cutOff.release()).toBe(false);
    await expect(cutOff.commit([put(lock(), 'stale')])).rejects.toMatchObject({ code: 'SESSION_LOST' });
    proxy.heal();
    expect(await world.keysOnce(1, lock())).toEqual([hold.key]);
  });

  test('a waiter that is cut off past its TTL lines up again when it can, behind the same promise', async () => {
    world.leavesLeases();
    const hold = await new Mutex(world.client(), lock()).acquire();
    const { client, proxy } = await world.proxied({ ttlMs: shortTtlMs });
    const waiting = follow(new Mutex(client, lock()).acquire());
    const [, first] = await world.keysOnce(2, lock());
    const session = await client.session();
    proxy.dropAll();
    await soon('the loss', aborted(session.signal), shortTtlMs + promptMs);
    await until('the first ticket gone', async () => (await world.keys(lock())).length === 1);
    expect(waiting.outcome).toBe('pending');
    proxy.heal();
    const [, second] = await world.keysOnce(2, lock());
    expect(second).not.toBe(first);
    await hold.release();
    expect((await soon('the handoff', waiting.done)).key).toBe(second);
  });

  test('a short cut of the connection costs a holder and a waiter nothing', async () => {
    const [first, second] = [await world.proxied(), await world.proxied()];
    const hold = await new Mutex(first.client, lock()).acquire();
    const waiting = follow(new Mutex(second.client, lock()).acquire());
    const line = await world.keysOnce(2, lock());
    for (const { proxy } of [first, second]) proxy.cut();
    expect(await first.client.session().then((session) => session.verify())).toBe(true);
    expect(hold.isHeld()).toBe(true);
    expect(waiting.outcome).toBe('pending');
    expect(await world.keys(lock())).toEqual(line);
    expect(await hold.release()).toBe(true);
    expect((await soon('the handoff', waiting.done)).key).toBe(line[1]);
  });

  test('a handoff while the waiter is cut off is noticed when it is back', async () => {
    const hold = await new Mutex(world.client(), lock()).acquire();
    const { client, proxy } = await world.proxied();
    const waiting = follow(new Mutex(client, lock()).acquire());
    await world.keysOnce(2, lock());
    proxy.refuse();
    proxy.cut();
    await hold.release();
    expect(waiting.outcome).toBe('pending');
    proxy.heal();
    const next = await soon('the handoff', waiting.done);
    expect(next.isHeld()).toBe(true);
  });

  test('closing a client that is cut off ends its holds, and takes no longer than its leases live', async () => {
    world.leavesLeases();
    const { client, proxy } = await world.proxied({ ttlMs: shortTtlMs });
    const hold = await new Mutex(client, lock()).acquire();
    proxy.dropAll();
    const closing = client.close();
    await aborted(hold.signal);
    expect(hold.isHeld()).toBe(false);
    expect(hold.signal.reason).toMatchObject({ code: 'SESSION_CLOSED' });
    // The lease was renewed before the close, so it is over a TTL after; the rest is for a busy machine.
    await soon('the end', closing, shortTtlMs + 1_000);
  });
});
