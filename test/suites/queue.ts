import { type Client, put, Queue } from 'coterie';
import { expect } from 'vitest';
import type { Suite, SuiteWorld } from './suite.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** So many producers put five items each, while so many consumers take and acknowledge them. */
export async function passOn(
  world: SuiteWorld,
  open: (client: Client) => Pick<Queue<number>, 'put' | 'take'>,
  writers: number,
  readers: number,
): Promise<number[]> {
  const all = numbers(writers * 5);
  const seen: number[] = [];
  const consuming = world.clients(readers).map(async (client, at) => {
    const queue = open(client);
    for (let left = all.filter((n) => n % readers === at).length; left > 0; left--) {
      const job = await queue.take();
      seen.push(job.value);
      await job.ack();
    }
  });
  const producing = world.clients(writers).map(async (client, at) => {
    const queue = open(client);
    for (const n of numbers(5)) await queue.put(at * 5 + n);
  });
  await Promise.all([...producing, ...consuming]);
  expect([...seen].sort((a, b) => a - b)).toEqual(all);
  await world.until('no key left', async () => (await world.keys()).length === 0);
  return seen;
}

/** What a queue promises on every store. Ids are not remembered, so that nothing is left when a test ends. */
export const queueSuite: Suite = (test) => {
  test('queue: what is put is taken in order and acknowledged for good, and leaves no key (TestQueueOneReaderOneWriter)', async (world) => {
    const [producer, consumer] = [world.client(), world.client()];
    const queue = new Queue<number>(producer, world.path, { rememberMs: 0 });
    for (let n = 0; n < 5; n++) await queue.put(n);
    await queue.putMany(numbers(60).map((n) => ({ value: n + 5 })));
    expect(await queue.depth()).toBe(65);
    expect((await queue.peek(3)).map(({ value }) => value)).toEqual([0, 1, 2]);
    const seen: number[] = [];
    for await (const job of new Queue<number>(consumer, world.path, { rememberMs: 0 })) {
      seen.push(job.value);
      await job.ack();
      if (seen.length === 65) break;
    }
    expect(seen).toEqual(numbers(65));
    await world.until('no key left', async () => (await world.keys()).length === 0);
  });

  test('queue: a consumer gets all that several producers put, of each in order (TestQueueOneReaderManyWriter)', async (world) => {
    const seen = await passOn(world, (client) => new Queue<number>(client, world.path, { rememberMs: 0 }), 4, 1);
    for (const at of numbers(4)) {
      const own = seen.filter((n) => Math.floor(n / 5) === at);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  test('queue: several consumers get all that several producers put, each item once (TestQueueManyReaderManyWriter)', async (world) => {
    await passOn(world, (client) => new Queue<number>(client, world.path, { rememberMs: 0 }), 3, 3);
  });

  test('queue: two whose names begin alike do not mix', async (world) => {
    const [one, other] = world.clients(2);
    if (one === undefined || other === undefined) throw new Error('no clients');
    const foo = new Queue<string>(one, `${world.path}/foo`, { rememberMs: 0 });
    const foobar = new Queue<string>(other, `${world.path}/foobar`, { rememberMs: 0 });
    await foobar.put('theirs');
    expect([await foo.depth(), await foo.tryTake()]).toEqual([0, undefined]);
    await foo.put('ours');
    const [ours, theirs] = [await foo.take(), await foobar.take()];
    expect([ours.value, theirs.value]).toEqual(['ours', 'theirs']);
    await Promise.all([ours.ack(), theirs.ack()]);
    expect(await world.keys()).toEqual([]);
  });

  test('queue: many are put and taken by few commits, and acknowledged with what they caused', async (world) => {
    const queue = new Queue<number>(world.client(), world.path, { rememberMs: 0 });
    expect((await queue.putMany(numbers(40).map((value) => ({ value })))).every(({ added }) => added)).toBe(true);
    const seen: number[] = [];
    while (seen.length < 40) {
      const jobs = await queue.takeMany(40 - seen.length);
      for (const job of jobs) {
        seen.push(job.value);
        await job.ack({ ops: [put(`${world.path}/effects/${job.value}`, 'done')] });
      }
    }
    expect(seen).toEqual(numbers(40));
    expect(await world.keys(`${world.path}/effects`)).toHaveLength(40);
  });

  test('queue: consumers that wait share out what comes, each item to one of them (TestQueueManyReaderOneWriter)', async (world) => {
    const consumers = world.clients(4).map((client) => new Queue<number>(client, world.path, { rememberMs: 0 }));
    const ended = new AbortController();
    const seen: number[] = [];
    const consuming = consumers.map((queue) =>
      queue.consume((job) => void seen.push(job.value), { concurrency: 3, signal: ended.signal }),
    );
    await world.until('all in line', async () => (await world.keys(`${world.path}/line`)).length === 4);
    const producer = new Queue<number>(world.client(), world.path, { rememberMs: 0 });
    for (const value of numbers(30)) await producer.put(value);
    await world.until('all are done', () => seen.length >= 30);
    await world.until('the queue is empty', async () => (await producer.depth()) === 0);
    ended.abort();
    await Promise.all(consuming);
    expect(seen.sort((a, b) => a - b)).toEqual(numbers(30));
    await world.until('no key left', async () => (await world.keys()).length === 0);
  });

  test('queue: what a crashed consumer had goes to another when its lease has run out', async (world) => {
    const { shortTtlMs, path } = world;
    const [first, second] = [world.client({ ttlMs: shortTtlMs }), world.client()];
    await new Queue<string>(second, path).put('a', { id: 'x' });
    const job = await new Queue<string>(first, path).take();
    const waiting = new Queue<string>(second, path, { rememberMs: 0 }).take();
    await world.until('one in line', async () => (await world.keys(`${path}/line`)).length === 1);
    await world.crash(first);
    const next = await waiting;
    expect(next).toMatchObject({ id: 'x', value: 'a', attempts: 2 });
    expect(next.token).toBeGreaterThan(job.token);
    await next.ack();
  });

  test('queue: what nobody acknowledges is a dead letter in the end, and can be requeued', async (world) => {
    const queue = new Queue<string>(world.client(), world.path, { maxAttempts: 2, rememberMs: 0 });
    expect(await queue.put('a', { id: 'x' })).toEqual({ id: 'x', added: true });
    expect(await queue.put('b', { id: 'x' })).toEqual({ id: 'x', added: false });
    for (let n = 0; n < 2; n++) await (await queue.take()).nack();
    expect(await queue.tryTake()).toBeUndefined();
    for await (const letter of queue.deadLetters()) expect(letter).toMatchObject({ id: 'x', value: 'a', attempts: 2 });
    expect(await queue.requeue('x')).toBe(true);
    expect(await queue.discard('x')).toBe(false);
    const again = await queue.take();
    expect(again.attempts).toBe(1);
    await again.nack({ delayMs: 50 });
    await (await queue.take()).ack();
    // One who got an item leaves the line in the background.
    await world.until('no key left', async () => (await world.keys()).length === 0);
  });

  test('queue: an id is remembered after its item was acknowledged, for a while', async (world) => {
    const ttlMs = world.shortTtlMs;
    const queue = new Queue<string>(world.client(), world.path, { rememberMs: ttlMs / 2 });
    await queue.put('a', { id: 'x' });
    await (await queue.take()).ack();
    expect(await queue.put('a', { id: 'x' })).toMatchObject({ added: false });
    await world.until('it is forgotten', async () => (await world.keys()).length === 0, 3 * world.expiryMs(ttlMs));
    expect(await queue.put('a', { id: 'x' })).toMatchObject({ added: true });
    await (await queue.take()).nack();
  });
};
