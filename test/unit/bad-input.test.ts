import { describe, expect, test } from 'vitest';
import { Client } from '../../src/client.js';
import { put, remove } from '../../src/core/store.js';
import { type CoordinationError, type ErrorCode, isCoordinationError } from '../../src/errors.js';
import { etcd } from '../../src/etcd.js';
import { memory, memoryCluster } from '../../src/memory.js';
import { AtomicCounter } from '../../src/recipes/atomic-counter.js';
import { Barrier } from '../../src/recipes/barrier.js';
import { ConfigCache } from '../../src/recipes/config-cache.js';
import { CountDownLatch } from '../../src/recipes/count-down-latch.js';
import { DelayQueue } from '../../src/recipes/delay-queue.js';
import { DoubleBarrier } from '../../src/recipes/double-barrier.js';
import { Election } from '../../src/recipes/election.js';
import { Group } from '../../src/recipes/group.js';
import { MultiMutex } from '../../src/recipes/multi-mutex.js';
import { Mutex } from '../../src/recipes/mutex.js';
import { Partitioner } from '../../src/recipes/partitioner.js';
import { PersistentKey } from '../../src/recipes/persistent-key.js';
import { PriorityQueue } from '../../src/recipes/priority-queue.js';
import { Queue } from '../../src/recipes/queue.js';
import { ReadWriteLock } from '../../src/recipes/read-write-lock.js';
import { Semaphore } from '../../src/recipes/semaphore.js';
import { Sequence } from '../../src/recipes/sequence.js';
import { ServiceRegistry } from '../../src/recipes/service-registry.js';
import { SharedValue } from '../../src/recipes/shared-value.js';
import { stm, stmResult } from '../../src/recipes/stm.js';
import { FaultyStore } from '../../src/testing/faulty-store.js';

/** What a program in plain JavaScript can pass where the compiler would object. */
// biome-ignore lint/suspicious/noExplicitAny: bad input is the subject here.
type Anything = any;

async function failure(run: () => unknown): Promise<CoordinationError> {
  try {
    await run();
  } catch (error) {
    if (isCoordinationError(error)) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}

/** Runs something with a client that counts what it sends, and gives back the error. */
async function refused(run: (client: Client) => unknown): Promise<CoordinationError> {
  const store = new FaultyStore(memoryCluster().store());
  const client = new Client(store);
  const error = await failure(() => run(client));
  expect(store.requestCount).toBe(0);
  await client.close();
  return error;
}

const paths: [name: string, path: Anything, code: ErrorCode, problem: string][] = [
  ['an empty path', '', 'INVALID_KEY', 'empty'],
  ['no path', undefined, 'INVALID_KEY', 'not-a-string'],
  ['a number for a path', 7, 'INVALID_KEY', 'not-a-string'],
  ['a path with NUL', '/a\0b', 'INVALID_KEY', 'nul'],
  ['a path with a segment ".."', '/a/../b', 'INVALID_KEY', 'dot-segment'],
  ['a path that is not Unicode', '/a\ud800', 'INVALID_KEY', 'not-unicode'],
  ['the root as a path', '/', 'INVALID_PREFIX', 'root'],
  ['a path that ends in a slash', '/locks/', 'INVALID_PREFIX', 'final-slash'],
  ['a path with an empty segment', '/locks//job', 'INVALID_PREFIX', 'empty-segment'],
];

const task = (): void => {};
const instance = { id: 'x', address: 'h', port: 1 };

/** Every recipe, at a path, with its options. */
const recipes: Readonly<Record<string, (client: Client, path: Anything, options?: Anything) => unknown>> = {
  Mutex: (c, path, options) => new Mutex(c, path, options),
  MultiMutex: (c, path, options) => new MultiMutex(c, ['/other', path], options),
  ReadWriteLock: (c, path, options) => new ReadWriteLock(c, path, options),
  Semaphore: (c, path, options) => new Semaphore(c, path, options),
  Election: (c, path, options) => new Election(c, path, options),
  Barrier: (c, path, options) => new Barrier(c, path, options),
  DoubleBarrier: (c, path, options) => new DoubleBarrier(c, path, 2, options),
  CountDownLatch: (c, path, options) => new CountDownLatch(c, path, 2, options),
  AtomicCounter: (c, path, options) => new AtomicCounter(c, path, options),
  SharedValue: (c, path, options) => new SharedValue(c, path, options),
  Sequence: (c, path, options) => new Sequence(c, path, options),
  Queue: (c, path, options) => new Queue(c, path, options),
  PriorityQueue: (c, path, options) => new PriorityQueue(c, path, options),
  DelayQueue: (c, path, options) => new DelayQueue(c, path, options),
  ConfigCache: (c, path, options) => ConfigCache.open(c, path, options),
  Group: (c, path, options) => new Group(c, path, options),
  Partitioner: (c, path, options) => new Partitioner(c, path, { shards: 4, ...options }),
  ServiceRegistry: (c, path, options) => new ServiceRegistry(c, path, options),
};

/** Bad values of options that a recipe has. */
const badOptions: readonly [name: keyof typeof recipes, options: Anything, code: ErrorCode][] = [
  ...['Mutex', 'MultiMutex', 'ReadWriteLock', 'Semaphore', 'Election', 'Queue', 'Group', 'Partitioner'].flatMap(
    (name): [string, Anything, ErrorCode][] => [
      [name, { onSessionLost: 'ignore' }, 'INVALID_OPTION'],
      [name, { session: {} }, 'INVALID_OPTION'],
      [name, { ttlMs: 0 }, 'INVALID_TTL'],
      [name, { ttlMs: '5' }, 'INVALID_TTL'],
    ],
  ),
  ...['Barrier', 'DoubleBarrier', 'CountDownLatch', 'AtomicCounter', 'SharedValue'].flatMap(
    (name): [string, Anything, ErrorCode][] => [
      [name, { session: {} }, 'INVALID_OPTION'],
      [name, { ttlMs: 0 }, 'INVALID_TTL'],
    ],
  ),
  ...['Mutex', 'MultiMutex', 'ReadWriteLock', 'Semaphore'].map((name): [string, Anything, ErrorCode] => [
    name,
    { label: 5 },
    'INVALID_OPTION',
  ]),
  ...['SharedValue', 'Queue', 'PriorityQueue', 'DelayQueue', 'Group'].flatMap(
    (name): [string, Anything, ErrorCode][] => [
      [name, { codec: {} }, 'INVALID_OPTION'],
      [name, { codec: 'json' }, 'INVALID_OPTION'],
      [name, { schema: {} }, 'INVALID_OPTION'],
    ],
  ),
  ['Semaphore', { permits: 0 }, 'INVALID_OPTION'],
  ['Semaphore', { permits: '3' }, 'INVALID_OPTION'],
  ['Barrier', { leased: 'yes' }, 'INVALID_OPTION'],
  ['Sequence', { block: 0 }, 'INVALID_OPTION'],
  ['Sequence', { block: '10' }, 'INVALID_OPTION'],
  ['Queue', { maxAttempts: 0 }, 'INVALID_OPTION'],
  ['Queue', { maxAttempts: '5' }, 'INVALID_OPTION'],
  ['Queue', { deadLetters: 7 }, 'INVALID_KEY'],
  ['Queue', { deadLetters: '/dead/' }, 'INVALID_PREFIX'],
  ['Queue', { visibilityMs: 0 }, 'INVALID_TIMEOUT'],
  ['Queue', { rememberMs: -1 }, 'INVALID_OPTION'],
  ['Group', { onTaken: 'fight' }, 'INVALID_OPTION'],
  ['Partitioner', { shards: 0 }, 'INVALID_OPTION'],
  ['Partitioner', { weight: 0 }, 'INVALID_OPTION'],
  ['ServiceRegistry', { checkMs: 0 }, 'INVALID_TIMEOUT'],
  ['ServiceRegistry', { schema: {} }, 'INVALID_OPTION'],
  ['ConfigCache', { schema: {} }, 'INVALID_OPTION'],
  ['ConfigCache', { format: 'xml' }, 'INVALID_OPTION'],
  ['ConfigCache', { layers: '/a' }, 'INVALID_OPTION'],
  ['ConfigCache', { staleAfterMs: 0 }, 'INVALID_TIMEOUT'],
];

/** Bad arguments beside the options. */
const badArguments: readonly [name: string, call: (client: Client, bad: Anything) => unknown, bad: Anything[]][] = [
  ['a task of Mutex.run', (c, bad) => new Mutex(c, '/a').run(bad), [undefined, 5]],
  ['a task of MultiMutex.run', (c, bad) => new MultiMutex(c, ['/a']).run(bad), [undefined, 5]],
  ['a task of ReadWriteLock.read', (c, bad) => new ReadWriteLock(c, '/a').read(bad), [undefined, 5]],
  ['a task of ReadWriteLock.write', (c, bad) => new ReadWriteLock(c, '/a').write(bad), [undefined, 5]],
  ['a task of Semaphore.run', (c, bad) => new Semaphore(c, '/a').run(bad), [undefined, 5]],
  ['a task of Partitioner.run', (c, bad) => new Partitioner(c, '/a', { shards: 4 }).run(bad), [undefined, 5]],
  ['a task of Election.lead', (c, bad) => new Election(c, '/a').lead('x', bad), [undefined, 5]],
  ['a handler of Queue.consume', (c, bad) => new Queue(c, '/a').consume(bad), [undefined, 5]],
  ['a change of SharedValue.update', (c, bad) => new SharedValue(c, '/a').update(bad), [undefined, 5]],
  ['a function of stm', (c, bad) => stm(c, bad), [undefined, 5]],
  ['the paths of a MultiMutex', (c, bad) => new MultiMutex(c, bad), [undefined, '/a', [], ['/a', '/a'], [5]]],
  ['the count of a DoubleBarrier', (c, bad) => new DoubleBarrier(c, '/a', bad), [undefined, 0, 1.5, '2', 1e9]],
  ['the count of a CountDownLatch', (c, bad) => new CountDownLatch(c, '/a', bad), [undefined, 0, 1.5, '2', 1e99]],
  ['permits to acquire', (c, bad) => new Semaphore(c, '/a').acquire(bad), [0, -1, 1.5, '1', null]],
  ['permits to try', (c, bad) => new Semaphore(c, '/a').tryAcquire(bad), [0, -1, 1.5, '1', null]],
  ['a limit', (c, bad) => new Semaphore(c, '/a').resize(bad), [undefined, 0, -1, 1.5, '1', null]],
  ['an amount', (c, bad) => new AtomicCounter(c, '/a').add(bad), [undefined, 1, '1', null]],
  ['a value', (c, bad) => new SharedValue(c, '/a').set(bad), [undefined, () => 1, Symbol('x'), 1n]],
  ['an item', (c, bad) => new Queue(c, '/a').put(bad), [undefined, () => 1, Symbol('x'), 1n]],
  ['items', (c, bad) => new Queue(c, '/a').putMany(bad), [undefined, 'x', [5], [{ value: 1, key: 'x' }]]],
  ['how many to take', (c, bad) => new Queue(c, '/a').takeMany(bad), [undefined, 0, 1.5, '1']],
  ['how many to peek', (c, bad) => new Queue(c, '/a').peek(bad), [0, 1.5, '1', null]],
  ['a dead letter to requeue', (c, bad) => new Queue(c, '/a').requeue(bad), [undefined, '', 'a/b', 5]],
  ['a dead letter to discard', (c, bad) => new Queue(c, '/a').discard(bad), [undefined, '', 'a/b', 5]],
  ['a priority', (c, priority) => new PriorityQueue(c, '/a').put(1, { priority }), [-1, 1.5, '1', null]],
  ['a delay', (c, delayMs) => new DelayQueue(c, '/a').put(1, { delayMs }), [-1, Number.NaN, '1', null]],
  ['an id of a member', (c, bad) => new Group(c, '/a').join(bad, 1), [undefined, '', 'a/b', '..', 5]],
  [
    'an instance',
    (c, bad) => new ServiceRegistry(c, '/a').register(bad),
    [undefined, 'x', {}, { ...instance, port: 0 }],
  ],
  ['a key', (c, bad) => new PersistentKey(c, bad, 1), [undefined, '', 'a\0', 5]],
  ['a value of a key', (c, bad) => new PersistentKey(c, '/a', bad).start(), [undefined, () => 1, 1n]],
];

type Call = (client: Client, options: Anything) => unknown;

/** Every method that asks the store for something, with its options. */
const calls: Readonly<Record<string, Call>> = {
  'Mutex.acquire': (c, o) => new Mutex(c, '/a').acquire(o),
  'Mutex.tryAcquire': (c, o) => new Mutex(c, '/a').tryAcquire(o),
  'Mutex.run': (c, o) => new Mutex(c, '/a').run(task, o),
  'Mutex.holder': (c, o) => new Mutex(c, '/a').holder(o),
  'Mutex.waiters': (c, o) => new Mutex(c, '/a').waiters(o),
  'MultiMutex.acquire': (c, o) => new MultiMutex(c, ['/a']).acquire(o),
  'MultiMutex.tryAcquire': (c, o) => new MultiMutex(c, ['/a']).tryAcquire(o),
  'MultiMutex.run': (c, o) => new MultiMutex(c, ['/a']).run(task, o),
  'ReadWriteLock.acquireRead': (c, o) => new ReadWriteLock(c, '/a').acquireRead(o),
  'ReadWriteLock.acquireWrite': (c, o) => new ReadWriteLock(c, '/a').acquireWrite(o),
  'ReadWriteLock.tryAcquireRead': (c, o) => new ReadWriteLock(c, '/a').tryAcquireRead(o),
  'ReadWriteLock.tryAcquireWrite': (c, o) => new ReadWriteLock(c, '/a').tryAcquireWrite(o),
  'ReadWriteLock.read': (c, o) => new ReadWriteLock(c, '/a').read(task, o),
  'ReadWriteLock.write': (c, o) => new ReadWriteLock(c, '/a').write(task, o),
  'ReadWriteLock.holders': (c, o) => new ReadWriteLock(c, '/a').holders(o),
  'ReadWriteLock.waiters': (c, o) => new ReadWriteLock(c, '/a').waiters(o),
  'Semaphore.acquire': (c, o) => new Semaphore(c, '/a', { permits: 1 }).acquire(1, o),
  'Semaphore.tryAcquire': (c, o) => new Semaphore(c, '/a', { permits: 1 }).tryAcquire(1, o),
  'Semaphore.run': (c, o) => new Semaphore(c, '/a', { permits: 1 }).run(task, o),
  'Semaphore.resize': (c, o) => new Semaphore(c, '/a').resize(1, o),
  'Semaphore.limit': (c, o) => new Semaphore(c, '/a').limit(o),
  'Semaphore.available': (c, o) => new Semaphore(c, '/a').available(o),
  'Semaphore.holders': (c, o) => new Semaphore(c, '/a').holders(o),
  'Semaphore.waiters': (c, o) => new Semaphore(c, '/a').waiters(o),
  'Election.campaign': (c, o) => new Election(c, '/a').campaign('x', o),
  'Election.leader': (c, o) => new Election(c, '/a').leader(o),
  'Election.candidates': (c, o) => new Election(c, '/a').candidates(o),
  'Election.observe': (c, o) => new Election(c, '/a').observe(o).next(),
  'Election.lead': (c, o) => new Election(c, '/a').lead('x', task, o),
  'Barrier.hold': (c, o) => new Barrier(c, '/a').hold(o),
  'Barrier.wait': (c, o) => new Barrier(c, '/a').wait(o),
  'Barrier.release': (c, o) => new Barrier(c, '/a').release(o),
  'Barrier.isHeld': (c, o) => new Barrier(c, '/a').isHeld(o),
  'DoubleBarrier.enter': (c, o) => new DoubleBarrier(c, '/a', 2).enter(o),
  'CountDownLatch.countDown': (c, o) => new CountDownLatch(c, '/a', 2).countDown(o),
  'CountDownLatch.count': (c, o) => new CountDownLatch(c, '/a', 2).count(o),
  'CountDownLatch.wait': (c, o) => new CountDownLatch(c, '/a', 2).wait(o),
  'CountDownLatch.reset': (c, o) => new CountDownLatch(c, '/a', 2).reset(o),
  'AtomicCounter.get': (c, o) => new AtomicCounter(c, '/a').get(o),
  'AtomicCounter.add': (c, o) => new AtomicCounter(c, '/a').add(1n, o),
  'AtomicCounter.increment': (c, o) => new AtomicCounter(c, '/a').increment(o),
  'AtomicCounter.compareAndSet': (c, o) => new AtomicCounter(c, '/a').compareAndSet(0n, 1n, o),
  'SharedValue.get': (c, o) => new SharedValue(c, '/a').get(o),
  'SharedValue.set': (c, o) => new SharedValue(c, '/a').set(1, o),
  'SharedValue.update': (c, o) => new SharedValue(c, '/a').update(() => 1, o),
  'SharedValue.delete': (c, o) => new SharedValue(c, '/a').delete(o),
  'SharedValue.changes': (c, o) => new SharedValue(c, '/a').changes(o).next(),
  'Sequence.next': (c, o) => new Sequence(c, '/a').next(o),
  'Queue.put': (c, o) => new Queue(c, '/a').put(1, o),
  'Queue.putMany': (c, o) => new Queue(c, '/a').putMany([{ value: 1 }], o),
  'Queue.take': (c, o) => new Queue(c, '/a').take(o),
  'Queue.tryTake': (c, o) => new Queue(c, '/a').tryTake(o),
  'Queue.takeMany': (c, o) => new Queue(c, '/a').takeMany(2, o),
  'Queue.jobs': (c, o) => new Queue(c, '/a').jobs(o).next(),
  'Queue.depth': (c, o) => new Queue(c, '/a').depth(o),
  'Queue.inFlight': (c, o) => new Queue(c, '/a').inFlight(o),
  'Queue.peek': (c, o) => new Queue(c, '/a').peek(1, o),
  'Queue.deadLetters': (c, o) => new Queue(c, '/a').deadLetters(o)[Symbol.asyncIterator]().next(),
  'Queue.requeue': (c, o) => new Queue(c, '/a').requeue('x', o),
  'Queue.discard': (c, o) => new Queue(c, '/a').discard('x', o),
  'PriorityQueue.put': (c, o) => new PriorityQueue(c, '/a').put(1, o),
  'PriorityQueue.putMany': (c, o) => new PriorityQueue(c, '/a').putMany([{ value: 1 }], o),
  'DelayQueue.put': (c, o) => new DelayQueue(c, '/a').put(1, o),
  'DelayQueue.putMany': (c, o) => new DelayQueue(c, '/a').putMany([{ value: 1 }], o),
  'ConfigCache.open': (c, o) => ConfigCache.open(c, '/a', o),
  'PersistentKey.start': (c, o) => new PersistentKey(c, '/a', 1).start(o),
  'PersistentKey.update': (c, o) => new PersistentKey(c, '/a', 1).update(2, o),
  'PersistentKey.stop': (c, o) => new PersistentKey(c, '/a', 1).stop(o),
  'Group.join': (c, o) => new Group(c, '/a').join('x', 1, o),
  'Group.members': (c, o) => new Group(c, '/a').members(o),
  'Group.views': (c, o) => new Group(c, '/a').views(o).next(),
  'Partitioner.run': (c, o) => new Partitioner(c, '/a', { shards: 4 }).run(task, o),
  'Partitioner.owners': (c, o) => new Partitioner(c, '/a', { shards: 4 }).owners(o),
  'ServiceRegistry.register': (c, o) => new ServiceRegistry(c, '/a').register(instance, o),
  'ServiceRegistry.instances': (c, o) => new ServiceRegistry(c, '/a').instances(o),
  'ServiceRegistry.views': (c, o) => new ServiceRegistry(c, '/a').views(o).next(),
  'ServiceRegistry.resolver': (c, o) => new ServiceRegistry(c, '/a').resolver(o),
  stm: (c, o) => stm(c, (tx) => tx.get('/a'), o),
  stmResult: (c, o) => stmResult(c, (tx) => tx.get('/a'), o),
  'Client.session': (c, o) => c.session(o),
  'Client.openSession': (c, o) => c.openSession(o),
};

/** Methods of what was got from the store before. */
const later: Readonly<Record<string, (client: Client) => Promise<(options: Anything) => unknown>>> = {
  'Hold.release': async (c) => {
    const hold = await new Mutex(c, '/a').acquire();
    return (o) => hold.release(o);
  },
  'Hold.commit': async (c) => {
    const hold = await new Mutex(c, '/a').acquire();
    return (o) => hold.commit([put('/b', '')], o);
  },
  'Permits.release': async (c) => {
    const hold = await new Semaphore(c, '/a', { permits: 1 }).acquire();
    return (o) => hold.release(o);
  },
  'MultiHold.release': async (c) => {
    const hold = await new MultiMutex(c, ['/a', '/b']).acquire();
    return (o) => hold.release(o);
  },
  'ReadWriteHold.tryUpgrade': async (c) => {
    const hold = await new ReadWriteLock(c, '/a').acquireRead();
    return (o) => hold.tryUpgrade(o);
  },
  'ReadWriteHold.downgrade': async (c) => {
    const hold = await new ReadWriteLock(c, '/a').acquireWrite();
    return (o) => hold.downgrade(o);
  },
  'Term.proclaim': async (c) => {
    const term = await new Election(c, '/a').campaign('x');
    return (o) => term.proclaim('y', o);
  },
  'Term.resign': async (c) => {
    const term = await new Election(c, '/a').campaign('x');
    return (o) => term.resign(o);
  },
  'BarrierMembership.leave': async (c) => {
    const member = await new DoubleBarrier(c, '/a', 1).enter();
    return (o) => member.leave(o);
  },
  'Job.ack': async (c) => {
    const queue = new Queue(c, '/a');
    await queue.put(1);
    const job = await queue.take();
    return (o) => job.ack(o);
  },
  'Job.nack': async (c) => {
    const queue = new Queue(c, '/a');
    await queue.put(1);
    const job = await queue.take();
    return (o) => job.nack(o);
  },
  'Membership.update': async (c) => {
    const member = await new Group(c, '/a').join('x', 1);
    return (o) => member.update(2, o);
  },
  'Membership.leave': async (c) => {
    const member = await new Group(c, '/a').join('x', 1);
    return (o) => member.leave(o);
  },
  'Registration.update': async (c) => {
    const registration = await new ServiceRegistry(c, '/a').register(instance);
    return (o) => registration.update({ load: 1 }, o);
  },
  'Registration.leave': async (c) => {
    const registration = await new ServiceRegistry(c, '/a').register(instance);
    return (o) => registration.leave(o);
  },
  'ConfigCache.waitUntil': async (c) => {
    const cache = await ConfigCache.open(c, '/a');
    return (o) => cache.waitUntil(1n, o);
  },
  'ConfigCache.set': async (c) => {
    const cache = await ConfigCache.open(c, '/a');
    return (o) => cache.set('b', 1, o);
  },
  'ConfigCache.delete': async (c) => {
    const cache = await ConfigCache.open(c, '/a');
    return (o) => cache.delete('b', o);
  },
};

const badCalls: [name: string, options: Anything, code: ErrorCode, field: string][] = [
  ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null].map(
    (timeoutMs): [string, Anything, ErrorCode, string] => [
      `a timeoutMs of ${timeoutMs === '5' ? 'text' : timeoutMs}`,
      { timeoutMs },
      'INVALID_TIMEOUT',
      'timeoutMs',
    ],
  ),
  ['what is no signal', { signal: new AbortController() }, 'INVALID_OPTION', 'signal'],
  ['a signal that is text', { signal: 'abort' }, 'INVALID_OPTION', 'signal'],
  ['an option that does not exist', { timeout: 5 }, 'UNKNOWN_OPTION', 'timeout'],
];

describe('recipes', () => {
  describe.each(Object.entries(recipes))('%s', (_, make) => {
    test.each(paths)('%s is refused before anything is sent', async (__, path, code, problem) => {
      const error = await refused((client) => make(client, path));
      expect(error).toMatchObject({ code, problem });
      expect(error.message).toMatch(/[.;"]/);
    });

    test('an option that does not exist is named, with those that do', async () => {
      const error = await refused((client) => make(client, '/a', { timeout: 5 }));
      expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', field: 'timeout' });
      expect(error.message).toMatch(/knows .*(timeoutMs|session|block|schema)/);
    });

    test.each([5, 'x', null])('options that are %j are refused', async (options) => {
      if (make === recipes['Partitioner'] && options !== 'x') return;
      expect((await refused((client) => make(client, '/a', options))).code).toMatch(/^(INVALID|UNKNOWN)_OPTION$/);
    });
  });

  test.each(badOptions)('%s refuses %j before anything is sent', async (name, options, code) => {
    const make = recipes[name];
    if (make === undefined) throw new Error('no such recipe');
    expect((await refused((client) => make(client, '/a', options))).code).toBe(code);
  });

  test.each(badArguments)('%s: what is none is refused before anything is sent', async (_, call, all) => {
    for (const bad of all) expect((await refused((client) => call(client, bad))).code).toMatch(/^(INVALID|DUPL|UNKN)/);
  });

  describe.each(Object.entries(calls))('%s', (_, call) => {
    test.each(badCalls)('%s is refused before anything is sent', async (__, options, code, field) => {
      expect(await refused((client) => call(client, options))).toMatchObject({ code, field });
    });

    test.each([5, 'x', null])('options that are %j are refused before anything is sent', async (options) => {
      expect((await refused((client) => call(client, options))).code).toBe('INVALID_OPTION');
    });
  });

  test.each(Object.entries(calls))(
    '%s with a signal that is aborted rejects with its reason, and sends nothing',
    async (_, call) => {
      const store = new FaultyStore(memoryCluster().store());
      const client = new Client(store);
      const reason = new Error('enough');
      await expect((async () => call(client, { signal: AbortSignal.abort(reason) }))()).rejects.toBe(reason);
      expect(store.requestCount).toBe(0);
      await client.close();
    },
  );

  // Before its start, a persistent key has nothing to ask the store for.
  const asking = Object.entries(calls).filter(([name]) => !/^PersistentKey.(update|stop)$/.test(name));

  test.each(asking)('%s with a client that is closed rejects with CLOSED', async (_, call) => {
    const client = memory();
    await client.close();
    expect((await failure(() => call(client, undefined))).code).toBe('CLOSED');
  });

  describe.each(Object.entries(later))('%s', (_, got) => {
    test.each([...badCalls, ['options that are no object', 5, 'INVALID_OPTION', undefined] as const])(
      '%s is refused before anything is sent',
      async (__, options, code, field) => {
        const store = new FaultyStore(memoryCluster().store());
        const client = new Client(store);
        const call = await got(client);
        const { requestCount } = store;
        const error = await failure(() => call(options));
        expect(error).toMatchObject(field === undefined ? { code } : { code, field });
        expect(store.requestCount).toBe(requestCount);
        await client.close();
      },
    );
  });

  test.each([0, -5, Number.NaN, 1, 1e15])('a ttlMs of %s is refused by client and recipes', async (ttlMs) => {
    expect(await failure(() => memory({ ttlMs }))).toMatchObject({ code: 'INVALID_TTL', field: 'ttlMs' });
    expect((await refused((client) => new Mutex(client, '/a', { ttlMs }))).code).toBe('INVALID_TTL');
    expect((await refused((client) => client.openSession({ ttlMs }))).code).toBe('INVALID_TTL');
  });

  test('a choice of sessions that contradicts itself is refused', async () => {
    const client = memory();
    const session = await client.openSession();
    const choices: Anything[] = [
      { session: {} },
      { session, ttlMs: 5_000 },
      { session, onSessionLost: 'rejoin' },
      { onSessionLost: 'ignore' },
    ];
    for (const choice of choices) {
      expect((await failure(() => new Mutex(client, '/a', choice))).code).toBe('INVALID_OPTION');
    }
    await client.close();
  });

  test('a label that is no text is refused', async () => {
    const label: Anything = 5;
    const error = await refused((client) => new Mutex(client, '/a', { label }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', field: 'label' });
  });

  test('a recipe, and the store, of a client that is closed later reject with CLOSED', async () => {
    const client = memory();
    const mutex = new Mutex(client, '/a');
    await client.close();
    const uses = [
      () => mutex.acquire(),
      () => client.store.commit([], [remove('/a')]),
      () => client.store.watch({ key: '/a' }).next(),
    ];
    for (const use of uses) expect((await failure(use)).code).toBe('CLOSED');
  });
});

describe('etcd()', () => {
  const endpoints: Anything[] = [
    undefined,
    [],
    '',
    7,
    [''],
    'http://',
    'ftp://host:2379',
    'http://host:0',
    'http://host:70000',
    'http://host:2379/path',
    'http://user:secret@host:2379',
    'host:port',
    'http://ho st:2379',
  ];
  test.each(endpoints)('the endpoint %j is refused', async (bad) => {
    const error = await failure(() => etcd({ endpoints: bad }));
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT' });
    expect(error.message).not.toContain('secret');
  });

  test('no options at all are refused', async () => {
    const none: Anything = undefined;
    expect((await failure(() => etcd(none))).code).toMatch(/^INVALID_/);
  });

  test('an option that does not exist is refused, at each level', async () => {
    const typos: Anything[] = [
      { endpoint: 'x' },
      { tls: { pem: 'x' } },
      { auth: { user: 'x' } },
      { timeouts: { call: 1 } },
    ];
    for (const typo of typos) {
      const error = await failure(() => etcd({ endpoints: 'https://127.0.0.1:2379', ...typo }));
      expect(error.code).toBe('UNKNOWN_OPTION');
    }
  });

  test('a password over plaintext is refused unless it is asked for', async () => {
    const auth = { username: 'root', password: 'hunter2' };
    const error = await failure(() => etcd({ endpoints: 'http://127.0.0.1:2379', auth }));
    expect(error.code).toBe('INSECURE_CREDENTIALS');
    expect(error.message).not.toContain('hunter2');
    const mixed = ['https://127.0.0.1:1', 'http://127.0.0.1:2'];
    expect((await failure(() => etcd({ endpoints: mixed, auth }))).code).toBe('INSECURE_CREDENTIALS');
    await etcd({ endpoints: 'http://127.0.0.1:2379', auth, allowInsecureAuth: true }).close();
  });

  test('a time to live that etcd cannot give is refused', async () => {
    for (const ttlMs of [0, -1, Number.NaN, 1e15]) {
      expect((await failure(() => etcd({ endpoints: '127.0.0.1:2379', ttlMs }))).code).toBe('INVALID_TTL');
    }
  });
});

test('errors of another copy of the package are recognised', () => {
  const foreign = Object.assign(new Error('other copy'), {
    code: 'CLOSED',
    [Symbol.for('coterie.CoordinationError')]: true,
  });
  expect(isCoordinationError(foreign)).toBe(true);
  expect(isCoordinationError(foreign, 'CLOSED')).toBe(true);
  expect(isCoordinationError(foreign, 'TIMEOUT')).toBe(false);
  expect(isCoordinationError(new Error('CLOSED'))).toBe(false);
});

test('text from outside is cut and escaped before it stands in a message', async () => {
  const error = await failure(() => new Mutex(memory(), `/a\n\u001b[31m${'x'.repeat(1_000)}/`));
  expect(error.message).not.toMatch(/\p{Cc}/u);
  expect(error.message.length).toBeLessThan(400);
});
