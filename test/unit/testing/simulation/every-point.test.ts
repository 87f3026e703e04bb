import { Mutex, put } from 'coterie';
import { everyPoint, type Trial, Violation } from 'coterie/testing';
import { describe, expect, test } from 'vitest';

/** Takes a lock that is free; afterwards another can have it. */
const freeLock: Trial = async (world, attempt) => {
  const [node, other] = [world.node(), world.node()];
  const ended = await attempt(node, (limits) => new Mutex(node.client, '/locks/a').acquire(limits));
  if ('value' in ended) await ended.value.release();
  const hold = await new Mutex(other.client, '/locks/a').acquire({ timeoutMs: 60_000 });
  await hold.release();
};

describe('every point of an operation', () => {
  test.each(['etcd', 'consul'] as const)(
    'a free lock on %s: aborted at each await, failed at each call',
    async (store) => {
      const { points, ended } = await everyPoint(freeLock, { store });
      // It grants a lease and puts a ticket: two calls, and at least some ten awaits.
      expect(points.refuse).toBeGreaterThanOrEqual(2);
      expect(points.loseAnswer).toBeGreaterThanOrEqual(2);
      expect(points.abort).toBeGreaterThan(10);
      expect(ended['aborted']).toBeGreaterThan(5);
    },
  );

  test('what leaves something behind when it is aborted is found, with the point', async () => {
    const careless: Trial = async (world, attempt) => {
      const node = world.node();
      await attempt(node, async ({ signal }) => {
        const { id } = await node.client.store.grant(10_000);
        node.clock.after(100_000_000, () => {});
        signal.throwIfAborted();
        await node.client.store.revoke(id);
      });
    };
    await expect(everyPoint(careless, { harms: ['abort'] })).rejects.toThrow(/S2: abort@0/);
  });

  test('a write that is made again after its answer was lost is found', async () => {
    const twice: Trial = async (world, attempt) => {
      const node = world.node();
      const add = async (): Promise<void> => {
        const { entries } = await node.client.store.read({ key: '/count' });
        const count = Number(Buffer.from(entries[0]?.value ?? []).toString());
        await node.client.store.commit([], [put('/count', String(count + 1))]);
      };
      // Later: the connection is gone with the answer.
      const again = (): Promise<void> => world.sleep(1_000).then(add);
      await attempt(node, () => add().catch(again));
      if (world.truth.log.length > 1) throw new Violation('C1', 'one addition was counted twice');
    };
    await expect(everyPoint(twice)).rejects.toThrow(/C1: loseAnswer@1/);
  });

  test.each([
    [{ mostPoints: 0 }, 'INVALID_OPTION'],
    [{ harms: ['bite'] }, 'INVALID_OPTION'],
    [{ store: 'redis' }, 'INVALID_OPTION'],
    [{ points: 1 }, 'UNKNOWN_OPTION'],
  ])('refuses %j', async (options, code) => {
    await expect(everyPoint(freeLock, options as never)).rejects.toMatchObject({ code });
  });
});
