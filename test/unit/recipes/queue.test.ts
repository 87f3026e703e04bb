import { describe, expect, test } from 'vitest';
import { put } from '../../../src/core/store.js';
import { textCodec } from '../../../src/core/typed.js';
import { CoordinationError } from '../../../src/errors.js';
import { PriorityQueue } from '../../../src/recipes/priority-queue.js';
import { Queue } from '../../../src/recipes/queue.js';
import type { Job } from '../../../src/recipes/queue-job.js';
import type { QueueOptions } from '../../../src/recipes/queue-parts.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { failureOf } from '../../rejections.js';
import { queueSuite } from '../../suites/queue.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type Node, ttlMs, type World, watched } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const path = '/q';

/** Ids are remembered for so short a time that nothing of it is left at the end of a test. */
function queueOf({ client }: Node, options: QueueOptions<string> = {}): Queue<string> {
  return new Queue<string>(client, path, { rememberMs: 1_000, ...options });
}

async function drain(queue: Queue<string>): Promise<string[]> {
  const values: string[] = [];
  for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
    values.push(job.value);
    await job.ack();
  }
  return values;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function taken(queue: Queue<string>): Promise<Job<string>> {
  return await world.run(queue.take({ timeoutMs: 60_000 }));
}

onMemory(queueSuite);

describe('a queue', () => {
  test('delivers items in the order of their commits, and is empty in the end, with no key left', async () => {
    const queue = queueOf(world.node(), { rememberMs: 0 });
    for (let n = 0; n < 200; n++) await queue.put(`item ${n}`);
    expect(await drain(queue)).toEqual(Array.from({ length: 200 }, (_, n) => `item ${n}`));
    expect(world.keys()).toEqual([]);
  });

  test('put costs one commit, a take two round trips and the next ones one, an ack and a nack one', async () => {
    const { client, store } = world.node();
    const queue = queueOf({ client, store }, { rememberMs: 0 });
    await client.session();
    const cost = async <T>(run: () => Promise<T>): Promise<[number, T]> => {
      const before = store.requestCount;
      const result = await run();
      return [store.requestCount - before, result];
    };
    expect((await cost(() => queue.put('a')))[0]).toBe(1);
    expect((await cost(() => queue.put('b')))[0]).toBe(1);
    const [first, a] = await cost(() => queue.take());
    const [second, b] = await cost(() => queue.take());
    expect([first, second]).toEqual([2, 1]);
    expect((await cost(() => a.ack()))[0]).toBe(1);
    expect((await cost(() => b.nack()))[0]).toBe(1);
    await (await queue.take()).ack();
  });

  test("an item taken is nobody else's until it is given back", async () => {
    const [one, other] = [queueOf(world.node()), queueOf(world.node())];
    await one.put('a');
    const job = await one.take();
    expect(await other.tryTake()).toBeUndefined();
    expect(await one.inFlight()).toBe(1);
    expect(await one.depth()).toBe(1);
    expect(await job.nack()).toBe(true);
    expect(job.signal.reason).toMatchObject({ code: 'RELEASED' });
    const again = await other.tryTake();
    expect(again).toMatchObject({ id: job.id, value: 'a', attempts: 2 });
    expect(again?.token).toBeGreaterThan(job.token);
    await again?.ack();
  });

  test('what a dead consumer had comes back when its lease has run out, and not before', async () => {
    const [dead, alive] = [world.node(), world.node()];
    await queueOf(dead).put('a');
    const job = await queueOf(dead).take();
    dead.store.partition();
    const waiting = watched(queueOf(alive).take());
    await world.clock.advance(ttlMs - 200);
    expect(waiting.outcome).toBe('pending');
    expect(job.isHeld()).toBe(true);
    await world.clock.advance(400);
    expect(waiting.outcome).toBe('resolved');
    expect(job.isHeld()).toBe(false);
    expect(job.signal.reason).toMatchObject({ code: 'SESSION_LOST' });
    expect(await failureOf(job.ack())).toMatchObject({ code: 'SESSION_LOST' });
    dead.store.heal();
    expect(waiting.value?.attempts).toBe(2);
    await waiting.value?.ack();
  });

  test('a nacked item keeps its place, and waits for its delay while others pass', async () => {
    const queue = queueOf(world.node());
    for (const value of ['a', 'b', 'c']) await queue.put(value);
    const a = await queue.take();
    await a.nack({ delayMs: 500 });
    const b = await queue.take();
    expect(b.value).toBe('b');
    await world.clock.advance(600);
    await b.nack();
    expect(await drain(queue)).toEqual(['a', 'b', 'c']);
  });

  test('an item that is given back while the session is in doubt rests nevertheless, or is buried', async () => {
    const queue = queueOf(world.node(), { maxAttempts: 2 });
    await queue.put('a');
    for (const delayMs of [5_000, 0]) {
      const job = await taken(queue);
      // The machine may have slept: until the store was asked, nobody knows whether it is held.
      world.clock.stepWall(ttlMs);
      expect(await job.nack({ delayMs })).toBe(true);
      expect(await queue.tryTake()).toBeUndefined();
      await world.clock.advance(5_000);
    }
    expect(await all(queue.deadLetters())).toHaveLength(1);
    expect(await queue.discard((await all(queue.deadLetters()))[0]?.id ?? '')).toBe(true);
  });

  test('who gave an item back without an answer, and lost its lease meanwhile, is not told that it rests', async () => {
    const { client, store } = world.node();
    const queue = queueOf({ client, store });
    await queue.put('a');
    const job = await queue.take();
    const { lease } = await client.session();
    const { commit } = store;
    store.commit = async () => {
      store.commit = commit;
      // Nobody is told yet: its claim is gone, and so might it be by this attempt.
      world.cluster.revokeLease(lease);
      throw new CoordinationError('UNKNOWN_OUTCOME', 'No answer came.');
    };
    const nacking = watched(job.nack({ delayMs: 60_000 }));
    await world.clock.advance(10_000);
    expect(nacking.value).toBe(false);
    await (await taken(queue)).ack();
  });

  test('one who waits gets an item when its delay is over, to the millisecond', async () => {
    const queue = queueOf(world.node());
    await queue.put('later', { delayMs: 5_000 });
    const began = world.clock.now();
    const job = await taken(queue);
    expect(world.clock.now() - began).toBe(5_000);
    await job.ack();
  });

  test('prefix siblings do not mix', async () => {
    const { client } = world.node();
    const [q, q2] = [new Queue(client, '/q', { rememberMs: 0 }), new Queue(client, '/q2', { rememberMs: 0 })];
    await q2.put('theirs');
    expect(await q.tryTake()).toBeUndefined();
    expect(await q.depth()).toBe(0);
    expect(await q.peek(5)).toEqual([]);
    await (await q2.take()).ack();
  });

  test('ids where one begins with the other do not mix', async () => {
    const queue = queueOf(world.node());
    for (const id of ['a', 'ab', 'a-', 'a!']) await queue.put(`value of ${id}`, { id });
    const jobs = await queue.takeMany(4);
    expect(jobs.map(({ id, value }) => [id, value])).toEqual(
      ['a', 'ab', 'a-', 'a!'].map((id) => [id, `value of ${id}`]),
    );
    await jobs[0]?.ack();
    expect(await queue.inFlight()).toBe(3);
    for (const job of jobs) await job.ack();
  });

  test('ack({ ops }) writes with the acknowledgement, or not at all', async () => {
    const [one, other] = [world.node(), world.node()];
    const queue = queueOf(one);
    await queue.put('a');
    const job = await queue.take();

    world.cluster.revokeLease((await one.client.session()).lease);
    expect(await failureOf(job.ack({ ops: [put('/done/a', 'by me')] }))).toMatchObject({ code: 'TICKET_LOST' });
    expect(world.keys()).not.toContain('/done/a');
    const again = await queueOf(other).take();
    await again.ack({ ops: [put('/done/a', 'by me')] });
    expect(world.keys()).toContain('/done/a');
    world.cluster.deleteKey('/done/a');
  });

  test('an ack that the store refuses leaves the item with its consumer', async () => {
    const queue = queueOf(world.node());
    await queue.put('a');
    const job = await queue.take({ visibilityMs: 1_000 });
    const twice = [put('/x', '1'), put('/x', '2')];
    expect(await failureOf(job.ack({ ops: twice }))).toMatchObject({ code: 'DUPLICATE_KEY' });
    expect(job.isHeld()).toBe(true);
    await job.ack();
    await job.ack();
    expect(await job.nack()).toBe(true);
    expect(await queue.depth()).toBe(0);
  });

  test('commit writes only while the item is held', async () => {
    const { client, store } = world.node();
    const queue = queueOf({ client, store });
    await queue.put('a');
    const job = await queue.take();
    expect((await job.commit([put('/x', '1')])).ok).toBe(true);
    world.cluster.deleteKey(job.key);
    expect(await failureOf(job.commit([put('/x', '2')]))).toMatchObject({ code: 'TICKET_LOST' });
    world.cluster.deleteKey('/x');
    expect(await drain(queue)).toEqual(['a']);
  });

  test('an ack of an old item is seen as such by its own watch too: no loss is told', async () => {
    const { client, store } = world.node();
    const lost: unknown[] = [];
    client.events.on('lost', (event) => lost.push(event));
    const queue = queueOf({ client, store });
    await queue.put('a');
    const job = await queue.take();
    await world.clock.advance(200);
    store.holdAnswers();
    const acking = job.ack();
    await world.clock.advance(50);
    store.releaseAnswers();
    await acking;
    expect(lost).toEqual([]);
    expect(job.signal.reason).toMatchObject({ code: 'RELEASED' });
  });

  test('await using gives back what was not acknowledged', async () => {
    const queue = queueOf(world.node());
    await queue.put('a');
    {
      await using job = await queue.take();
      expect(job.attempts).toBe(1);
    }
    {
      await using job = await queue.take();
      expect(job.attempts).toBe(2);
      await job.ack();
    }
    expect(await queue.depth()).toBe(0);
  });
});

describe('an id', () => {
  test('is added once while it is queued, in flight, or was acknowledged a short time ago', async () => {
    const queue = queueOf(world.node());
    expect(await queue.put('a', { id: 'x' })).toEqual({ id: 'x', added: true });
    expect(await queue.put('b', { id: 'x' })).toEqual({ id: 'x', added: false });
    const job = await queue.take();
    expect(await queue.put('b', { id: 'x' })).toEqual({ id: 'x', added: false });
    await job.ack();
    await world.clock.advance(900);
    expect(await queue.put('b', { id: 'x' })).toEqual({ id: 'x', added: false });
    expect(await queue.tryTake()).toBeUndefined();
    await world.clock.advance(2_000);
    expect(await queue.put('b', { id: 'x' })).toEqual({ id: 'x', added: true });
    expect(await drain(queue)).toEqual(['b']);
  });

  test.each([1, 2])('an item whose put got %i lost answers is one item', async (count) => {
    const node = world.node();
    const queue = queueOf(node);
    node.store.dropAnswers({ count, verb: 'commit' });
    expect(await world.run(queue.put('a', { id: 'x' }))).toEqual({ id: 'x', added: true });
    node.store.dropAnswers({ count, verb: 'commit' });
    expect(await world.run(queue.put('b'))).toMatchObject({ added: true });
    expect(await queue.depth()).toBe(2);
    expect(await drain(queue)).toEqual(['a', 'b']);
  });

  test('a put with a lost answer does not take the item of another for its own', async () => {
    const [one, other] = [world.node(), world.node()];
    await queueOf(other).put('theirs', { id: 'x' });
    one.store.dropAnswers({ verb: 'commit' });
    expect(await world.run(queueOf(one).put('mine', { id: 'x' }))).toEqual({ id: 'x', added: false });
    expect(await drain(queueOf(other))).toEqual(['theirs']);
  });

  test('a put that was taken and acknowledged before its lost answer was resolved is not added again', async () => {
    const [one, other] = [world.node(), world.node()];
    one.store.holdAnswers();
    const putting = queueOf(one).put('a', { id: 'x', timeoutMs: 30_000 });
    await settle();
    expect(await drain(queueOf(other, { rememberMs: 2_000 }))).toEqual(['a']);
    one.store.dropAnswers({ verb: 'commit' });
    await world.clock.advance(5_100);
    one.store.releaseAnswers();
    const result = await world.run(putting);
    expect(result).toMatchObject({ id: 'x' });
    // By then the memory of two to four seconds has passed on: what a longer one is for.
    await drain(queueOf(other));
  });

  test('is remembered long enough for a lost answer by default', async () => {
    const [one, other] = [world.node(), world.node()];
    one.store.holdAnswers();
    const putting = queueOf(one).put('a');
    await settle();
    const consumer = new Queue<string>(other.client, path);
    expect(await drain(consumer)).toEqual(['a']);
    await world.clock.advance(5_100);
    one.store.releaseAnswers();
    expect(await world.run(putting)).toMatchObject({ added: true });
    expect(await drain(consumer)).toEqual([]);
    for (const { id } of world.cluster.leases()) world.cluster.revokeLease(id);
  });

  test.each(['', 'a/b', '..', 'a\0', '\ud800', 'x'.repeat(201), 7 as never])('%j is refused', async (id) => {
    const node = world.node();
    const queue = queueOf(node);
    expect(await failureOf(queue.put('a', { id }))).toMatchObject({ code: expect.stringMatching(/^INVALID_/) });
    expect(node.store.requestCount).toBe(0);
  });
});

describe('an answer that got lost', () => {
  test('of a claim is resolved by its claim: the item is delivered once, in one attempt', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.put('a');
    await queue.tryTake({ timeoutMs: 1 }).then((job) => job?.nack());
    node.store.dropAnswers({ count: 3, verb: 'commit' });
    const job = await taken(queue);
    expect(job).toMatchObject({ value: 'a', attempts: 2 });
    expect(world.keys().filter((key) => key.includes('/claims/'))).toEqual([job.key]);
    await job.ack();
  });

  test.each([0, 1_000])('of an ack is resolved (ids remembered for %i ms)', async (rememberMs) => {
    const node = world.node();
    const queue = queueOf(node, { rememberMs });
    await queue.put('a');
    const job = await queue.take();
    node.store.dropAnswers({ count: 2, verb: 'commit' });
    await world.run(job.ack({ ops: [put('/effect', 'once')] }));
    expect(await queue.depth()).toBe(0);
    expect(world.keys()).toContain('/effect');
    world.cluster.deleteKey('/effect');
  });

  test.each([0, 300])('of a nack is resolved (delay %i ms)', async (delayMs) => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.put('a');
    const job = await queue.take();
    node.store.dropAnswers({ verb: 'commit' });
    expect(await world.run(job.nack({ delayMs }))).toBe(true);
    const again = await taken(queue);
    expect(again.attempts).toBe(2);
    await again.ack();
  });

  test.each([
    ['nothing of it was sent', 1_000, 'SESSION_LOST'],
    ['it was sent', 0, 'UNKNOWN_OUTCOME'],
  ])('an ack ends with the session that it waits in; where %s', async (_, rememberMs, code) => {
    const node = world.node();
    const queue = queueOf(node, { rememberMs });
    await queue.put('a');
    const job = await queue.take();
    node.store.partition();
    const acking = watched(job.ack());
    await world.clock.advance(ttlMs);
    expect(acking.error).toMatchObject({ code });
    expect(job.isHeld()).toBe(false);
    node.store.heal();
    await settle();
    expect(await drain(queueOf(world.node()))).toEqual(['a']);
  });
});

test('a put whose answer was lost is not taken for that of an item that was acknowledged between two looks', async () => {
  const [node, other] = [world.node(), world.node()];
  const queues = [node, other].map(({ client }) => new PriorityQueue<string>(client, path, { rememberMs: 1_000 }));
  const [queue, others] = queues as [PriorityQueue<string>, PriorityQueue<string>];
  await others.put('theirs', { id: 'x', priority: 5 });
  const job = await world.run(others.take());
  const { commit } = node.store;
  node.store.commit = async (guards, ops, options) => {
    const [first] = ops;
    if (first?.kind === 'read' && 'prefix' in first.query) await job.ack();
    return await commit.call(node.store, guards, ops, options);
  };
  node.store.dropAnswers({ verb: 'commit' });
  expect(await world.run(queue.put('ours', { id: 'x', priority: 3 }))).toEqual({ id: 'x', added: false });
});

test('who takes many from a priority queue, and was refused once, passes over nothing that is more urgent', async () => {
  const [node, other] = [world.node(), world.node()];
  const queues = [node, other].map(({ client }) => new PriorityQueue<string>(client, path, { rememberMs: 0 }));
  const [queue, others] = queues as [PriorityQueue<string>, PriorityQueue<string>];
  const { commit } = node.store;
  for (let round = 0; round < 10; round++) {
    for (let priority = 1; priority <= 6; priority++) await others.put('', { priority });
    let first = true;
    node.store.commit = async (guards, ops, options) => {
      if (first && guards.length > 1) {
        first = false;
        await (await others.take()).ack();
      }
      return await commit.call(node.store, guards, ops, options);
    };
    const jobs = await world.run(queue.takeMany(6));
    expect([first, jobs[0]?.priority]).toEqual([false, 2]);
    for (const job of jobs) await job.ack();
    while ((await others.depth()) > 0) await (await world.run(others.take())).ack();
    await world.clock.advance(10_000);
  }
});

describe('a store that is full', () => {
  /** Until it is called, what takes room is refused. */
  function fill({ store }: Node): () => void {
    const { commit } = store;
    store.commit = async (guards, ops, options) => {
      if (ops.some(({ kind }) => kind === 'put')) throw new CoordinationError('NO_SPACE', 'full');
      return await commit.call(store, guards, ops, options);
    };
    return () => {
      store.commit = commit;
    };
  }

  test('does not leave the claim of an item that could not be given back with a delay, as long as the session lives', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.put('a');
    const job = await queue.take();
    const empty = fill(node);
    expect(await failureOf(job.nack({ delayMs: 500 }))).toMatchObject({ code: 'NO_SPACE' });
    empty();
    const again = await taken(queueOf(world.node()));
    expect(again.attempts).toBe(2);
    await again.ack();
  });

  test('does not keep an item from everybody whose claim was not answered before it was refused', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.put('a');
    await node.client.session();
    const { commit } = node.store;
    let empty = (): void => {};
    // The look, then the claim, which is made.
    let commits = 0;
    node.store.commit = async (guards, ops, options) => {
      commits++;
      if (commits !== 2) return await commit.call(node.store, guards, ops, options);
      await world.cluster.store().commit(guards, ops);
      empty = fill(node);
      throw new CoordinationError('UNKNOWN_OUTCOME', 'No answer came.');
    };
    const taking = watched(queue.take());
    await world.clock.advance(10_000);
    expect(taking.error).toMatchObject({ code: 'NO_SPACE' });
    empty();
    node.store.commit = commit;
    const again = await taken(queueOf(world.node()));
    await again.ack();
  });

  test('does not hide that an acknowledgement was perhaps made before it was refused', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.put('a');
    const job = await queue.take();
    node.store.dropAnswers({ verb: 'commit' });
    let empty = (): void => {};
    const acking = watched(job.ack());
    await settle();
    empty = fill(node);
    await world.clock.advance(10_000);
    expect(acking.error).toMatchObject({ code: 'UNKNOWN_OUTCOME', cause: { code: 'NO_SPACE' } });
    empty();
    expect(await queue.depth()).toBe(0);
  });

  test('does not let others overtake the item that a consumer could not claim', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.putMany([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    await (await queue.take()).ack();
    const empty = fill(node);
    expect(await failureOf(queue.take())).toMatchObject({ code: 'NO_SPACE' });
    empty();
    expect(await drain(queue)).toEqual(['b', 'c']);
  });
});

describe('the time of an item', () => {
  test('runs out by the clock of its consumer, who is told before anybody else can have it', async () => {
    const [one, other] = [world.node(), world.node()];
    const queue = queueOf(one, { visibilityMs: 500 });
    await queue.put('a');
    const job = await queue.take();
    const waiting = watched(queueOf(other).take());
    let heldElsewhere: boolean | undefined;
    job.signal.addEventListener('abort', () => {
      heldElsewhere = waiting.outcome === 'resolved';
    });
    await world.clock.advance(499);
    expect([job.isHeld(), waiting.outcome]).toEqual([true, 'pending']);
    await world.clock.advance(1);
    expect([job.isHeld(), heldElsewhere, waiting.outcome]).toEqual([false, false, 'resolved']);
    expect(job.signal.reason).toMatchObject({ code: 'TIMEOUT', field: 'visibilityMs' });
    expect(await failureOf(job.ack())).toMatchObject({ code: 'TIMEOUT' });
    expect(await job.nack()).toBe(false);
    await waiting.value?.ack();
  });

  test('can be extended, without a request', async () => {
    const node = world.node();
    const queue = queueOf(node, { visibilityMs: 500 });
    await queue.put('a');
    const job = await queue.take();
    await world.clock.advance(400);
    const before = node.store.requestCount;
    expect(job.extend(1_000)).toBe(true);
    expect(node.store.requestCount).toBe(before);
    await world.clock.advance(900);
    expect(job.isHeld()).toBe(true);
    await world.clock.advance(100);
    expect(job.isHeld()).toBe(false);
    expect(job.extend(1_000)).toBe(false);
    await (await queue.take()).ack();
  });

  test('is seen to be over after a stall, before a timer can tell', async () => {
    const queue = queueOf(world.node(), { visibilityMs: 500 });
    await queue.put('a');
    const job = await queue.take();
    const stalled = world.clock.stall(600);
    expect(job.isHeld()).toBe(false);
    await stalled;
    await (await queue.take()).ack();
  });

  test('leaves no timer behind when the item is lost otherwise', async () => {
    const queue = queueOf(world.node(), { visibilityMs: 3_600_000 });
    await queue.put('a');
    const job = await queue.take();
    await world.clock.advance(200);
    const before = world.clock.pending;
    world.cluster.deleteKey(job.key);
    await world.clock.advance(1);
    expect(job.isHeld()).toBe(false);
    expect(world.clock.pending).toBeLessThan(before);
    expect(await drain(queue)).toEqual(['a']);
  });
});

describe('dead letters', () => {
  test('what was delivered as often as it may be goes there, and can be requeued or discarded', async () => {
    const queue = queueOf(world.node(), { maxAttempts: 2 });
    await queue.put('a', { id: 'x' });
    await queue.put('b', { id: 'y' });
    for (let n = 0; n < 4; n++) await (await queue.take()).nack();
    expect(await queue.depth()).toBe(0);
    const dead = await all(queue.deadLetters());
    expect(dead.map(({ id, value, attempts, reason }) => [id, value, attempts, reason])).toEqual([
      ['x', 'a', 2, 'attempts'],
      ['y', 'b', 2, 'attempts'],
    ]);
    expect(await queue.requeue('x')).toBe(true);
    expect(await queue.requeue('x')).toBe(false);
    expect(await queue.discard('y')).toBe(true);
    expect(await queue.discard('y')).toBe(false);
    const again = await queue.take();
    expect(again).toMatchObject({ id: 'x', value: 'a', attempts: 1 });
    await again.ack();
  });

  test('an item whose consumers died is buried by the next who looks', async () => {
    const alive = world.node();
    await queueOf(alive).put('a');
    for (let n = 0; n < 2; n++) {
      const dead = world.node();
      await queueOf(dead, { maxAttempts: 2 }).take();
      await dead.client.close();
    }
    const queue = queueOf(alive, { maxAttempts: 2 });
    expect(await queue.tryTake()).toBeUndefined();
    expect((await all(queue.deadLetters())).map(({ value }) => value)).toEqual(['a']);
    await queue.discard((await all(queue.deadLetters()))[0]?.id ?? '');
  });

  test('a poison item goes there after its attempts, and holds nobody up', async () => {
    const node = world.node();
    const poison = new Queue<string>(node.client, path, { codec: textCodec, rememberMs: 1_000 });
    await poison.put('{ no json', { id: 'poison' });
    await queueOf(node).put('fine');
    const seen: string[] = [];
    const consuming = new AbortController();
    const consumed = queueOf(node, { maxAttempts: 3 }).consume((job) => void seen.push(job.value), {
      signal: consuming.signal,
    });
    await world.clock.advance(100);
    expect(seen).toEqual(['fine']);
    await world.clock.advance(10_000);
    consuming.abort();
    await consumed;
    const [dead] = await all(queueOf(node).deadLetters());
    expect(dead).toMatchObject({ id: 'poison', value: undefined, attempts: 3, reason: 'undecodable' });
    expect(new TextDecoder().decode(dead?.bytes)).toBe('{ no json');
    expect(await queueOf(node).discard('poison')).toBe(true);
  });

  test('a queue of its own takes them, where one is named; or nothing does', async () => {
    const { client } = world.node();
    const queue = queueOf({ client, store: world.node().store }, { maxAttempts: 1, deadLetters: '/morgue' });
    await queue.put('a');
    await (await queue.take()).nack();
    const job = await new Queue<string>(client, '/morgue', { rememberMs: 0 }).take();
    expect(job.value).toBe('a');
    await job.ack();
    const forgetful = queueOf({ client, store: world.node().store }, { maxAttempts: 1, deadLetters: false });
    await forgetful.put('b');
    await (await forgetful.take()).nack();
    expect(await all(forgetful.deadLetters())).toEqual([]);
  });

  test('requeueing what is in the queue again is a conflict', async () => {
    const queue = queueOf(world.node(), { maxAttempts: 1 });
    await queue.put('a', { id: 'x' });
    await (await queue.take()).nack();
    await queue.put('b', { id: 'x' });
    expect(await failureOf(queue.requeue('x'))).toMatchObject({ code: 'CONFLICT' });
    await queue.discard('x');
    expect(await drain(queue)).toEqual(['b']);
  });
});
