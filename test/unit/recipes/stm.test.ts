import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../../src/client.js';
import { type CommitOptions, type Guard, type Op, put, remove } from '../../../src/core/store.js';
import { CoordinationError, isCoordinationError } from '../../../src/errors.js';
import { type StmOptions, stm, stmResult, type Transaction } from '../../../src/recipes/stm.js';
import type { FaultyStore } from '../../../src/testing/faulty-store.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { stmSuite } from '../../suites/stm.js';
import { onMemory } from './on-memory.js';
import { World, watched } from './world.js';

onMemory(stmSuite);

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  const { leases, timers } = await world.end();
  const leased = world.cluster.entries().filter(({ lease }) => lease !== undefined);
  expect({ leased, leases, timers }).toEqual({ leased: [], leases: 0, timers: 0 });
});

const key = '/n';
const add = async (tx: Transaction): Promise<number> => {
  const now = ((await tx.get<number>(key)) ?? 0) + 1;
  tx.put(key, now);
  return now;
};
const valueAt = (name: string): unknown => {
  const entry = world.cluster.entries().find((one) => one.key === name);
  return entry && JSON.parse(Buffer.from(entry.value).toString());
};
const write = (name: string, value: unknown) => world.cluster.store().commit([], [put(name, JSON.stringify(value))]);
const caught = <T>(promise: Promise<T>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  );
const unknownOutcome = () => new CoordinationError('UNKNOWN_OUTCOME', 'No answer came.');

async function costOf(store: FaultyStore, run: () => Promise<unknown>): Promise<number> {
  const before = store.requestCount;
  await world.run(run());
  return store.requestCount - before;
}

/** Lets `meddle` have a commit of this client before the store has it: the nth, from 0. */
function meddling(store: FaultyStore, meddle: (n: number, send: () => Promise<never>) => Promise<unknown>): void {
  const commit = store.commit.bind(store);
  let n = 0;
  store.commit = async (guards: readonly Guard[], ops: readonly Op[], options?: CommitOptions) => {
    const send = () => commit(guards, ops, options);
    // What it resolves to in place of a commit is one, or nothing: then the commit goes its way.
    return ((await meddle(n++, send as () => Promise<never>)) as Awaited<ReturnType<typeof send>>) ?? (await send());
  };
}

describe('its cost', () => {
  test('a read and a commit, each one request', async () => {
    const { client, store } = world.node();
    await client.session();
    expect(await costOf(store, () => stm(client, add))).toBe(2);
    expect(await costOf(store, () => stm(client, add))).toBe(2);
    expect(await costOf(store, () => stm(client, (tx) => tx.put('/x', 1)))).toBe(1);
  });

  test('reads that are asked for together, or beforehand, are one request', async () => {
    const { client, store } = world.node();
    await client.session();
    const together = async (tx: Transaction) => Promise.all([tx.get('/a'), tx.get('/b'), tx.range('/c/')]);
    expect(await costOf(store, () => stm(client, together))).toBe(1);
    const oneByOne = async (tx: Transaction) => [await tx.get('/a'), await tx.get('/b'), await tx.get('/a')];
    expect(await costOf(store, () => stm(client, oneByOne))).toBe(2);
    expect(await costOf(store, () => stm(client, oneByOne, { prefetch: ['/a', '/b'] }))).toBe(1);
    const more = async (tx: Transaction) => [await tx.get('/c'), ...(await oneByOne(tx))];
    expect(await costOf(store, () => stm(client, more, { prefetch: ['/a', { prefix: '/b/' }] }))).toBe(3);
  });

  test('after a conflict, one commit: what it read is known from the refusal', async () => {
    const { client, store } = world.node();
    await client.session();
    let runs = 0;
    const cost = await costOf(store, () =>
      stm(client, async (tx) => {
        const sum = ((await tx.get<number>('/a')) ?? 0) + ((await tx.get<number>('/b')) ?? 0);
        if (++runs === 1) await write('/a', 5);
        tx.put('/sum', sum);
      }),
    );
    expect([cost, valueAt('/sum')]).toEqual([4, 5]);
  });

  test('tasks of one client that all want one key have one conflict at most, not one for each that is before them', async () => {
    const { client, store } = world.node();
    await client.session();
    store.delay(10);
    const cost = await costOf(store, () => Promise.all(Array.from({ length: 30 }, () => stm(client, add))));
    expect(valueAt(key)).toBe(30);
    expect(cost).toBeLessThan(30 * 3 + 1);
    // In line, one commit each: no time but that of the commits is needed.
    expect(world.clock.now()).toBeLessThan(34 * 10);
  });

  test('one that only reads opens no session', async () => {
    const { client } = world.node();
    await stm(client, (tx) => tx.get(key));
    expect(world.cluster.leases()).toEqual([]);
  });
});

describe('where an answer is lost', () => {
  test('a commit that was made is not made again, and its function not run again', async () => {
    const { client, store } = world.node();
    await world.run(stm(client, add));
    store.dropAnswers({ verb: 'commit' });
    const { value, attempts, revision } = await world.run(stmResult(client, add));
    expect([value, attempts, valueAt(key)]).toEqual([2, 1, 2]);
    expect(world.cluster.entries().find((one) => one.key === key)?.modified).toBe(revision);
  });

  test('nor where the answer to the question whether it was made is lost, over and over', async () => {
    const { client, store } = world.node();
    store.dropAnswers({ verb: 'commit', count: 5 });
    expect(await world.run(stm(client, add))).toBe(1);
    store.dropRequests({ verb: 'commit', count: 3 });
    expect(await world.run(stm(client, add))).toBe(2);
    expect(valueAt(key)).toBe(2);
  });

  test('a commit that others would have refused is not taken for made', async () => {
    const { client, store } = world.node();
    await world.run(stm(client, add));
    meddling(store, async (n) => {
      if (n === 0) await write(key, 10);
    });
    store.dropAnswers({ verb: 'commit' });
    expect(await world.run(stm(client, add))).toBe(11);
    expect(valueAt(key)).toBe(11);
  });

  test('a commit that arrives after it was found not to have been made is refused', async () => {
    const { client, store } = world.node();
    await client.session();
    let late: (() => Promise<{ readonly ok: boolean }>) | undefined;
    meddling(store, async (n, send) => {
      if (n > 0) return;
      late = send;
      throw unknownOutcome();
    });
    // What it read is not in the way of the late one: the key is absent again by then.
    const once = await world.run(stmResult(client, async (tx) => tx.put('/log', [(await tx.get('/guard')) ?? 'none'])));
    expect(once.attempts).toBe(1);
    await world.cluster.store().commit([], [remove('/log')]);
    expect(await world.run(late?.() ?? Promise.reject(new Error('never sent')))).toMatchObject({ ok: false });
    expect(valueAt('/log')).toBeUndefined();
  });

  test('without a marker, it is said that the outcome is unknown', async () => {
    const { client, store } = world.node();
    store.dropAnswers({ verb: 'commit' });
    const error = await world.run(caught(stm(client, add, { marker: false })));
    expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(valueAt(key)).toBe(1);
    expect(await world.run(stm(client, add, { marker: false }))).toBe(2);
    expect(world.cluster.leases()).toEqual([]);
  });

  test.each([
    { timeoutMs: 300 },
    { timeoutMs: 1_500 },
    { timeoutMs: 300, marker: false as const },
    { timeoutMs: 1_500, marker: false as const },
  ])('and time is over before it is known, that is said: %j', async (options) => {
    const { client, store } = world.node();
    await client.session();
    const cutOff = async (tx: Transaction) => {
      await add(tx);
      store.partition();
    };
    expect(await world.run(caught(stm(client, cutOff, options)))).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    store.heal();
  });

  test.each([undefined, false as const])(
    'where its client is closed under it, that is said, with marker %s',
    async (marker) => {
      const { client, store } = world.node();
      await world.run(stm(client, add));
      const made = stm(client, (tx) => add(tx).then(() => store.holdAnswers()), { marker });
      const [pending, settled] = [watched(made), caught(made)];
      await settle();
      expect(pending.outcome).toBe('pending');
      await world.run(client.close());
      await world.run(settled);
      expect(pending).toMatchObject({
        outcome: 'rejected',
        error: { code: 'UNKNOWN_OUTCOME', cause: { code: 'CLOSED' } },
      });
      expect(valueAt(key)).toBe(2);
    },
  );

  test('where its session ended with it, so that the marker is gone, it is said that it is unknown', async () => {
    const { client, store } = world.node();
    const { lease } = await client.session();
    meddling(store, async (n, send) => {
      if (n > 0) return;
      await send();
      await world.cluster.store().revoke(lease);
      throw unknownOutcome();
    });
    expect(await world.run(caught(stm(client, add)))).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(valueAt(key)).toBe(1);
  });
});

describe('what goes wrong beside', () => {
  test('a marker is used again, also after answers that were lost: there are no more than commits at once', async () => {
    const { client, store } = world.node();
    meddling(store, async (n) => {
      if (n % 3 === 0) throw unknownOutcome();
    });
    for (let i = 0; i < 5; i++) {
      store.dropAnswers({ verb: 'commit', count: i % 2 });
      await world.run(stm(client, add));
    }
    expect(valueAt(key)).toBe(5);
    expect(world.keys().filter((name) => name.startsWith('/.coterie/stm/'))).toHaveLength(1);
  });

  test('repeatable-reads: one that only reads is not done with reads of different revisions', async () => {
    const { client } = world.node();
    // In the second round, an attempt before has left what it knows of the one, and not of the other.
    for (const before of [0, -1]) {
      await write('/a', 0);
      await write('/b', 0);
      let runs = before;
      const body = async (tx: Transaction): Promise<unknown> => {
        runs++;
        const a = await tx.get('/a');
        if (runs === 0) {
          await write('/a', 1);
          tx.put('/never', 1);
          return 'again';
        }
        if (runs === 1) await Promise.all([write('/a', 2), write('/b', 2)]);
        return [a, await tx.get('/b')];
      };
      expect(await world.run(stm(client, body, { isolation: 'repeatable-reads' }))).toEqual([2, 2]);
    }
    expect(valueAt('/never')).toBeUndefined();
  });

  test('serializable-snapshot: what is written blindly was not written since the first of several reads', async () => {
    const { client } = world.node();
    let runs = 0;
    await world.run(
      stm(client, async (tx) => {
        await tx.get('/a');
        if (++runs === 1) await write('/b', 'theirs');
        await tx.get('/c');
        tx.put('/b', 'mine');
      }),
    );
    expect(runs).toBe(2);
  });

  test('a session that is gone without its client knowing is replaced, and the commit made once', async () => {
    const { client } = world.node();
    await world.run(stm(client, add));
    await world.cluster.store().revoke((await client.session()).lease);
    expect(await world.run(stm(client, add))).toBe(2);
  });

  test('a marker that somebody deletes is in nobody’s way', async () => {
    const { client } = world.node();
    await world.run(stm(client, add));
    await world.cluster.store().commit([], [remove({ prefix: '/.coterie/stm/' })]);
    expect((await world.run(stmResult(client, add))).attempts).toBe(1);
    expect(valueAt(key)).toBe(2);
  });

  test('an outage is waited out, by reads and by the commit', async () => {
    const { client, store } = world.node();
    store.dropRequests({ verb: 'read', count: 3 });
    store.dropRequests({ verb: 'grant', count: 3 });
    store.dropRequests({ verb: 'commit', count: 3 });
    expect(await world.run(stmResult(client, add))).toMatchObject({ value: 1, attempts: 1 });
  });

  test('a function that catches what a torn read throws is run again all the same', async () => {
    const { client } = world.node();
    let runs = 0;
    const seen = await world.run(
      stm(client, async (tx) => {
        await tx.get('/a');
        if (++runs === 1) await write('/a', 'new');
        return await tx.get('/b').catch((error: unknown) => error);
      }),
    );
    expect([seen, runs]).toEqual([undefined, 2]);
  });

  test('a read that nobody awaits leaves no unhandled rejection, and no write behind', async () => {
    const { client, store } = world.node();
    store.dropRequests({ verb: 'read', count: 1_000 });
    const pending = watched(stm(client, async (tx) => void tx.get('/a')));
    await settle();
    expect(pending.outcome).toBe('resolved');
  });

  test('what is done with a transaction after its function has ended is refused', async () => {
    const { client } = world.node();
    let leaked: Transaction | undefined;
    await world.run(
      stm(client, (tx) => {
        leaked = tx;
      }),
    );
    expect(() => leaked?.put('/a', 1)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(() => leaked?.delete('/a')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(await caught(leaked?.get('/a') ?? Promise.resolve())).toMatchObject({ code: 'CLOSED' });
  });

  test('a value is written as it was when it was put', async () => {
    const { client } = world.node();
    const list = [1];
    const seen = await world.run(
      stm(client, async (tx) => {
        tx.put('/list', list);
        list.push(2);
        return await tx.get('/list');
      }),
    );
    expect([seen, valueAt('/list')]).toEqual([[1], [1]]);
  });

  test('transactions over the same keys in opposite orders do not wait for each other in a ring', async () => {
    const { client, store } = world.node();
    store.delay(10);
    const names = ['/a', '/b', '/c'];
    const addTo = (order: readonly string[]) =>
      stm(client, async (tx) => {
        for (const name of order) tx.put(name, ((await tx.get<number>(name)) ?? 0) + 1);
      });
    await world.run(
      Promise.all(Array.from({ length: 24 }, (_, i) => addTo(i % 2 === 0 ? names : [...names].reverse()))),
    );
    expect(names.map(valueAt)).toEqual([24, 24, 24]);
  });
});

describe('an early end', () => {
  const waits: readonly [
    what: string,
    reach: (client: Client, store: FaultyStore) => Promise<(tx: Transaction) => unknown>,
  ][] = [
    [
      'opening the session',
      async (_, store) => {
        store.dropRequests({ verb: 'grant', count: 1_000 });
        return add;
      },
    ],
    [
      'a read',
      async (_, store) => {
        store.holdRequests();
        return add;
      },
    ],
    ['the function', async () => (tx) => add(tx).then(() => new Promise(() => {}))],
    [
      'the commit',
      async (client, store) => {
        await client.session();
        return (tx) => add(tx).then(() => store.holdAnswers());
      },
    ],
    [
      'a pause between attempts',
      async (client) => {
        await client.session();
        return async (tx) => {
          await tx.get(key);
          await write(key, 7);
          tx.put('/never', 1);
        };
      },
    ],
    [
      'a turn',
      async (client) => {
        await client.session();
        void stm(
          client,
          async (tx) => {
            await tx.get(key);
            if (valueAt(key) === undefined) await write(key, 0);
            else await new Promise(() => {});
            tx.put(key, 1);
          },
          { timeoutMs: 10_000 },
        ).catch(() => {});
        await settle();
        return add;
      },
    ],
  ];

  test.each(waits)('by its signal, in %s, rejects with the reason and leaves nothing behind', async (_, reach) => {
    const { client, store } = world.node();
    const fn = await reach(client, store);
    const aborter = new AbortController();
    const pending = watched(stm(client, fn, { signal: aborter.signal }));
    await settle();
    expect(pending.outcome).toBe('pending');
    const reason = new Error('enough');
    aborter.abort(reason);
    await settle();
    expect(pending).toMatchObject({ outcome: 'rejected', error: reason });
    store.heal();
    await world.clock.advance(20_000);
    await world.run(stm(world.node().client, (tx) => tx.put('/after', 1)));
    expect(valueAt('/never')).toBeUndefined();
  });

  test('by its time, rejects with TIMEOUT where nothing can have been committed', async () => {
    const { client, store } = world.node();
    store.partition();
    expect(await world.run(caught(stm(client, add, { timeoutMs: 300 })))).toMatchObject({ code: 'TIMEOUT' });
    expect(world.clock.now()).toBe(300);
    store.heal();
    const forever = stm(client, () => new Promise(() => {}), { timeoutMs: 50 });
    expect(await world.run(caught(forever))).toMatchObject({ code: 'TIMEOUT' });
  });

  test('one that gives up its turn lets the next one in', async () => {
    const { client, store } = world.node();
    await client.session();
    store.delay(10);
    const aborter = new AbortController();
    const all = Array.from({ length: 10 }, (_, i) =>
      caught(stm(client, add, i % 2 === 0 ? {} : { signal: aborter.signal })),
    );
    await world.clock.advance(35);
    aborter.abort(new Error('enough'));
    const results = await world.run(Promise.all(all));
    expect(results.filter((one) => one === 'nothing').length).toBeGreaterThanOrEqual(5);
    await world.clock.advance(1_000);
    expect(valueAt(key)).toBeGreaterThanOrEqual(5);
    expect(await world.run(stm(client, add))).toBe(valueAt(key) as number);
  });

  test('a client that is closed refuses', async () => {
    const { client } = world.node();
    await world.run(client.close());
    expect(isCoordinationError(await caught(stm(client, add)), 'CLOSED')).toBe(true);
  });
});

describe('bad input', () => {
  const bad: readonly [unknown, string][] = [
    [{ isolation: 'snapshot' }, 'INVALID_OPTION'],
    [{ isolation: 'toString' }, 'INVALID_OPTION'],
    [{ maxRetries: -1 }, 'INVALID_OPTION'],
    [{ maxRetries: 1.5 }, 'INVALID_OPTION'],
    [{ prefetch: '/a' }, 'INVALID_OPTION'],
    [{ prefetch: [''] }, 'INVALID_KEY'],
    [{ prefetch: [{ prefix: '/a' }] }, 'INVALID_PREFIX'],
    [{ prefetch: [7] }, 'INVALID_OPTION'],
    [{ marker: '/a/' }, 'INVALID_PREFIX'],
    [{ marker: true }, 'INVALID_KEY'],
    [{ codec: {} }, 'INVALID_OPTION'],
    [{ schema: {} }, 'INVALID_OPTION'],
    [{ timeoutMs: 0 }, 'INVALID_TIMEOUT'],
    [{ retries: 3 }, 'UNKNOWN_OPTION'],
    [7, 'INVALID_OPTION'],
  ];

  test.each(bad)('options %j are refused with %s before anything is sent', async (options, code) => {
    const { client, store } = world.node();
    expect(await caught(stm(client, add, options as StmOptions))).toMatchObject({ code });
    expect(store.requestCount).toBe(0);
  });

  test('what is no function is refused', async () => {
    const { client } = world.node();
    expect(await caught(stm(client, 7 as never))).toMatchObject({ code: 'INVALID_OPTION', field: 'fn' });
  });

  const badCalls: readonly [string, (tx: Transaction) => unknown, string][] = [
    ['get("")', (tx) => tx.get(''), 'INVALID_KEY'],
    ['range("/a")', (tx) => tx.range('/a'), 'INVALID_PREFIX'],
    ['put("", 1)', (tx) => tx.put('', 1), 'INVALID_KEY'],
    ['put of undefined', (tx) => tx.put('/a', undefined), 'INVALID_VALUE'],
    ['delete("..")', (tx) => tx.delete('..'), 'INVALID_KEY'],
    ['deleteRange("/a")', (tx) => tx.deleteRange('/a'), 'INVALID_PREFIX'],
    ['a put where a range is deleted', (tx) => [tx.deleteRange('/a/'), tx.put('/a/b', 1)], 'DUPLICATE_KEY'],
    ['a bad codec', (tx) => tx.get('/a', { codec: 7 as never }), 'INVALID_OPTION'],
  ];

  test.each(badCalls)('%s rejects the transaction with its code, and nothing is written', async (_, call, code) => {
    const { client } = world.node();
    const failing = stm(client, async (tx) => {
      tx.put('/good', 1);
      await call(tx);
    });
    expect(await world.run(caught(failing))).toMatchObject({ code });
    expect(world.keys()).toEqual([]);
  });

  test('what one commit cannot hold is refused with TOO_MANY_OPS before it is sent', async () => {
    const { client, store } = world.node();
    const { maxOps } = store.traits;
    const putMany = (count: number) =>
      stm(client, (tx) => {
        for (let i = 0; i < count; i++) tx.put(`/many/${i}`, i);
      });
    expect(await caught(putMany(maxOps - 1))).toMatchObject({ code: 'TOO_MANY_OPS' });
    expect(store.requestCount).toBe(0);
    await world.run(putMany(maxOps - 2));
    expect(world.keys().filter((name) => name.startsWith('/many/'))).toHaveLength(maxOps - 2);
    const readAll = async (tx: Transaction) => {
      const { size } = await tx.range('/many/');
      tx.put('/count', size);
      tx.put('/again', size);
    };
    expect(await world.run(caught(stm(client, readAll)))).toMatchObject({ code: 'TOO_MANY_OPS' });
  });

  test('what the store holds and the schema or codec does not accept is told by its key', async () => {
    const { client } = world.node();
    await world.cluster.store().commit([], [put('/text', 'not json')]);
    expect(await world.run(caught(stm(client, (tx) => tx.get('/text'))))).toMatchObject({
      code: 'INVALID_VALUE',
      key: '/text',
    });
  });
});
