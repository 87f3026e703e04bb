import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LeaseId, put } from '../../../src/core/store.js';
import { CoordinationError, isCoordinationError } from '../../../src/errors.js';
import type { ReadWriteHold } from '../../../src/recipes/read-write-hold.js';
import { ReadWriteLock } from '../../../src/recipes/read-write-lock.js';
import type { FaultyStore } from '../../../src/testing/faulty-store.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { readWriteLockSuite } from '../../suites/read-write-lock.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type Node, ttlMs, World, watched } from './world.js';

onMemory(readWriteLockSuite);

const path = '/locks/book';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

/** The next commit has no answer, and arrives only when told to. */
function delayNextCommit(store: FaultyStore): () => Promise<unknown> {
  const commit = store.commit.bind(store);
  let arrives = (): Promise<unknown> => Promise.reject(new Error('Nothing was sent.'));
  store.commit = (guards, ops, options) => {
    store.commit = commit;
    arrives = () => commit(guards, ops, options);
    return Promise.reject(new CoordinationError('UNKNOWN_OUTCOME', 'No answer.'));
  };
  return () => arrives();
}

const lockOf = ({ client }: Node) => new ReadWriteLock(client, path);

describe('cost in round trips', () => {
  test('a free lock is held after one, as a reader or as a writer, and beside other readers', async () => {
    const [a, b] = [world.node(), world.node()];
    for (const { client } of [a, b]) await client.session();
    const before = [a.store.requestCount, b.store.requestCount];
    const reader = await lockOf(a).acquireRead();
    const beside = await lockOf(b).acquireRead();
    expect([a.store.requestCount, b.store.requestCount]).toEqual(before.map((count) => count + 1));
    await Promise.all([reader.release(), beside.release()]);
    const writer = await lockOf(a).acquireWrite();
    expect(a.store.requestCount - (before[0] ?? 0)).toBe(3);
    await writer.release();
  });

  test('becoming a writer takes one, and being refused two; becoming a reader one, and none for one that is', async () => {
    const [a, b] = [world.node(), world.node()];
    const [hold, other] = [await lockOf(a).acquireRead(), await lockOf(b).acquireRead()];
    const cost = async (run: () => Promise<unknown>) => {
      const before = a.store.requestCount;
      await run();
      return a.store.requestCount - before;
    };
    expect(await cost(() => hold.tryUpgrade())).toBe(2);
    await other.release();
    expect(await cost(() => hold.tryUpgrade())).toBe(1);
    expect(await cost(() => hold.tryUpgrade())).toBe(0);
    expect(await cost(() => hold.downgrade())).toBe(1);
    expect(await cost(() => hold.downgrade())).toBe(0);
  });

  test.each([2, 200])('with %i writers waiting, a handoff costs two', async (count) => {
    const nodes = Array.from({ length: count + 1 }, () => world.node());
    const holds = nodes.map((node) => watched(lockOf(node).acquireWrite()));
    await world.clock.advance(100);
    const total = () => nodes.reduce((sum, { store }) => sum + store.requestCount, 0);
    const before = total();
    await holds[0]?.value?.release();
    await settle();
    expect(holds[1]?.outcome).toBe('resolved');
    expect(total() - before).toBe(2);
  });

  test('a writer that leaves lets in each of the readers for one read, and nobody else looks', async () => {
    const nodes = Array.from({ length: 40 }, () => world.node());
    const [first, ...others] = nodes as [Node, ...Node[]];
    const hold = await lockOf(first).acquireWrite();
    const readers = others.slice(0, 20).map((node) => watched(lockOf(node).acquireRead()));
    await settle();
    const writers = others.slice(20).map((node) => watched(lockOf(node).acquireWrite()));
    await world.clock.advance(100);
    const total = () => nodes.reduce((sum, { store }) => sum + store.requestCount, 0);
    const before = total();
    await hold.release();
    await settle();
    expect(readers.every(({ outcome }) => outcome === 'resolved')).toBe(true);
    expect(writers.every(({ outcome }) => outcome === 'pending')).toBe(true);
    expect(total() - before).toBe(1 + readers.length);
  });
});

describe('becoming a writer', () => {
  test('two readers that try at the same time are both refused, and both still read', async () => {
    const nodes = [world.node(), world.node()];
    const holds = await Promise.all(nodes.map((node) => lockOf(node).acquireRead()));
    for (const { store } of nodes) store.delay(20);
    const tries = await world.run(Promise.all(holds.map((hold) => hold.tryUpgrade())));
    expect(tries).toEqual([false, false]);
    expect(holds.map((hold) => [hold.mode, hold.isHeld()])).toEqual([
      ['read', true],
      ['read', true],
    ]);
    expect(await lockOf(world.node()).tryAcquireRead()).toBeDefined();
  });

  test('a reader behind a waiting writer does not count as a holder, and does not come in later', async () => {
    const nodes = [world.node(), world.node(), world.node()] as const;
    const hold = await lockOf(nodes[0]).acquireRead();
    const controller = new AbortController();
    const writing = watched(lockOf(nodes[1]).acquireWrite({ signal: controller.signal }));
    await settle();
    const reading = watched(lockOf(nodes[2]).acquireRead());
    await settle();
    expect(await hold.tryUpgrade()).toBe(true);
    controller.abort();
    await world.clock.advance(ttlMs * 2);
    expect([writing.outcome, reading.outcome]).toEqual(['rejected', 'pending']);
    await hold.release();
    await settle();
    expect(reading.outcome).toBe('resolved');
  });

  test('a reader that comes while one is refused is let in when that one is a reader again', async () => {
    const nodes = [world.node(), world.node(), world.node()] as const;
    const hold = await lockOf(nodes[0]).acquireRead();
    await lockOf(nodes[1]).acquireRead();
    nodes[0].store.delay(100);
    const trying = watched(hold.tryUpgrade());
    await world.clock.advance(60);
    const reading = watched(lockOf(nodes[2]).acquireRead());
    await settle();
    expect(reading.outcome).toBe('pending');
    await world.clock.advance(140);
    expect(trying.value).toBe(false);
    expect(reading.outcome).toBe('resolved');
  });

  test.each([1, 2, 3])('with %i answers lost, it is a writer once and only if it is alone', async (count) => {
    const [a, b] = [world.node(), world.node()];
    const hold = await lockOf(a).acquireRead();
    const other = await lockOf(b).acquireRead();
    a.store.dropAnswers({ verb: 'commit', count });
    expect(await world.run(hold.tryUpgrade())).toBe(false);
    expect(await lockOf(b).tryAcquireRead()).toBeDefined();
    await b.client.close();
    expect(other.isHeld()).toBe(false);
    a.store.dropAnswers({ verb: 'commit', count });
    expect(await world.run(hold.tryUpgrade())).toBe(true);
    a.store.dropAnswers({ verb: 'commit', count });
    await world.run(hold.downgrade());
    expect(await lockOf(world.node()).tryAcquireRead()).toBeDefined();
  });

  test('a rewriting that arrives late changes nothing any more', async () => {
    const { client, store } = world.node();
    const hold = await new ReadWriteLock(client, path).acquireWrite();
    const arrives = delayNextCommit(store);
    await world.run(hold.downgrade());
    expect(await hold.tryUpgrade()).toBe(true);
    await arrives();
    expect(hold.mode).toBe('write');
    expect(await lockOf(world.node()).tryAcquireRead()).toBeUndefined();
  });

  test('what a writer has sent before its downgrade, and arrives after it, was written among readers', async () => {
    const { client, store } = world.node();
    const hold = await new ReadWriteLock(client, path).acquireWrite();
    const arrives = delayNextCommit(store);
    await expect(hold.commit([put('/book', 'late')])).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    await hold.downgrade();
    expect(await arrives()).toMatchObject({ ok: false });
    expect((await client.store.read({ key: '/book' })).entries).toEqual([]);
  });

  test('two that try in turn are refused also where the first has not heard yet what came of it', async () => {
    const [a, b] = [world.node(), world.node()];
    const [first, second] = [await lockOf(a).acquireRead(), await lockOf(b).acquireRead()];
    b.store.delay(100);
    const trying = watched(second.tryUpgrade());
    await world.clock.advance(60);
    expect(await first.tryUpgrade()).toBe(false);
    await world.clock.advance(500);
    expect(trying.value).toBe(false);
  });

  test('a reader that came while the answer was lost does not count: it waits', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await lockOf(a).acquireRead();
    a.store.dropAnswers({ verb: 'commit' });
    const upgrading = hold.tryUpgrade();
    await settle();
    const reading = watched(lockOf(b).acquireRead());
    await settle();
    expect(await world.run(upgrading)).toBe(true);
    expect(reading.outcome).toBe('pending');
  });

  test('one who gave up waiting for it stays a reader, also when it comes true later', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await lockOf(a).acquireRead();
    a.store.delay(100);
    const upgrading = watched(hold.tryUpgrade({ timeoutMs: 75 }));
    await world.clock.advance(80);
    expect(isCoordinationError(upgrading.error, 'TIMEOUT')).toBe(true);
    await world.clock.advance(500);
    expect(hold.mode).toBe('read');
    expect(await lockOf(b).tryAcquireRead()).toBeDefined();
  });

  test('a crash in the middle keeps new readers out until the lease ends, and harms no other holder', async () => {
    const nodes = [world.node(), world.node(), world.node()] as const;
    const hold = await lockOf(nodes[0]).acquireRead();
    const other = await lockOf(nodes[1]).acquireRead();
    nodes[0].store.delay(20);
    const upgrading = watched(hold.tryUpgrade());
    await world.clock.advance(15);
    nodes[0].store.partition();
    const reading = watched(lockOf(nodes[2]).acquireRead());
    await world.clock.advance(1_000);
    expect(reading.outcome).toBe('pending');
    await world.clock.advance(ttlMs);
    expect(reading.outcome).toBe('resolved');
    expect(other.isHeld()).toBe(true);
    expect(isCoordinationError(upgrading.error, 'SESSION_LOST')).toBe(true);
  });

  test('one that was lost or released rejects with the reason', async () => {
    const { client } = world.node();
    const lock = new ReadWriteLock(client, path);
    const hold = await lock.acquireRead();
    await hold.release();
    await expect(hold.tryUpgrade()).rejects.toMatchObject({ code: 'RELEASED' });
    const writer = await lock.acquireWrite();
    world.cluster.deleteKey(writer.key);
    await expect(writer.downgrade()).rejects.toMatchObject({ code: 'TICKET_LOST' });
  });
});

describe('becoming a reader', () => {
  test('wakes a reader that looked at the line just before, and began to watch just after', async () => {
    const [a, b] = [world.node(), world.node()];
    const hold = await lockOf(a).acquireWrite();
    await b.client.session();
    b.store.delay(100);
    const reading = watched(lockOf(b).acquireRead());
    await world.clock.advance(60);
    await hold.downgrade();
    await world.clock.advance(500);
    expect(reading.outcome).toBe('resolved');
  });
});

describe('ending a wait', () => {
  test.each(['acquireRead', 'acquireWrite'] as const)(
    '%s: whatever await the abort comes at, nothing is left',
    async (verb) => {
      const blocker = world.node();
      for (let step = 0; step < 40; step++) {
        const { client } = world.node();
        await client.session();
        const hold = await lockOf(blocker).acquireWrite();
        const controller = new AbortController();
        const waiting = watched(new ReadWriteLock(client, path)[verb]({ signal: controller.signal }));
        for (let tick = 0; tick < step; tick++) await Promise.resolve();
        controller.abort();
        await settle();
        await world.clock.advance(10);
        expect(waiting.outcome).toBe('rejected');
        await hold.release();
        expect(world.keys()).toEqual([]);
      }
    },
  );

  test('bad input is refused before anything is sent', async () => {
    const { client, store } = world.node();
    // biome-ignore lint/suspicious/noExplicitAny: bad input is the subject here.
    const bad: any = { mode: 'read' };
    expect(() => new ReadWriteLock(client, path, bad)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
    const lock = new ReadWriteLock(client, path);
    await expect(lock.acquireRead(bad)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await expect(lock.acquireWrite({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'INVALID_TIMEOUT' });
    expect(store.requestCount).toBe(0);
  });
});

type Step = {
  readonly who: number;
  readonly what: 'read' | 'write' | 'release' | 'up' | 'down' | 'abort' | 'crash' | 'cut' | 'lose' | 'wait';
};

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(4),
  what: fc.constantFrom('read', 'write', 'release', 'up', 'down', 'abort', 'crash', 'cut', 'lose', 'wait', 'wait'),
});

describe('whatever happens', () => {
  test('a writer is alone, tokens of writers grow, no reader has a lower one, and everybody gets in at last', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const lane = new Lane(new World());
      for (const one of steps) await lane.take(one);
      await lane.end();
    });
    await fc.assert(property, { numRuns: 400 });
  }, 60_000);
});

interface Person {
  readonly node: Node;
  hold?: ReadWriteHold | undefined;
  stop?: AbortController | undefined;
}

/** Some processes that use one lock, each for one thing at a time. */
class Lane {
  readonly #world: World;
  readonly #people: Person[];
  readonly #open = new Set<Promise<unknown>>();
  readonly #failures: unknown[] = [];
  readonly #revoked = new Set<LeaseId>();
  #lastWrite = 0n;

  constructor(world: World) {
    this.#world = world;
    this.#people = Array.from({ length: 5 }, () => ({ node: world.node() }));
  }

  async take({ who, what }: Step): Promise<void> {
    const person = this.#people[who];
    if (person === undefined) return;
    if (what === 'read' || what === 'write') this.#acquire(person, what);
    else if (what === 'release') this.#follow(person.hold?.release());
    else if (what === 'up') this.#follow(person.hold?.tryUpgrade());
    else if (what === 'down') this.#follow(person.hold?.downgrade());
    else if (what === 'abort') person.stop?.abort();
    else if (what === 'lose') person.node.store.dropAnswers({ verb: 'commit' });
    else if (what === 'cut') person.node.store.partition();
    else if (what === 'crash') this.#revoke(person.node.client.liveSession()?.lease);
    else for (const { node } of this.#people) node.store.heal();
    await this.#world.clock.advance(what === 'wait' ? 700 : 5);
    this.#check();
  }

  /** By an operator's hand, which the holder learns of when it is done. */
  #revoke(lease: LeaseId | undefined): void {
    if (lease === undefined) return;
    this.#revoked.add(lease);
    this.#world.cluster.revokeLease(lease);
  }

  #acquire(person: Person, mode: 'read' | 'write'): void {
    if (person.stop !== undefined) return;
    person.stop = new AbortController();
    const { signal } = person.stop;
    const lock = lockOf(person.node);
    const acquiring = mode === 'read' ? lock.acquireRead({ signal }) : lock.acquireWrite({ signal });
    const got = acquiring.then((hold) => {
      expect(hold.token).toBeGreaterThan(this.#lastWrite);
      if (mode === 'write') this.#lastWrite = hold.token;
      person.hold = hold;
      hold.signal.addEventListener('abort', () => {
        person.hold = undefined;
        person.stop = undefined;
      });
      this.#check();
    });
    this.#follow(
      got.catch((error: unknown) => {
        person.stop = undefined;
        if (!signal.aborted) throw error;
      }),
    );
  }

  #follow(promise: Promise<unknown> | undefined): void {
    if (promise === undefined) return;
    const settled = promise.catch((error: unknown) => {
      // A hold may be lost, or given back, under whatever was asked of it.
      if (!isCoordinationError(error)) this.#failures.push(error);
    });
    this.#open.add(settled);
  }

  #check(): void {
    const held = this.#people.flatMap(({ hold }) => {
      const revoked = hold?.guard.kind === 'held' && this.#revoked.has(hold.guard.lease);
      return hold?.isHeld() && !revoked ? [hold] : [];
    });
    const writers = held.filter(({ mode }) => mode === 'write');
    if (writers.length > 0) expect(held).toHaveLength(1);
  }

  async end(): Promise<void> {
    for (const { node } of this.#people) node.store.heal();
    for (let round = 0; round < 12; round++) {
      await this.#world.clock.advance(ttlMs);
      for (const { hold } of this.#people) this.#follow(hold?.release());
    }
    await this.#world.run(Promise.all(this.#open));
    const last = await this.#world.run(lockOf(this.#world.node()).acquireWrite());
    await last.release();
    expect(this.#failures).toEqual([]);
    expect(await this.#world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
  }
}
