/** Queues of all kinds, and the jobs taken from them. */
import { type Client, DelayQueue, type Job, PriorityQueue, put, Queue } from 'coterie';
import type { Limits, SimulatedWorld } from 'coterie/testing';
import {
  ask,
  boundMs,
  firstOf,
  forAWhile,
  goesOn,
  isTrue,
  later,
  type Operation,
  type PointTrial,
  write,
} from './trial.js';

/** What is remembered of an item that is done stays for longer than the process; here it has to go before the end. */
const options = { rememberMs: 2_000 };

const queue = (client: Client) => new Queue<string>(client, '/queue', { maxAttempts: 3, ...options });

/** One delivery is enough to be a dead letter. */
const strict = (client: Client) => new Queue<string>(client, '/queue', { maxAttempts: 1, ...options });

const bury = async (client: Client): Promise<void> => {
  await strict(client).put('a', { id: 'one' });
  await (await strict(client).take()).nack();
};

const ids = async (client: Client): Promise<string> => (await queue(client).peek(10)).map(({ id }) => id).join();

/** The one item is there once, and a consumer gets it, or it is not there. */
async function isThere(client: Client): Promise<boolean> {
  const found = await queue(client).peek(10);
  isTrue(found.length <= 1, `the item is there ${found.length} times`);
  isTrue((await queue(client).depth()) === found.length, 'the depth is wrong');
  if (found.length === 0) return false;
  const job = await queue(client).take({ timeoutMs: boundMs });
  await job.ack();
  isTrue((await queue(client).depth()) === 0, 'it was acknowledged, and something is left');
  return true;
}

/** Another process gets the only item, once, within a bound, and nothing is left after that. */
const drained = (world: SimulatedWorld): Promise<void> =>
  goesOn(world, 'to take what was given back', async (client) => {
    const job = await queue(client).take({ timeoutMs: boundMs });
    isTrue(job.value === 'a', `it is ${job.value}`);
    await job.ack();
    isTrue((await queue(client).depth()) === 0, 'something is left');
  });

/** To take what is there, or comes after a while. Whoever does not get it leaves it to others. */
function taking(name: string, of: string, waitMs: number, take: Operation<readonly Job<string>[]>): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    if (waitMs === 0) await queue(other.client).put('a');
    else later(world, other, waitMs, (client) => queue(client).put('a'));
    const ended = await attempt(node, (limits) => take(node.client, limits));
    if (!('value' in ended)) return drained(world);
    const [job] = ended.value;
    isTrue(job !== undefined && ended.value.length === 1, `it took ${ended.value.length} items`);
    if (job === undefined) return;
    isTrue(job.value === 'a' && job.attempts === 1, `it is ${job.value}, delivered ${job.attempts} times`);
    isTrue(
      !job.isHeld() || world.truth.get(job.key)?.created === job.token,
      'it was taken, and the claim is not there',
    );
    await job.release();
    await drained(world);
  };
  return { name: `queue/${name}`, of: [of], trial };
}

/** Something done with the job of the only item. `gone`: whether the item is gone where it went well. */
function settling<T>(
  name: string,
  of: string,
  gone: boolean,
  settle: (job: Job<string>, limits: Limits) => Promise<T>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    await queue(other.client).put('a', { id: 'one' });
    const job = await queue(node.client).take();
    const ended = await attempt(node, (limits) => settle(job, limits));
    if ('value' in ended) isTrue(ended.value !== false, 'it was held until then, and it said that it was not');
    // An aborted call waits no more, and is carried out all the same.
    await world.sleep(15_000);
    if (gone) {
      const isGone = (await queue(other.client).depth()) === 0;
      isTrue(isGone || !('value' in ended), 'it was acknowledged, and is still there');
      const isWritten = world.truth.get('/effect') !== undefined;
      isTrue(isGone === isWritten, 'either the acknowledgement or its effect is there, but not both');
      if (isGone) return;
      await job.release();
    }
    await drained(world);
  };
  return { name: `queue/${name}`, of: [of], trial };
}

/** Works on the items that come, until it is told to stop: each is done, at least once, or left to others. */
function consuming(
  name: string,
  of: readonly string[],
  consume: (client: Client, limits: Limits, world: SimulatedWorld, done: (id: string) => void) => Promise<void>,
): PointTrial {
  const trial: PointTrial['trial'] = async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    await queue(other.client).put('a', { id: 'one' });
    later(world, other, 1_000, (client) => queue(client).put('b', { id: 'two' }));
    const done = new Set<string>();
    await attempt(node, (limits) => consume(node.client, limits, world, (id) => done.add(id)));
    await goesOn(world, 'to take what is left', async (client) => {
      await world.sleep(10_000);
      await forAWhile(world, { signal: new AbortController().signal, timeoutMs: 0 }, 20_000, (signal) =>
        queue(client).consume(({ id }) => done.add(id), { signal }),
      );
      isTrue(done.size === 2, `only ${[...done].join()} was ever done`);
      isTrue((await queue(client).depth()) === 0, 'something is left');
    });
  };
  return { name: `queue/${name}`, of, trial };
}

const one = async (taken: Promise<Job<string> | undefined>): Promise<readonly Job<string>[]> => {
  const job = await taken;
  return job === undefined ? [] : [job];
};

export const queueTrials: readonly PointTrial[] = [
  write({
    name: 'queue/put',
    of: ['QueueBase.put'],
    operation: (client, limits) => queue(client).put('a', limits),
    right: ({ added }) => added,
    done: isThere,
  }),
  write({
    name: 'queue/putMany',
    of: ['QueueBase.putMany'],
    operation: (client, limits) =>
      queue(client).putMany(
        [
          { value: 'a', id: 'one' },
          { value: 'b', id: 'two' },
        ],
        limits,
      ),
    right: (results) => results.every(({ added }) => added),
    // Some may be there where it failed.
    done: async (client) => ['one,two', 'two,one'].includes(await ids(client)),
  }),
  write({
    name: 'priority-queue/put',
    of: ['PriorityQueue.put'],
    operation: (client, limits) =>
      new PriorityQueue<string>(client, '/queue', options).put('a', { priority: 5, ...limits }),
    right: ({ added }) => added,
    done: async (client) => (await new PriorityQueue(client, '/queue', options).peek())[0]?.priority === 5,
  }),
  write({
    name: 'priority-queue/putMany',
    of: ['PriorityQueue.putMany'],
    operation: (client, limits) =>
      new PriorityQueue<string>(client, '/queue', options).putMany([{ value: 'a', priority: 5 }], limits),
    right: (results) => results.every(({ added }) => added),
    done: async (client) => (await new PriorityQueue(client, '/queue', options).peek())[0]?.priority === 5,
  }),
  write({
    name: 'delay-queue/put',
    of: ['QueueBase.put'],
    operation: (client, limits) =>
      new DelayQueue<string>(client, '/queue', options).put('a', { delayMs: 1_000, ...limits }),
    right: ({ added }) => added,
    done: async (client) => (await new DelayQueue(client, '/queue', options).depth()) === 1,
  }),
  taking('take, there is one', 'QueueBase.take', 0, (client, limits) => one(queue(client).take(limits))),
  taking('take, one comes', 'QueueBase.take', 2_000, (client, limits) => one(queue(client).take(limits))),
  taking('tryTake', 'QueueBase.tryTake', 0, (client, limits) => one(queue(client).tryTake(limits))),
  taking('takeMany', 'QueueBase.takeMany', 0, (client, limits) => queue(client).takeMany(3, limits)),
  settling('ack', 'Job.ack', true, (job, limits) => job.ack({ ops: [put('/effect', 'done')], ...limits })),
  settling('nack', 'Job.nack', false, (job, limits) => job.nack(limits)),
  settling('release', 'Job.release', false, (job, limits) => job.release(limits)),
  consuming('consume', ['QueueBase.consume'], (client, limits, world, done) =>
    forAWhile(world, limits, 4_000, (signal) => queue(client).consume(({ id }) => done(id), { signal })),
  ),
  consuming('jobs', ['QueueBase.jobs', 'QueueBase.[Symbol.asyncIterator]'], async (client, limits, _world, done) => {
    for await (const job of queue(client).jobs(limits)) {
      done(job.id);
      await job.ack();
      if (job.id === 'two') break;
    }
  }),
  ask({
    name: 'queue/depth',
    of: ['QueueBase.depth'],
    before: (client) => queue(client).put('a'),
    operation: (client, limits) => queue(client).depth(limits),
    right: (value) => value === 1,
  }),
  ask({
    name: 'queue/inFlight',
    of: ['QueueBase.inFlight'],
    before: async (client) => {
      await queue(client).put('a');
      await queue(client).take();
    },
    operation: (client, limits) => queue(client).inFlight(limits),
    right: (value) => value === 1,
  }),
  ask({
    name: 'queue/peek',
    of: ['QueueBase.peek'],
    before: (client) => queue(client).put('a'),
    operation: (client, limits) => queue(client).peek(10, limits),
    right: (found) => found.length === 1 && found[0]?.value === 'a',
  }),
  ask({
    name: 'queue/deadLetters',
    of: ['QueueBase.deadLetters'],
    before: bury,
    operation: (client, limits) => firstOf(queue(client).deadLetters(limits), 2),
    right: (found) => found.length === 1 && found[0]?.id === 'one',
  }),
  write({
    name: 'queue/requeue',
    of: ['QueueBase.requeue'],
    before: bury,
    operation: (client, limits) => queue(client).requeue('one', limits),
    right: (was) => was,
    done: async (client) => {
      const dead = await firstOf(queue(client).deadLetters(), 2);
      const isBack = await isThere(client);
      isTrue(isBack === (dead.length === 0), 'the dead letter is twice there, or not at all');
      return isBack;
    },
  }),
  write({
    name: 'queue/discard',
    of: ['QueueBase.discard'],
    before: bury,
    operation: (client, limits) => queue(client).discard('one', limits),
    right: (was) => was,
    done: async (client) => (await firstOf(queue(client).deadLetters(), 2)).length === 0,
  }),
];
