import { type Client, put, type ReadWriteHold, ReadWriteLock, remove } from 'coterie';
import { expect } from 'vitest';
import type { Suite, SuiteWorld } from './suite.js';

const inLine = (world: SuiteWorld, count: number) =>
  world.until(`${count} in line`, async () => (await world.keys()).length === count);

/** What has become of a promise by now, for a test that must not wait for it. */
function outcomeOf(promise: Promise<ReadWriteHold>): { hold?: ReadWriteHold } {
  const outcome: { hold?: ReadWriteHold } = {};
  promise.then(
    (hold) => {
      outcome.hold = hold;
    },
    () => {},
  );
  return outcome;
}

/** Several at once, of which every third writes, several times each. */
async function readersAndWriters(world: SuiteWorld, locks: readonly ReadWriteLock[]): Promise<void> {
  let readers = 0;
  let writers = 0;
  const visits = locks.flatMap((lock, at) =>
    [0, 1, 2].map(async (round) => {
      if ((at + round) % 3 === 0) {
        await lock.write(async () => {
          expect([++writers, readers]).toEqual([1, 0]);
          await world.sleep(2);
          writers--;
        });
        return;
      }
      await lock.read(async () => {
        readers++;
        expect(writers).toBe(0);
        await world.sleep(2);
        readers--;
      });
    }),
  );
  await Promise.all(visits);
  expect(await world.keys()).toEqual([]);
}

export const readWriteLockSuite: Suite = (test) => {
  const locks = (world: SuiteWorld, count: number, options = {}) =>
    world.clients(count).map((client: Client) => new ReadWriteLock(client, world.path, options));

  test('read-write lock: several tasks of one client read together and write alone (TestRWMutexSingleNode)', async (world) => {
    const client = world.client();
    await readersAndWriters(
      world,
      Array.from({ length: 5 }, () => new ReadWriteLock(client, world.path)),
    );
  });

  test('read-write lock: several clients read together and write alone (TestRWMutexMultiNode)', async (world) => {
    await readersAndWriters(world, locks(world, 5));
  });

  test('read-write lock: two whose names begin alike do not mix', async (world) => {
    const [one, other] = world.clients(2) as [Client, Client];
    const hold = await new ReadWriteLock(one, `${world.path}/foo`).acquireWrite();
    const beside = await new ReadWriteLock(other, `${world.path}/foobar`).tryAcquireWrite();
    expect(beside?.isHeld()).toBe(true);
    expect(await new ReadWriteLock(other, `${world.path}/foo`).tryAcquireRead()).toBeUndefined();
    await Promise.all([hold.release(), beside?.release()]);
  });

  test('read-write lock: readers overlap, a writer is alone, and nobody overtakes a waiting writer', async (world) => {
    const [a, b, c, d] = locks(world, 4) as [ReadWriteLock, ReadWriteLock, ReadWriteLock, ReadWriteLock];
    const readers = [await a.acquireRead(), await b.acquireRead()];
    const writing = c.acquireWrite();
    const writer = outcomeOf(writing);
    await inLine(world, 3);
    const last = outcomeOf(d.acquireRead());
    await inLine(world, 4);
    expect((await a.holders()).map(({ mode }) => mode)).toEqual(['read', 'read']);
    expect((await a.waiters()).map(({ mode }) => mode)).toEqual(['write', 'read']);
    // From the nearest to the farthest, so that the writer has to look twice.
    await readers[1]?.release();
    await world.sleep(50);
    expect([writer.hold, last.hold]).toEqual([undefined, undefined]);
    await readers[0]?.release();
    const hold = await writing;
    expect(hold.mode).toBe('write');
    await world.sleep(50);
    expect(last.hold).toBeUndefined();
    expect((await a.holders()).map(({ mode }) => mode)).toEqual(['write']);
    await hold.release();
    const reader = await world.until('the last reader is in', () => last.hold);
    expect(reader.token).toBeGreaterThan(hold.token);
    await reader.release();
  });

  test('read-write lock: a writer that becomes a reader lets waiting readers in, and no writer before them', async (world) => {
    const [a, b, c] = locks(world, 3) as [ReadWriteLock, ReadWriteLock, ReadWriteLock];
    const hold = await a.acquireWrite();
    const reading = b.acquireRead();
    await inLine(world, 2);
    const writing = outcomeOf(c.acquireWrite());
    await inLine(world, 3);
    await hold.downgrade();
    expect(hold.mode).toBe('read');
    const reader = await reading;
    expect(hold.isHeld()).toBe(true);
    expect(writing.hold).toBeUndefined();
    await hold.release();
    await reader.release();
    const writer = await world.until('the writer is in', () => writing.hold);
    await writer.release();
  });

  test('read-write lock: only a reader without others becomes a writer, and back; nobody gets in between', async (world) => {
    const [a, b, c] = locks(world, 3) as [ReadWriteLock, ReadWriteLock, ReadWriteLock];
    const [first, second] = [await a.acquireRead(), await b.acquireRead()];
    expect([await first.tryUpgrade(), await second.tryUpgrade()]).toEqual([false, false]);
    expect([first.mode, second.mode]).toEqual(['read', 'read']);
    const waiting = outcomeOf(c.acquireWrite());
    await inLine(world, 3);
    await second.release();
    expect(await first.tryUpgrade()).toBe(true);
    expect(first.mode).toBe('write');
    const reading = outcomeOf(b.acquireRead());
    await inLine(world, 3);
    await world.sleep(50);
    expect([waiting.hold, reading.hold]).toEqual([undefined, undefined]);
    // Its own rewriting is no loss to it.
    await world.sleep(150);
    expect(first.isHeld()).toBe(true);
    await first.downgrade();
    expect(await first.release()).toBe(true);
    await (await world.until('the writer is in', () => waiting.hold)).release();
    await (await world.until('the reader is in', () => reading.hold)).release();
  });

  test('read-write lock: what a crashed writer held goes to the readers when its lease has run out', async (world) => {
    const { shortTtlMs, path } = world;
    const crashing = world.client({ ttlMs: shortTtlMs });
    const hold = await new ReadWriteLock(crashing, path).acquireWrite();
    const [b, c] = locks(world, 2) as [ReadWriteLock, ReadWriteLock];
    const waiting = [b.acquireRead(), c.acquireRead()];
    await inLine(world, 3);
    await world.crash(crashing);
    for (const reader of await Promise.all(waiting)) {
      expect(reader.token).toBeGreaterThan(hold.token);
      await reader.release();
    }
  });

  test('read-write lock: a foreign ticket keeps readers out, as it may be a writer', async (world) => {
    const [a] = locks(world, 1) as [ReadWriteLock];
    await world.admin.commit([], [put(`${world.path}/foreign`, 'garbled')]);
    expect(await a.tryAcquireRead()).toBeUndefined();
    expect((await a.holders()).map(({ mode }) => mode)).toEqual(['write']);
    const reading = a.acquireRead();
    await inLine(world, 2);
    await world.admin.commit([], [remove(`${world.path}/foreign`)]);
    await (await reading).release();
  });
};
