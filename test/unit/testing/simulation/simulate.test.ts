import { Mutex, put } from 'coterie';
import { type FaultName, faultNames, runSeed, type Scenario, simulate, timelineOf, Violation } from 'coterie/testing';
import { describe, expect, test } from 'vitest';
import { randomOrder } from '../../../../src/testing/simulation/order.js';
import { SeededRandom } from '../../../../src/testing/simulation/seeded-random.js';

/** Processes that take turns on a lock, until they are told to end. */
const turns: Scenario = async (world) => {
  world.run(3, async (node) => {
    while (node.running) {
      const hold = await new Mutex(node.client, '/locks/a').acquire().catch(() => undefined);
      await new Promise<void>((resolve) => void node.clock.after(node.random.between(1, 500), resolve));
      // Where the store is another one, nothing can be given back to it.
      await hold?.release().catch(() => {});
    }
  });
  await world.chaos();
};

const short = { durationMs: 8_000 };

describe('a seed decides everything', () => {
  test('the same seed takes the same course, another one another, in every order and on every store', async () => {
    for (const store of ['etcd', 'consul'] as const) {
      for (const order of ['fifo', 'random', 'pct'] as const) {
        const run = async (seed: number) => runSeed(turns, seed, { ...short, store, order });
        const [once, again, other] = [await run(1), await run(1), await run(2)];
        expect(once.failure).toBeUndefined();
        expect(again.hash).toBe(once.hash);
        expect(other.hash).not.toBe(once.hash);
      }
    }
  });

  test('a scenario that depends on something else is found out', async () => {
    let runs = 0;
    const fickle: Scenario = async (world) => {
      await world.sleep(++runs);
    };
    await expect(simulate(fickle, { seed: 0 })).rejects.toMatchObject({ invariant: 'determinism', seed: 0 });
  });

  test('a fork of a source of random numbers does not depend on what is drawn from others', () => {
    const [one, two] = [new SeededRandom(7), new SeededRandom(7)];
    const first = one.fork('a');
    first.next();
    expect(one.fork('b').next()).toBe(two.fork('b').next());
    expect(one.next()).toBe(two.next());
  });
});

describe('what is broken is found, and named', () => {
  const cases: readonly [string, string, Scenario][] = [
    [
      'an invariant that does not hold',
      'M9',
      async (world) => {
        world.invariant('M9', () => (world.truth.get('/a') === undefined ? undefined : 'there is an a'));
        await world.client().store.commit([], [put('/a', '')]);
        await world.sleep(1);
      },
    ],
    [
      'a promise that is never settled',
      'L0',
      async (world) => {
        world.run(1, () => new Promise(() => {}));
        await world.chaos();
      },
    ],
    ['a scenario that nothing can go on with', 'L0', () => new Promise(() => {})],
    [
      'a rejection that nobody handles',
      'S2',
      async (world) => {
        void Promise.reject(new Error('nobody cares'));
        await world.sleep(1);
      },
    ],
    [
      'a timer that is left',
      'S2',
      async (world) => {
        world.node().clock.after(10_000_000, () => {});
      },
    ],
    [
      'a key that is left under a lease that somebody keeps alive',
      'S1',
      async (world) => {
        world.service.cluster.run('grant', { lease: 'ffff', ttlMs: 10_000_000 });
        world.service.cluster.run('commit', { guards: [], ops: [put('/left', '', 'ffff')], otherwise: [] });
      },
    ],
    [
      'a program that throws',
      'error',
      async (world) => {
        world.run(1, async () => {
          throw new TypeError('a bug');
        });
        await world.chaos();
      },
    ],
    [
      'a belief that the store does not share',
      'M4',
      async (world) => {
        const node = world.node();
        const hold = await new Mutex(node.client, '/locks/a').acquire();
        world.beliefs.add(node, hold, { invariant: 'M4', resource: 'a' });
        world.service.cluster.deleteKey(hold.key);
        await world.sleep(1);
      },
    ],
  ];

  test.each(cases)('%s', async (_what, invariant, scenario) => {
    const { failure } = await runSeed(scenario, 0, { faults: [] });
    expect(failure?.invariant).toBe(invariant);
  });

  test('with the seed, and no more faults than it takes', async () => {
    const fragile: Scenario = async (world) => {
      const nodes = world.run(2, async (node) => {
        while (node.running) await new Promise<void>((resolve) => void node.clock.after(100, resolve));
      });
      world.invariant('X1', () => {
        const [one, two] = nodes;
        return one?.clock.frozen && two?.clock.frozen ? 'both stand still' : undefined;
      });
      await world.chaos();
    };
    const found = simulate(fragile, { faults: ['pause', 'delay', 'compact', 'breakStreams'] });
    const error = await found.then(
      () => expect.fail('nothing was found'),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: 'SimulationError', invariant: 'X1' });
    const { strikes, seed, message, events } = error as {
      strikes: { fault: string }[];
      seed: number;
      message: string;
      events: unknown[];
    };
    expect(strikes.map(({ fault }) => fault)).toEqual(['pause', 'pause']);
    expect(message).toContain(`{ seed: ${seed} }`);
    expect(events.length).toBeGreaterThan(0);
    await expect(simulate(fragile, { seed, faults: ['pause', 'delay', 'compact', 'breakStreams'] })).rejects.toThrow(
      'X1',
    );
  });
});

describe('orders', () => {
  /** Goes wrong only where four things that are due at once happen in exactly one of 24 orders. */
  const race: Scenario = async (world) => {
    let course = '';
    world.run(4, async (node) => {
      await new Promise<void>((resolve) => void node.clock.after(100, resolve));
      course += node.name;
      if (course === 'n4n3n2n1') throw new Violation('R1', 'the one bad order');
    });
    await world.chaos();
  };

  async function found(order: 'fifo' | 'pct'): Promise<number> {
    let count = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { failure } = await runSeed(race, seed, { order, faults: [], durationMs: 1_000, drift: 0 });
      if (failure?.invariant === 'R1') count++;
    }
    return count;
  }

  test('by priority, a bad order is found that the order of arming never shows', async () => {
    expect(await found('fifo')).toBe(0);
    expect(await found('pct')).toBeGreaterThan(2);
  });

  test('at random, each of several that are due at once is the first at times', () => {
    const order = randomOrder(new SeededRandom(3));
    const due = [1, 2, 3].map((owner) => ({ owner, dueMs: 0, order: owner, run: undefined }));
    expect(new Set(Array.from({ length: 50 }, () => order.choose(due)))).toEqual(new Set([0, 1, 2]));
  });
});

test.each(faultNames)('the fault %s strikes, and a lock survives it', async (fault) => {
  const struck = new Set<FaultName>();
  for (let seed = 0; seed < 40 && !struck.has(fault); seed++) {
    const outcome = await runSeed(turns, seed, { faults: [fault], durationMs: 20_000 });
    expect(outcome.failure).toBeUndefined();
    for (const name of outcome.struck.keys()) struck.add(name);
  }
  expect([...struck]).toEqual([fault]);
});

test('a timeline shows what happened as text, whatever is in it', () => {
  const events = [
    { atMs: 1, owner: 0, kind: 'put', text: '/a<script>' },
    { atMs: 900, owner: 2, kind: 'fault', text: 'pause for 3 ms' },
  ];
  const page = timelineOf(events, { title: 'a & b', lines: ['"broken"'] });
  expect(page).not.toContain('<script>');
  expect(page).toContain('&#60;script&#62;');
  expect(page).toContain('a &#38; b');
  expect(page).toMatch(/fault pause for 3 ms/);
});

test.each([
  [{ seeds: -1 }, 'INVALID_OPTION'],
  [{ seed: 0.5 }, 'INVALID_OPTION'],
  [{ faults: ['earthquake'] }, 'INVALID_OPTION'],
  [{ store: 'redis' }, 'INVALID_OPTION'],
  [{ order: 'lifo' }, 'INVALID_OPTION'],
  [{ durationMs: -5 }, 'INVALID_OPTION'],
  [{ drift: 2 }, 'INVALID_OPTION'],
  [{ seads: 1 }, 'UNKNOWN_OPTION'],
])('refuses %j', async (options, code) => {
  await expect(simulate(turns, options as never)).rejects.toMatchObject({ code });
});
