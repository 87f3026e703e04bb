import { Barrier, put, remove } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a barrier promises on every store. */
export const barrierSuite: Suite = (test) => {
  test('barrier: everybody waits while it is held, and passes when it is released (TestBarrierMultiNode)', async (world) => {
    const [holder, ...others] = world.clients(4).map((client) => new Barrier(client, world.path));
    expect(await holder?.hold()).toBe(true);
    expect(await others[0]?.hold()).toBe(false);
    let passed = 0;
    const waits = others.map((barrier) => barrier.wait().then(() => passed++));
    expect(await others[1]?.isHeld()).toBe(true);
    expect(passed).toBe(0);
    expect(await others[2]?.release()).toBe(true);
    await Promise.all(waits);
    expect(await holder?.release()).toBe(false);
    expect(await holder?.isHeld()).toBe(false);
  });

  test('barrier: waiters of one client pass together (TestBarrierSingleNode)', async (world) => {
    const client = world.client();
    await new Barrier(client, world.path).hold();
    let passed = 0;
    const waits = Array.from({ length: 5 }, () => new Barrier(client, world.path).wait().then(() => passed++));
    await world.sleep(50);
    expect(passed).toBe(0);
    await new Barrier(client, world.path).release();
    await Promise.all(waits);
  });

  test('barrier: one that was never held lets pass, whatever lies beside it or below (TestBarrierWaitNonexistentKey)', async (world) => {
    const { admin, path } = world;
    await admin.commit([], [put(`${path}/foobar`, ''), put(`${path}/foo/bar`, ''), put(`${path}/fo`, '')]);
    await new Barrier(world.client(), `${path}/foo`).wait();
  });

  test('barrier: one without a lease outlives its holder, one with a lease falls with it', async (world) => {
    const { path, shortTtlMs } = world;
    const holder = world.client({ ttlMs: shortTtlMs });
    const [durable, leased] = [`${path}/durable`, `${path}/leased`];
    await new Barrier(holder, durable).hold();
    await new Barrier(holder, leased, { leased: true }).hold();
    const other = world.client();
    await world.crash(holder);
    await new Barrier(other, leased).wait();
    expect(await new Barrier(other, durable).isHeld()).toBe(true);
    await new Barrier(other, durable).release();
  });

  test('barrier: any program holds and releases it by putting and deleting its key', async (world) => {
    const { admin, path } = world;
    await admin.commit([], [put(path, '')]);
    const barrier = new Barrier(world.client(), path);
    expect(await barrier.isHeld()).toBe(true);
    const waiting = barrier.wait();
    await admin.commit([], [remove(path)]);
    await waiting;
  });
};
