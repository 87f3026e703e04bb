import { type Client, MultiMutex, Mutex, remove } from 'coterie';
import { expect } from 'vitest';
import type { Suite, SuiteWorld } from './suite.js';

const pathsOf = (world: SuiteWorld, ...names: string[]) => names.map((name) => `${world.path}/${name}`);

const inLine = (world: SuiteWorld, count: number) =>
  world.until(`${count} in line`, async () => (await world.keys()).length === count);

export const multiMutexSuite: Suite = (test) => {
  test('multi mutex: all are taken at once, each is a mutex to others, and all are given back at once', async (world) => {
    const [a, b] = world.clients(2) as [Client, Client];
    const paths = pathsOf(world, 'x', 'y', 'z');
    const hold = await new MultiMutex(a, paths).acquire();
    expect(await world.keys()).toHaveLength(3);
    expect([...hold.tokens.keys()]).toEqual(paths);
    const waiting = paths.map((path) => new Mutex(b, path).acquire());
    await inLine(world, 6);
    expect(await new MultiMutex(b, paths).tryAcquire()).toBeUndefined();
    expect(await hold.release()).toBe(true);
    for (const [at, next] of (await Promise.all(waiting)).entries()) {
      expect(next.token).toBeGreaterThan(hold.tokens.get(paths[at] ?? '') ?? 0n);
      await next.release();
    }
  });

  test('multi mutex: nothing is held before all are, and one that is busy holds up the others', async (world) => {
    const [a, b, c] = world.clients(3) as [Client, Client, Client];
    const [x = '', y = ''] = pathsOf(world, 'x', 'y');
    const hold = await new Mutex(a, y).acquire();
    let held = false;
    const both = new MultiMutex(b, [y, x]).acquire().then((all) => {
      held = true;
      return all;
    });
    await inLine(world, 3);
    const last = new Mutex(c, x).acquire();
    await inLine(world, 4);
    await world.sleep(50);
    expect(held).toBe(false);
    await hold.release();
    const all = await both;
    expect(all.isHeld()).toBe(true);
    await all.release();
    await (await last).release();
  });

  test('multi mutex: one ticket that an operator deletes takes the hold with it, and frees the others', async (world) => {
    const [a, b] = world.clients(2) as [Client, Client];
    const paths = pathsOf(world, 'x', 'y');
    const hold = await new MultiMutex(a, paths).acquire();
    await world.sleep(200);
    const [, second] = await world.keys();
    await world.admin.commit([], [remove(second ?? '')]);
    await world.until('the hold is lost', () => hold.signal.aborted);
    expect(hold.signal.reason).toMatchObject({ code: 'TICKET_LOST' });
    const next = await new MultiMutex(b, paths).acquire();
    expect(await hold.release()).toBe(false);
    expect(next.isHeld()).toBe(true);
    await next.release();
  });

  test('multi mutex: philosophers all eat, whatever order they name their forks in', async (world) => {
    const paths = pathsOf(world, '0', '1', '2', '3', '4');
    const clients = world.clients(5);
    const taken = new Set<string>();
    const meals = clients.flatMap((client, at) => {
      const forks = [paths[at] ?? '', paths[(at + 1) % 5] ?? ''];
      return [1, 2, 3].map(() =>
        new MultiMutex(client, at % 2 === 0 ? forks : forks.toReversed()).run(async () => {
          expect(forks.filter((fork) => taken.has(fork))).toEqual([]);
          for (const fork of forks) taken.add(fork);
          await world.sleep(2);
          for (const fork of forks) taken.delete(fork);
        }),
      );
    });
    await Promise.all(meals);
    expect(await world.keys()).toEqual([]);
  });

  test('multi mutex: what a crashed holder held goes to the next ones when its lease has run out', async (world) => {
    const { shortTtlMs } = world;
    const [crashing, next] = [world.client({ ttlMs: shortTtlMs }), world.client()];
    const paths = pathsOf(world, 'x', 'y');
    await new MultiMutex(crashing, paths).acquire();
    const waiting = new MultiMutex(next, paths).acquire();
    await inLine(world, 4);
    await world.crash(crashing);
    await (await waiting).release();
  });

  test('multi mutex: as many as the store takes in one commit can be held, and one more is refused', async (world) => {
    const client = world.client();
    const most = Math.floor(client.store.traits.maxOps / 3);
    const paths = pathsOf(world, ...Array.from({ length: most + 1 }, (_, n) => `${n}`));
    expect(() => new MultiMutex(client, paths)).toThrow(expect.objectContaining({ code: 'TOO_MANY_OPS' }));
    const hold = await new MultiMutex(client, paths.slice(1)).acquire();
    expect((await hold.commit([])).ok).toBe(true);
    expect(await hold.release()).toBe(true);
    expect(await world.keys()).toEqual([]);
  });
};
