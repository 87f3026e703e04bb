import { type Permits, Semaphore } from 'coterie';
import { expect } from 'vitest';
import type { Suite, SuiteWorld } from './suite.js';

const lineOf = (world: SuiteWorld) => world.keys(`${world.path}/line`);

const inLine = (world: SuiteWorld, count: number) =>
  world.until(`${count} in line`, async () => (await lineOf(world)).length === count);

/** What has become of a promise by now, for a test that must not wait for it. */
function outcomeOf(promise: Promise<Permits>): { hold?: Permits; error?: unknown } {
  const outcome: { hold?: Permits; error?: unknown } = {};
  promise.then(
    (hold) => {
      outcome.hold = hold;
    },
    (error: unknown) => {
      outcome.error = error;
    },
  );
  return outcome;
}

const open = (world: SuiteWorld, permits?: number) => new Semaphore(world.client(), world.path, { permits });

export const semaphoreSuite: Suite = (test) => {
  test('semaphore: as many as there are permits hold at once, and one that wants many is not overtaken', async (world) => {
    const [a, b, c, d] = [open(world, 4), open(world, 4), open(world, 4), open(world, 4)];
    const [one, two] = [await a.acquire(), await b.acquire(2)];
    expect([await a.available(), await a.limit()]).toEqual([1, 4]);
    const many = c.acquire(3);
    const waiting = outcomeOf(many);
    await inLine(world, 3);
    // There is room for one more, but somebody waits who was here before.
    const last = outcomeOf(d.acquire(1));
    await inLine(world, 4);
    expect(await d.tryAcquire()).toBeUndefined();
    expect((await a.holders()).map(({ permits }) => permits)).toEqual([1, 2]);
    expect((await a.waiters()).map(({ permits }) => permits)).toEqual([3, 1]);
    await one.release();
    await world.sleep(50);
    expect([waiting.hold, last.hold]).toEqual([undefined, undefined]);
    await two.release();
    const hold = await many;
    expect(hold.permits).toBe(3);
    const next = await world.until('the last one is served beside it', () => last.hold);
    expect(next.token).toBeGreaterThan(hold.token);
    expect(await a.available()).toBe(0);
    expect([await hold.release(), await next.release()]).toEqual([true, true]);
    expect(await a.available()).toBe(4);
  });

  test('semaphore: a limit that grows lets in who waits; one that shrinks lets nobody in before enough have left', async (world) => {
    const [a, b] = [open(world, 2), open(world)];
    const holds = [await a.acquire(), await a.acquire()];
    const waiting: ReturnType<typeof outcomeOf>[] = [];
    for (const count of [3, 4, 5]) {
      waiting.push(outcomeOf(b.acquire()));
      await inLine(world, count);
    }
    await b.resize(4);
    await world.until('two more', () => waiting.filter(({ hold }) => hold !== undefined).length === 2);
    expect(await a.limit()).toBe(4);
    await a.resize(1);
    for (const hold of [...holds, waiting[0]?.hold]) {
      await hold?.release();
      await world.sleep(30);
      expect(waiting[2]?.hold).toBeUndefined();
    }
    await waiting[1]?.hold?.release();
    const last = await world.until('the last one', () => waiting[2]?.hold);
    expect(await a.available()).toBe(0);
    await last.release();
  });

  test('semaphore: those who do not agree on the limit are refused, and leave nothing behind', async (world) => {
    const hold = await open(world, 3).acquire();
    await expect(open(world, 4).acquire()).rejects.toMatchObject({ code: 'LIMIT_MISMATCH' });
    await expect(open(world, 4).tryAcquire()).rejects.toMatchObject({ code: 'LIMIT_MISMATCH' });
    expect(await lineOf(world)).toEqual([hold.key]);
    const free = open(world);
    expect(await free.limit()).toBe(3);
    await free.resize(5);
    // The first limit counts as well as the present one; another still does not.
    const more = [await open(world, 3).acquire(), await open(world, 5).acquire()];
    await expect(open(world, 4).acquire()).rejects.toMatchObject({ code: 'LIMIT_MISMATCH' });
    await expect(open(world, 5).acquire(6)).rejects.toMatchObject({ code: 'INVALID_OPTION', field: 'permits' });
    await Promise.all([hold, ...more].map((one) => one.release()));
    expect(await lineOf(world)).toEqual([]);
  });

  test('semaphore: the permits of a crashed holder come back when its lease has run out', async (world) => {
    const { shortTtlMs, path } = world;
    const crashing = world.client({ ttlMs: shortTtlMs });
    await new Semaphore(crashing, path, { permits: 3 }).acquire(2);
    const [b, c] = [open(world), open(world)];
    const waiting = [b.acquire(2), c.acquire(1)];
    await inLine(world, 3);
    await world.crash(crashing);
    for (const hold of await Promise.all(waiting)) await hold.release();
  });

  test('semaphore: two whose names begin alike do not mix', async (world) => {
    const [one, other] = world.clients(2);
    if (one === undefined || other === undefined) throw new Error('no clients');
    const hold = await new Semaphore(one, `${world.path}/foo`, { permits: 1 }).acquire();
    const beside = await new Semaphore(other, `${world.path}/foobar`, { permits: 2 }).acquire(2);
    expect(await new Semaphore(other, `${world.path}/foo`).available()).toBe(0);
    await Promise.all([hold.release(), beside.release()]);
    expect(await new Semaphore(other, `${world.path}/foo`).available()).toBe(1);
  });

  test('semaphore: a line of many is served one after the other, all by one client', async (world) => {
    const semaphore = open(world, 2);
    let inside = 0;
    let most = 0;
    const all = Array.from({ length: 24 }, async () => {
      await semaphore.run(async () => {
        most = Math.max(most, ++inside);
        await world.sleep(2);
        inside--;
      });
    });
    await Promise.all(all);
    expect(most).toBeLessThanOrEqual(2);
    expect(await lineOf(world)).toEqual([]);
  });
};
