import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameOf } from '../../../src/core/ranges.js';
import { sleep } from '../../../src/core/signals.js';
import { put } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { type MultiHold, MultiMutex } from '../../../src/recipes/multi-mutex.js';
import { Mutex } from '../../../src/recipes/mutex.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { multiMutexSuite } from '../../suites/multi-mutex.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type Node, ttlMs, World, watched } from './world.js';

onMemory(multiMutexSuite);

const paths = ['/locks/a', '/locks/b', '/locks/c'];

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const multi = (node = world.node()) => new MultiMutex(node.client, paths);

describe('cost in round trips', () => {
  test('one when all are free, and one to give them back', async () => {
    const node = world.node();
    await node.client.session();
    const before = node.store.requestCount;
    const hold = await multi(node).acquire();
    expect(node.store.requestCount - before).toBe(1);
    expect(world.keys()).toHaveLength(3);
    await hold.release();
    expect(node.store.requestCount - before).toBe(2);
    expect(world.keys()).toEqual([]);
  });

  test('to try takes one and writes nothing when one is busy, and two when all are free', async () => {
    const node = world.node();
    await node.client.session();
    const busy = await new Mutex(world.node().client, paths[1] ?? '').acquire();
    const revision = busy.token;
    const before = node.store.requestCount;
    expect(await multi(node).tryAcquire()).toBeUndefined();
    expect(node.store.requestCount - before).toBe(1);
    await busy.release();
    const hold = await multi(node).tryAcquire();
    expect(node.store.requestCount - before).toBe(3);
    // The release, and the join: nothing else was written.
    expect(hold?.token).toBe(revision + 2n);
  });

  test('with one held by another: a decision when it is its turn, and one look at all', async () => {
    const node = world.node();
    const busy = await new Mutex(world.node().client, paths[1] ?? '').acquire();
    const waiting = watched(multi(node).acquire());
    await world.clock.advance(200);
    const before = node.store.requestCount;
    await busy.release();
    await settle();
    expect(waiting.outcome).toBe('resolved');
    expect(node.store.requestCount - before).toBe(2);
  });
});

describe('the hold', () => {
  test('has a token for each path, and a guard for each ticket', async () => {
    const hold = await multi().acquire();
    expect([...hold.tokens]).toEqual(paths.map((path) => [path, hold.token]));
    expect(hold.guards.map(nameOf)).toEqual(world.keys());
    expect(hold.guards[0]).toEqual(hold.guard);
    expect(world.cluster.entries().every(({ created }) => created === hold.token)).toBe(true);
  });

  test.each([0, 1, 2])('a commit is refused where ticket %i is gone, and then it is lost', async (at) => {
    const hold = await multi().acquire();
    world.cluster.deleteKey(world.keys()[at] ?? '');
    await expect(hold.commit([put('/result', 'x')])).rejects.toMatchObject({ code: 'TICKET_LOST' });
    expect(hold.isHeld()).toBe(false);
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test.each([0, 1, 2])('ticket %i that is deleted is noticed, and the others are given back', async (at) => {
    const hold = await multi().acquire();
    await world.clock.advance(150);
    world.cluster.deleteKey(world.keys()[at] ?? '');
    await settle();
    expect(isCoordinationError(hold.signal.reason, 'TICKET_LOST')).toBe(true);
    expect(world.keys()).toEqual([]);
    expect(await hold.release()).toBe(false);
  });

  test('a release that finds one ticket gone says so, and leaves none of the others', async () => {
    const hold = await multi().acquire();
    world.cluster.deleteKey(world.keys()[2] ?? '');
    expect(await hold.release()).toBe(false);
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('run gives all back, and rejects with the loss where there was one', async () => {
    expect(await multi().run(({ tokens }) => tokens.size)).toBe(3);
    const running = multi().run(() => {
      world.cluster.deleteKey(world.keys()[1] ?? '');
    });
    await expect(running).rejects.toMatchObject({ code: 'TICKET_LOST' });
  });

  test('the session lost: the hold is lost before another one has all', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await multi(a).acquire();
    const waiting = multi(b).acquire();
    await world.clock.advance(10);
    a.store.partition();
    let lostAt = Number.NaN;
    hold.signal.addEventListener('abort', () => {
      lostAt = world.clock.now();
    });
    const next = await world.run(waiting);
    expect(lostAt).toBeLessThan(world.clock.now());
    expect(next.token).toBeGreaterThan(hold.token);
  });
});

describe('all or none', () => {
  test('whatever await an abort comes at, there is either a hold or no ticket', async () => {
    const blocker = world.node();
    for (const at of [undefined, 0, 2]) {
      for (let step = 0; step < 50; step++) {
        const node = world.node();
        await node.client.session();
        const busy = at === undefined ? undefined : await new Mutex(blocker.client, paths[at] ?? '').acquire();
        const stop = new AbortController();
        const waiting = watched(multi(node).acquire({ signal: stop.signal }));
        for (let tick = 0; tick < step; tick++) await Promise.resolve();
        stop.abort();
        await settle();
        await world.clock.advance(10);
        expect(waiting.outcome).not.toBe('pending');
        await waiting.value?.release();
        await busy?.release();
        expect(world.keys()).toEqual([]);
      }
    }
  });

  test('after a timeout no ticket is left, also where some of the lines were free', async () => {
    const busy = await new Mutex(world.node().client, paths[2] ?? '').acquire();
    const waiting = multi().acquire({ timeoutMs: 500 });
    await expect(world.run(waiting)).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(world.keys()).toEqual([busy.key]);
  });

  test.each([1, 2, 3])('with %i answers lost, there is one ticket in each line', async (count) => {
    const node = world.node();
    await node.client.session();
    node.store.dropAnswers({ verb: 'commit', count });
    const hold = await world.run(multi(node).acquire());
    expect(hold.isHeld()).toBe(true);
    expect(world.keys()).toHaveLength(3);
    node.store.dropAnswers({ verb: 'commit', count });
    expect(await world.run(hold.release())).toBe(true);
    expect(world.keys()).toEqual([]);
  });

  test('a ticket of a line that was free, deleted while another was waited for, is not held', async () => {
    const busy = await new Mutex(world.node().client, paths[2] ?? '').acquire();
    const waiting = watched(multi().acquire());
    await world.clock.advance(100);
    world.cluster.deleteKey(world.keys().find((key) => key.startsWith('/locks/a/')) ?? '');
    await busy.release();
    await settle();
    expect(isCoordinationError(waiting.error, 'TICKET_LOST')).toBe(true);
    expect(world.keys()).toEqual([]);
  });

  test('one that lost the race after its look leaves no ticket', async () => {
    const [a, b] = [world.node(), world.node()];
    await b.client.session();
    b.store.delay(20);
    const attempt = watched(multi(b).tryAcquire());
    await world.clock.advance(15);
    const busy = await new Mutex(a.client, paths[1] ?? '').acquire();
    await world.clock.advance(100);
    expect(attempt).toEqual({ outcome: 'resolved', value: undefined });
    expect(world.keys()).toEqual([busy.key]);
  });

  test('a waiter whose session is lost takes new tickets in all lines', async () => {
    const [a, b] = [world.node(), world.node()];
    const busy = await new Mutex(a.client, paths[1] ?? '').acquire();
    const waiting = watched(multi(b).acquire());
    await settle();
    world.cluster.revokeLease((await b.client.session()).lease);
    await world.clock.advance(ttlMs);
    expect(world.keys()).toHaveLength(4);
    await busy.release();
    await settle();
    expect(waiting.value?.isHeld()).toBe(true);
  });
});

describe('bad input', () => {
  test.each([
    ['no paths', [], 'INVALID_OPTION'],
    ['a path twice', ['/a', '/b', '/a'], 'DUPLICATE_KEY'],
    ['a path under another', ['/a/b', '/a'], 'INVALID_OPTION'],
    ['a bad path', ['/a', ''], 'INVALID_KEY'],
    ['too many', Array.from({ length: 43 }, (_, n) => `/p/${n}`), 'TOO_MANY_OPS'],
  ])('%s: refused before anything is sent', (_, bad, code) => {
    const { client, store } = world.node();
    expect(() => new MultiMutex(client, bad)).toThrow(expect.objectContaining({ code }));
    expect(store.requestCount).toBe(0);
  });
});

interface Meal {
  readonly who: number;
  readonly forks: readonly number[];
  readonly ms: number;
  readonly gapMs: number;
  readonly fault: 'none' | 'aborts' | 'loses answers' | 'is cut off';
}

const meal: fc.Arbitrary<Meal> = fc.record({
  who: fc.nat(5),
  forks: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
  ms: fc.nat(30),
  gapMs: fc.nat(20),
  fault: fc.constantFrom('none', 'none', 'none', 'aborts', 'loses answers', 'is cut off'),
});

/** People who take forks from a table, for some time, whatever happens to them meanwhile. */
class Table {
  readonly #world = new World();
  readonly #people = Array.from({ length: 6 }, () => this.#world.node());
  readonly #taken = new Map<number, MultiHold>();

  constructor() {
    for (const [n, { store }] of this.#people.entries()) store.delay(n * 2);
  }

  async serve(meals: readonly Meal[]): Promise<void> {
    let atMs = 1;
    const all = meals.map((one) => {
      atMs += one.gapMs;
      return this.#sit(one, atMs);
    });
    await this.#world.run(Promise.all(all), 600_000);
    expect(await this.#world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
  }

  async #sit({ who, forks, ms, fault }: Meal, atMs: number): Promise<void> {
    const { clock } = this.#world;
    await sleep(clock, atMs);
    const { client, store } = this.#people[who] as Node;
    const stop = new AbortController();
    if (fault === 'aborts') clock.after(1 + ms, () => stop.abort());
    if (fault === 'loses answers') store.dropAnswers({ verb: 'commit' });
    if (fault === 'is cut off') {
      store.partition();
      clock.after(ttlMs * 2, () => store.heal());
    }
    const mutex = new MultiMutex(
      client,
      forks.map((fork) => `/forks/${fork}`),
    );
    const eating = mutex.run((hold) => this.#eat(hold, forks, ms), { signal: stop.signal });
    await eating.catch((error: unknown) => {
      if (!stop.signal.aborted && !isCoordinationError(error)) throw error;
    });
  }

  async #eat(hold: MultiHold, forks: readonly number[], ms: number): Promise<void> {
    for (const fork of forks) {
      expect(this.#taken.has(fork)).toBe(false);
      this.#taken.set(fork, hold);
    }
    const putBack = () => {
      for (const fork of forks) if (this.#taken.get(fork) === hold) this.#taken.delete(fork);
    };
    // Before anybody else can have them.
    hold.signal.addEventListener('abort', putBack);
    await sleep(this.#world.clock, ms + 1, hold.signal).catch(() => {});
    putBack();
  }
}

test('a release whose answer is missing is no release where another ticket was overwritten meanwhile, and the rest still stands', async () => {
  const node = world.node();
  const hold = await multi(node).acquire();
  node.store.holdRequests();
  const released = watched(hold.release());
  await world.clock.advance(1_500);
  const second = hold.guards[1] as { readonly key: string };
  world.cluster.putKey(second.key, 'overwritten');
  node.store.releaseRequests();
  await world.clock.advance(2_000);
  expect(released).toMatchObject({ outcome: 'resolved', value: false });
  // What was not given back is taken away all the same.
  expect(world.keys()).toEqual([]);
});

describe('philosophers', () => {
  test('with any sets of forks, named in any order, nobody shares one, and all get theirs in the end', async () => {
    const meals = fc.array(meal, { minLength: 2, maxLength: 25 });
    const property = fc.asyncProperty(meals, (all) => new Table().serve(all));
    await fc.assert(property, { numRuns: 200 });
  }, 60_000);
});
