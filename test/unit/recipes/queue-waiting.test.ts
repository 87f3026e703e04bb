import { describe, expect, test } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import { DelayQueue } from '../../../src/recipes/delay-queue.js';
import { PriorityQueue } from '../../../src/recipes/priority-queue.js';
import { Queue } from '../../../src/recipes/queue.js';
import type { Job } from '../../../src/recipes/queue-job.js';
import type { QueueOptions } from '../../../src/recipes/queue-parts.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { failureOf } from '../../rejections.js';
import { inNewWorlds, type Node, ttlMs, type World, watched } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const path = '/q';

function queueOf({ client }: Node, options: QueueOptions<number> = {}): Queue<number> {
  return new Queue<number>(client, path, { rememberMs: 0, ...options });
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

async function clear(queue: Queue<number>): Promise<void> {
  for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) await job.ack();
}

describe('consumers that wait', () => {
  const sent = (nodes: readonly Node[]): number => nodes.reduce((sum, { store }) => sum + store.requestCount, 0);

  test.each([2, 10, 100])(
    'with %i of them in as many processes, a put costs a constant number of requests',
    async (count) => {
      const nodes = numbers(count).map(() => world.node({ ttlMs: 60_000 }));
      const producer = world.node({ ttlMs: 60_000 });
      const waiting: ReturnType<typeof watched<Job<number>>>[] = [];
      for (const node of nodes) {
        waiting.push(watched(queueOf(node).take()));
        await settle();
      }
      const before = sent([...nodes, producer]);
      await queueOf(producer).put(1);
      await settle();
      expect(waiting.map(({ outcome }) => outcome).filter((outcome) => outcome === 'resolved')).toHaveLength(1);
      // The put, a look, a claim, leaving the line; the next one decides, watches twice, and looks.
      expect(sent([...nodes, producer]) - before).toBe(8);
      await waiting[0]?.value?.ack();
      for (const { client } of nodes) await client.close();
    },
  );

  test.each([1, 100])(
    '%i of them in one process stand in line once, and a put costs as many requests',
    async (count) => {
      const node = world.node({ ttlMs: 60_000 });
      const queue = queueOf(node);
      const ended = new AbortController();
      const waiting = numbers(count).map(() => watched(queue.take({ signal: ended.signal })));
      await settle();
      expect(world.keys()).toHaveLength(1);
      const before = node.store.requestCount;
      await queue.put(1);
      await settle();
      expect(waiting.filter(({ outcome }) => outcome === 'resolved')).toHaveLength(1);
      const next = count === 1 ? 0 : 4;
      expect(node.store.requestCount - before).toBe(4 + next);
      ended.abort(new Error('enough'));
      await settle();
      expect(waiting.filter(({ outcome }) => outcome === 'rejected')).toHaveLength(count - 1);
      await waiting[0]?.value?.ack();
      expect(world.keys()).toEqual([]);
    },
  );

  test('are all served when as many items come at once', async () => {
    const queues = numbers(10).map(() => queueOf(world.node()));
    const waiting = queues.flatMap((queue) => [watched(queue.take()), watched(queue.take())]);
    await settle();
    await queues[0]?.putMany(numbers(20).map((value) => ({ value })));
    await world.clock.advance(100);
    expect(waiting.map(({ value }) => value?.value).sort((a = 0, b = 0) => a - b)).toEqual(numbers(20));
    for (const { value } of waiting) await value?.ack();
  });

  test('get what comes when the first in line has died, once its lease has run out', async () => {
    const [dead, alive] = [world.node(), world.node()];
    const first = watched(queueOf(dead).take());
    await settle();
    const second = watched(queueOf(alive).take());
    await settle();
    dead.store.partition();
    await queueOf(world.node()).put(1);
    await world.clock.advance(ttlMs + 500);
    expect([first.outcome, second.outcome]).toEqual(['pending', 'resolved']);
    await second.value?.ack();
    dead.store.heal();
    await dead.client.close();
    await world.clock.advance(100);
    expect(first.outcome).toBe('rejected');
  });

  test('line up again behind the same promise when their session is lost', async () => {
    const node = world.node();
    const waiting = watched(queueOf(node).take());
    const rejecting = watched(queueOf(node, { onSessionLost: 'reject' }).take());
    await settle();
    world.cluster.revokeLease((await node.client.session()).lease);
    await world.clock.advance(ttlMs);
    expect(rejecting.error).toMatchObject({ code: 'SESSION_LOST' });
    await queueOf(world.node()).put(1);
    await settle();
    expect(waiting.outcome).toBe('resolved');
    await waiting.value?.ack();
  });

  test('look by themselves once in a while, in case that an event got lost', async () => {
    const node = world.node();
    const waiting = watched(queueOf(node).take());
    await settle();
    // Neither the bell nor a claim tells of it.
    const other = world.node();
    await queueOf(other).put(1);
    expect((await queueOf(other).peek(1))[0]).toMatchObject({ value: 1, attempts: 0 });
    await world.clock.advance(10_000);
    expect(waiting.outcome).toBe('resolved');
    await waiting.value?.ack();
  });
});

describe('a take that ends early', () => {
  test.each(numbers(12))('leaves nothing behind, and takes nothing, wherever it was (step %i)', async (step) => {
    const [node, other] = [world.node(), world.node()];
    await node.client.session();
    await queueOf(other).put(1);
    const mine = step % 2 === 0 ? await queueOf(other).take() : undefined;
    node.store.delay(20);
    const ended = new AbortController();
    const taking = watched(queueOf(node).take({ signal: ended.signal }));
    await world.clock.advance(5 + 10 * step);
    const wasTaken = taking.outcome === 'resolved';
    ended.abort(new Error('enough'));
    await world.clock.advance(200);
    if (wasTaken) await world.run(taking.value?.undeliver() ?? Promise.resolve());
    else expect(taking.error).toEqual(new Error('enough'));
    await world.clock.advance(200);
    expect(world.keys().filter((key) => /line|claims/.test(key))).toEqual(mine === undefined ? [] : [mine.key]);
    await mine?.nack();
    const job = await queueOf(other).take();
    expect(job.attempts).toBe(mine === undefined ? 1 : 2);
    await job.ack();
  });

  test('by its timeout says so, and what for', async () => {
    const queue = queueOf(world.node());
    const failure = world.run(failureOf(queue.take({ timeoutMs: 50 })));
    expect(await failure).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('an item of "/q"') });
    expect(world.keys()).toEqual([]);
  });

  test('by the close of its client rejects', async () => {
    const node = world.node();
    const taking = watched(queueOf(node).take());
    await settle();
    await node.client.close();
    await world.clock.advance(1_000);
    expect(taking.error).toMatchObject({ code: expect.stringMatching(/CLOSED$/) });
  });
});

describe('consume', () => {
  test('works on as many items at once as it may, and ends by its signal when all of them are done', async () => {
    const queue = queueOf(world.node());
    await queue.putMany(numbers(9).map((value) => ({ value })));
    const ended = new AbortController();
    let [working, most, done] = [0, 0, 0];
    const consumed = watched(
      queue.consume(
        async () => {
          most = Math.max(most, ++working);
          await sleep(world.clock, 100);
          working--;
          done++;
        },
        { concurrency: 3, signal: ended.signal },
      ),
    );
    await world.clock.advance(250);
    ended.abort();
    await settle();
    expect([most, done, consumed.outcome]).toEqual([3, 6, 'pending']);
    await world.clock.advance(100);
    expect([done, consumed.outcome]).toEqual([9, 'resolved']);
  });

  test('gives back what its handler failed at, tells of it, and goes on', async () => {
    const queue = queueOf(world.node());
    for (const n of [1, 2]) await queue.put(n);
    const ended = new AbortController();
    const [seen, errors]: [number[], unknown[]] = [[], []];
    const handler = (job: Job<number>): void => {
      seen.push(job.value);
      if (seen.length === 1) throw new Error('not yet');
    };
    const onError = (error: unknown): void => void errors.push(error);
    const consumed = queue.consume(handler, { signal: ended.signal, retryDelayMs: 300, onError });
    await world.clock.advance(299);
    expect(seen).toEqual([1, 2]);
    await world.clock.advance(1);
    expect(seen).toEqual([1, 2, 1]);
    expect(errors).toEqual([new Error('not yet')]);
    ended.abort();
    await consumed;
  });

  test('a handler may give its item back by itself, which is no error', async () => {
    const queue = queueOf(world.node());
    await queue.put(1);
    const ended = new AbortController();
    const errors: unknown[] = [];
    const handler = async (job: Job<number>): Promise<void> => {
      if (job.attempts === 1) await job.nack({ delayMs: 100 });
      else ended.abort();
    };
    await world.run(queue.consume(handler, { signal: ended.signal, onError: (error) => void errors.push(error) }));
    expect(errors).toEqual([]);
    expect(await queue.depth()).toBe(0);
  });

  test('an item lost under its handler is told of, and delivered to somebody else', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.put(1);
    const ended = new AbortController();
    const errors: unknown[] = [];
    const handler = async (job: Job<number>): Promise<void> => {
      if (job.attempts === 1) world.cluster.deleteKey(job.key);
      else ended.abort();
    };
    await world.run(queue.consume(handler, { signal: ended.signal, onError: (error) => void errors.push(error) }));
    expect(errors).toMatchObject([{ code: 'TICKET_LOST' }]);
  });

  test('rejects with what waiting does not mend, after its handlers have ended', async () => {
    const node = world.node();
    const consumed = watched(queueOf(node).consume(() => {}, { concurrency: 2 }));
    await settle();
    await node.client.close();
    await world.clock.advance(1_000);
    expect(consumed.error).toMatchObject({ code: expect.stringMatching(/CLOSED$/) });
  });
});

describe('a long queue', () => {
  test('is not read whole by each take: looks are few, and show few items', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.putMany(numbers(1_000).map((value) => ({ value })));
    const before = { ...node.store.requests };
    const seen: number[] = [];
    for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
      seen.push(job.value);
      await job.ack();
    }
    expect(seen).toEqual(numbers(1_000));
    // A take and an ack each, a grant, and a look for every 33 at least.
    expect(node.store.requests.commit - before.commit).toBeLessThan(2_035);
    expect(node.store.requests.read).toBe(before.read);
  });

  test('is shared out: ten consumers get no more than a few refusals each', async () => {
    const nodes = numbers(10).map(() => world.node());
    const queues = nodes.map((node) => queueOf(node));
    for (const { store } of nodes) store.delay(4);
    await world.run(queueOf(world.node()).putMany(numbers(310).map((value) => ({ value }))));
    const before = nodes.reduce((sum, { store }) => sum + store.requests.commit, 0);
    const seen: number[] = [];
    const consume = async (queue: Queue<number>): Promise<void> => {
      for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
        seen.push(job.value);
        await job.ack();
      }
    };
    await world.run(Promise.all(queues.map(consume)));
    expect(seen.sort((a, b) => a - b)).toEqual(numbers(310));
    const commits = nodes.reduce((sum, { store }) => sum + store.requests.commit, 0) - before;
    expect(commits / 310).toBeLessThan(3.5);
  });

  test('of items of one priority gives the oldest first, though keys say nothing of age', async () => {
    const queue = new PriorityQueue<number>(world.node().client, path, { rememberMs: 0 });
    for (const n of numbers(150)) await queue.put(n, { id: `${(n * 37) % 150}`, priority: 5 });
    await queue.put(-1, { priority: 6 });
    const seen: number[] = [];
    for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
      seen.push(job.value);
      await job.ack();
    }
    expect(seen).toEqual([...numbers(150), -1]);
  });

  test('whose first items are all in flight, or rest, still gives the next', async () => {
    const queue = queueOf(world.node());
    await queue.putMany(numbers(200).map((value) => ({ value })));
    const jobs: Job<number>[] = [];
    while (jobs.length < 150) jobs.push(...(await queue.takeMany(150 - jobs.length)));
    for (const job of jobs.slice(0, 100)) await job.nack({ delayMs: 1_000 });
    expect((await queue.take()).value).toBe(150);
    await world.clock.advance(1_000);
    expect((await queue.take()).value).toBe(0);
    for (const job of jobs) await job.release();
    await world.clock.advance(ttlMs);
    await queue.putMany([]);
    for (const lease of world.cluster.leases()) world.cluster.revokeLease(lease.id);
    await world.clock.advance(ttlMs);
    await clear(queueOf(world.node()));
  });

  test('of items that are not due costs one that waits no more than a look at the first of them', async () => {
    const node = world.node();
    const queue = new DelayQueue<number>(node.client, path, { rememberMs: 0 });
    await queue.putMany(numbers(500).map((value) => ({ value, delayMs: 10_000 + value })));
    const before = { ...node.store.requests };
    const taking = watched(queue.take());
    await world.clock.advance(9_000);
    expect(node.store.requests.commit - before.commit).toBeLessThan(5);
    await world.clock.advance(1_000);
    expect(taking.value?.value).toBe(0);
    await taking.value?.ack();
    await world.clock.advance(1_000);
    for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) await job.ack();
  });
});

describe('bad input is refused before anything is sent', () => {
  const make: readonly [string, object, string][] = [
    ['maxAttempts of 0', { maxAttempts: 0 }, 'INVALID_OPTION'],
    ['maxAttempts of 1.5', { maxAttempts: 1.5 }, 'INVALID_OPTION'],
    ['dead letters in the queue itself', { deadLetters: path }, 'INVALID_OPTION'],
    ['a bad path for dead letters', { deadLetters: '/x/' }, 'INVALID_PREFIX'],
    ['a number for dead letters', { deadLetters: 1 }, 'INVALID_KEY'],
    ['a visibilityMs of 0', { visibilityMs: 0 }, 'INVALID_TIMEOUT'],
    ['a negative rememberMs', { rememberMs: -1 }, 'INVALID_OPTION'],
    ['a rememberMs that no lease can have', { rememberMs: 1e12 }, 'INVALID_OPTION'],
    ['a codec that is none', { codec: {} }, 'INVALID_OPTION'],
    ['an option that it does not know', { priority: 1 }, 'UNKNOWN_OPTION'],
  ];
  test.each(make)('%s', (_, options, code) => {
    const node = world.node();
    expect(() => queueOf(node, options)).toThrow(expect.objectContaining({ code }));
  });

  // What a program in plain JavaScript can pass where the compiler would object.
  const calls: readonly [string, (queue: Queue<number>) => Promise<unknown>, string][] = [
    ['a put with a priority', (queue) => queue.put(1, { priority: 1 } as never), 'UNKNOWN_OPTION'],
    ['a put with a negative delay', (queue) => queue.put(1, { delayMs: -1 }), 'INVALID_OPTION'],
    ['a put of what JSON cannot say', (queue) => queue.put(undefined as never), 'INVALID_VALUE'],
    ['a putMany of no array', (queue) => queue.putMany({} as never), 'INVALID_OPTION'],
    ['a putMany with a bad id', (queue) => queue.putMany([{ value: 1 }, { value: 2, id: '/' }]), 'INVALID_OPTION'],
    ['a take of 0', (queue) => queue.takeMany(0), 'INVALID_OPTION'],
    ['a take with a bad timeout', (queue) => queue.take({ timeoutMs: 0 }), 'INVALID_TIMEOUT'],
    ['a take with a bad visibility', (queue) => queue.take({ visibilityMs: Number.NaN }), 'INVALID_TIMEOUT'],
    ['a consumer without a handler', (queue) => queue.consume(1 as never), 'INVALID_OPTION'],
    ['a consumer of no items', (queue) => queue.consume(() => {}, { concurrency: 0 }), 'INVALID_OPTION'],
    ['a peek at half an item', (queue) => queue.peek(0.5), 'INVALID_OPTION'],
    ['a requeue of a bad id', (queue) => queue.requeue(''), 'INVALID_OPTION'],
  ];
  test.each(calls)('%s', async (_, call, code) => {
    const node = world.node();
    expect(await failureOf(call(queueOf(node)))).toMatchObject({ code });
    expect(node.store.requestCount).toBe(0);
  });

  test.each([-1, 1.5, 2 ** 53, Number.NaN, '1' as never])('a priority of %s', async (priority) => {
    const node = world.node();
    const queue = new PriorityQueue<number>(node.client, path);
    expect(await failureOf(queue.put(1, { priority }))).toMatchObject({ code: 'INVALID_OPTION', field: 'priority' });
    expect(node.store.requestCount).toBe(0);
  });
});

describe('a single consumer', () => {
  test('gets items in order on a new session too, after it lost one', async () => {
    const node = world.node();
    const queue = queueOf(node);
    await queue.putMany(numbers(40).map((value) => ({ value })));
    const lost = await queue.takeMany(3);
    world.cluster.revokeLease((await node.client.session()).lease);
    await (await node.client.session()).verify();
    expect(lost.map((job) => job.isHeld())).toEqual([false, false, false]);
    const seen: number[] = [];
    for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
      seen.push(job.value);
      await job.ack();
    }
    expect(seen).toEqual(numbers(40));
  });

  test('that takes many at once in several tasks gets each item once, and sees the end as such', async () => {
    const queue = queueOf(world.node());
    await queue.putMany(numbers(100).map((value) => ({ value })));
    const jobs: Job<number>[] = [];
    const take = async (): Promise<void> => {
      for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) jobs.push(job);
    };
    await Promise.all(numbers(7).map(take));
    expect(jobs.map(({ value }) => value).sort((a, b) => a - b)).toEqual(numbers(100));
    await Promise.all(jobs.map((job) => job.ack()));
    expect(world.keys()).toEqual([]);
  });
});
