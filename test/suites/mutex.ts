import { Mutex } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a mutex promises on every store. The waiting line itself has tests of its own. */
export const mutexSuite: Suite = (test) => {
  test('mutex: tasks of one client are let in one at a time, each once (TestMutexLockSingleNode)', async (world) => {
    const client = world.client();
    const served: number[] = [];
    let inside = 0;
    const tasks = Array.from({ length: 5 }, (_, n) =>
      new Mutex(client, world.path).run(async () => {
        expect(++inside).toBe(1);
        served.push(n);
        await world.sleep(2);
        inside--;
      }),
    );
    await Promise.all(tasks);
    expect(served.sort()).toEqual([0, 1, 2, 3, 4]);
    expect(await world.keys()).toEqual([]);
  });

  test('mutex: what a crashed holder held goes to the next in line when its lease has run out', async (world) => {
    const { shortTtlMs, path } = world;
    const [first, second] = [world.client({ ttlMs: shortTtlMs }), world.client()];
    const hold = await new Mutex(first, path).acquire();
    const waiting = new Mutex(second, path).acquire();
    await world.until('both in line', async () => (await world.keys()).length === 2);
    await world.crash(first);
    const next = await waiting;
    expect(next.token).toBeGreaterThan(hold.token);
    expect(await world.keys()).toEqual([next.key]);
    expect(await next.release()).toBe(true);
  });
};
