import { CoordinationError, Mutex, put } from 'coterie';
import {
  everyPoint,
  type Limits,
  type SimulatedNode,
  type SimulatedWorld,
  type Trial,
  Violation,
} from 'coterie/testing';
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

  test.each<[string, RegExp, (node: SimulatedNode, limits: Limits, world: SimulatedWorld) => Promise<unknown>]>([
    [
      'a listener is left on its signal',
      /S2: abort@0: S2: 1 listeners/,
      async (_, { signal }) => signal.addEventListener('abort', () => {}),
    ],
    [
      'a timer of its timeout is left',
      /S2: abort@0: S2: 1 timers/,
      async ({ clock }, { timeoutMs }) => clock.after(timeoutMs, () => {}),
    ],
    [
      'it ends with an error of its own when it is aborted',
      /P1: abort@0: P1: .*TIMEOUT/,
      async (_, { signal }) => {
        if (signal.aborted) throw new CoordinationError('TIMEOUT', 'Enough.');
      },
    ],
    [
      'it does not heed its signal',
      /L0: abort@0: L0: .*10000 ms after/,
      (_node, _limits, world) => world.sleep(60_000),
    ],
    ['it does not end', /L0: abort@0: L0: /, () => new Promise(() => {})],
    [
      'what goes wrong in the background is not caught',
      /S2: refuse@0: S2: unhandled rejection/,
      async ({ client }) => void client.store.read({ key: '/a' }),
    ],
  ])('found: %s', async (_, message, operation) => {
    const trial: Trial = async (world, attempt) => {
      const node = world.node();
      await attempt(node, (limits) => operation(node, limits, world));
    };
    await expect(everyPoint(trial)).rejects.toThrow(message);
  });

  test('a watch that breaks under any of its messages is gone on with; the operation sees all the same', async () => {
    const seen: Trial = async (world, attempt) => {
      const [node, other] = [world.node(), world.node()];
      world.start(
        other,
        'write',
        world.sleep(1_000).then(() => other.client.store.commit([], [put('/a', 'b')])),
      );
      const ended = await attempt(node, async ({ signal }) => {
        for await (const batch of node.client.store.watch({ key: '/a' }, { signal })) {
          if (batch.kind === 'changes' || batch.entries.length > 0) return batch.kind;
        }
        return 'end';
      });
      if ('value' in ended && ended.value === 'end') throw new Violation('W1', 'the watch has ended');
    };
    const { points } = await everyPoint(seen, { harms: ['break'] });
    expect(points.break).toBeGreaterThanOrEqual(3);
  });

  test('with pairs, a call of the clean-up fails too', async () => {
    const once: Trial = async (world, attempt) => {
      const node = world.node();
      await attempt(node, async ({ signal }) => {
        const { id } = await node.client.store.grant(10_000);
        try {
          await node.client.store.read({ key: '/a' }, { signal });
        } finally {
          await node.client.store.revoke(id).catch(() => node.clock.after(100_000_000, () => {}));
        }
      });
    };
    await expect(everyPoint(once, { harms: ['abort'] })).resolves.toMatchObject({ pairs: 0 });
    await expect(everyPoint(once, { harms: ['abort'], pairs: true })).rejects.toThrow(
      /S2: abort@\d+,refuse@\d: S2: 1 timers/,
    );
  });

  test('just the point that a violation names is run again', async () => {
    const { points, ended } = await everyPoint(freeLock, { only: [{ harm: 'abort', at: 3 }] });
    expect(points.abort).toBe(0);
    expect(ended).toEqual({ aborted: 1 });
  });

  test.each([
    [{ mostPoints: 0 }, 'INVALID_OPTION'],
    [{ harms: ['bite'] }, 'INVALID_OPTION'],
    [{ store: 'redis' }, 'INVALID_OPTION'],
    [{ points: 1 }, 'UNKNOWN_OPTION'],
    [{ only: [{ harm: 'bite', at: 0 }] }, 'INVALID_OPTION'],
    [{ only: [{ harm: 'abort', at: -1 }] }, 'INVALID_OPTION'],
  ])('refuses %j', async (options, code) => {
    await expect(everyPoint(freeLock, options as never)).rejects.toMatchObject({ code });
  });
});
