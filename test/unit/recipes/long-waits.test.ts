/** What every wait has to live through: compaction of the history that it began in, and connections that break. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../../src/client.js';
import { put } from '../../../src/core/store.js';
import { Barrier } from '../../../src/recipes/barrier.js';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import { CountDownLatch } from '../../../src/recipes/count-down-latch.js';
import { DelayQueue } from '../../../src/recipes/delay-queue.js';
import { DoubleBarrier } from '../../../src/recipes/double-barrier.js';
import { Election } from '../../../src/recipes/election.js';
import { Group } from '../../../src/recipes/group.js';
import { MultiMutex } from '../../../src/recipes/multi-mutex.js';
import { Mutex } from '../../../src/recipes/mutex.js';
import { Partitioner } from '../../../src/recipes/partitioner.js';
import { PersistentKey } from '../../../src/recipes/persistent-key.js';
import { PriorityQueue } from '../../../src/recipes/priority-queue.js';
import { Queue } from '../../../src/recipes/queue.js';
import { ReadWriteLock } from '../../../src/recipes/read-write-lock.js';
import { Semaphore } from '../../../src/recipes/semaphore.js';
import { ServiceRegistry } from '../../../src/recipes/service-registry.js';
import { SharedValue } from '../../../src/recipes/shared-value.js';
import { ttlMs, World, watched } from './world.js';

/** Somebody who waits, and somebody else who ends the wait. */
interface LongWait {
  /** Resolves to what ends the wait, once nothing but that can end it. */
  prepare(other: Client): Promise<() => unknown>;
  /** Resolves when the wait is over. */
  wait(client: Client): Promise<unknown>;
}

const path = '/waits/x';

const releasing = async (asked: Promise<{ release(): Promise<unknown> }>) => {
  const hold = await asked;
  return () => hold.release();
};

const nothing = async (): Promise<void> => {};

/** The second of what an iterator tells: the first is how things are at the beginning. */
async function second(iterator: AsyncIterator<unknown>): Promise<void> {
  await iterator.next();
  await iterator.next();
  await iterator.return?.();
}

const waits: Readonly<Record<string, LongWait>> = {
  Mutex: {
    prepare: (other) => releasing(new Mutex(other, path).acquire()),
    wait: (client) => new Mutex(client, path).acquire(),
  },
  MultiMutex: {
    prepare: (other) => releasing(new MultiMutex(other, [path, `${path}y`]).acquire()),
    wait: (client) => new MultiMutex(client, [`${path}z`, path]).acquire(),
  },
  'ReadWriteLock, as a reader': {
    prepare: (other) => releasing(new ReadWriteLock(other, path).acquireWrite()),
    wait: (client) => new ReadWriteLock(client, path).acquireRead(),
  },
  'ReadWriteLock, as a writer': {
    prepare: (other) => releasing(new ReadWriteLock(other, path).acquireRead()),
    wait: (client) => new ReadWriteLock(client, path).acquireWrite(),
  },
  Semaphore: {
    prepare: (other) => releasing(new Semaphore(other, path, { permits: 3 }).acquire(2)),
    wait: (client) => new Semaphore(client, path).acquire(2),
  },
  Election: {
    prepare: async (other) => {
      const term = await new Election(other, path).campaign('a');
      return () => term.resign();
    },
    wait: (client) => new Election(client, path).campaign('b'),
  },
  Barrier: {
    prepare: async (other) => {
      await new Barrier(other, path).hold();
      return () => new Barrier(other, path).release();
    },
    wait: (client) => new Barrier(client, path).wait(),
  },
  CountDownLatch: {
    prepare: async (other) => () => new CountDownLatch(other, path, 1).countDown(),
    wait: (client) => new CountDownLatch(client, path, 1).wait(),
  },
  'DoubleBarrier, entering': {
    prepare: async (other) => () => new DoubleBarrier(other, path, 2).enter(),
    wait: (client) => new DoubleBarrier(client, path, 2).enter(),
  },
  'DoubleBarrier, leaving': {
    prepare: async (other) => {
      const entering = new DoubleBarrier(other, path, 2).enter();
      return async () => (await entering).release();
    },
    wait: async (client) => (await new DoubleBarrier(client, path, 2).enter()).leave(),
  },
  Queue: {
    prepare: async (other) => () => new Queue(other, path).put(1),
    wait: (client) => new Queue(client, path).take(),
  },
  PriorityQueue: {
    prepare: async (other) => () => new PriorityQueue(other, path).put(1),
    wait: (client) => new PriorityQueue(client, path).take(),
  },
  DelayQueue: {
    prepare: async (other) => () => new DelayQueue(other, path).put(1),
    wait: (client) => new DelayQueue(client, path).take(),
  },
  SharedValue: {
    prepare: async (other) => () => new SharedValue(other, path).set(1),
    wait: (client) => second(new SharedValue(client, path).changes()),
  },
  ConfigCache: {
    prepare: async (other) => {
      const set = (value: string) => other.store.commit([], [put(`${path}/n`, value)]);
      await set('1');
      return () => set('2');
    },
    wait: async (client) => {
      const cache = await ConfigCache.open(client, path);
      await new Promise<void>((resolve) => void cache.onChange(() => resolve()));
      expect(cache.current).toEqual({ n: 2 });
      await cache.close();
    },
  },
  Group: {
    prepare: async (other) => () => new Group(other, path).join('a', 1),
    wait: (client) => second(new Group(client, path).views()),
  },
  PersistentKey: {
    prepare: async (other) => {
      const key = new PersistentKey(other, path, 'a');
      await key.start();
      return () => key.stop();
    },
    wait: (client) => new PersistentKey(client, path, 'b', { onTaken: 'wait' }).start(),
  },
  Partitioner: {
    prepare: async (other) => {
      const stop = new AbortController();
      const options = { shards: 1, id: 'a', weight: 1_000 };
      const running = new Partitioner(other, path, options).run(nothing, { signal: stop.signal }).catch(() => {});
      return () => {
        stop.abort();
        return running;
      };
    },
    wait: async (client) => {
      const stop = new AbortController();
      const task = (): void => stop.abort();
      const options = { shards: 1, id: 'b', weight: 0.001 };
      await new Partitioner(client, path, options).run(task, { signal: stop.signal }).catch(() => {});
    },
  },
  ServiceRegistry: {
    prepare: async (other) => () => new ServiceRegistry(other, path).register({ id: 'a', address: 'x', port: 1 }),
    wait: async (client) => {
      const resolver = await new ServiceRegistry(client, path).resolver();
      await new Promise<void>((resolve) => resolver.events.on('change', () => resolve()));
      await resolver.close();
    },
  },
};

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  const { leases, timers } = await world.end();
  expect({ leases, timers }).toEqual({ leases: 0, timers: 0 });
});

/** Long before anybody looks by himself, in case that an event got lost. */
const promptMs = 100;

/** Others write, and all history is forgotten. */
function forget(): void {
  for (let n = 0; n < 3; n++) world.cluster.putKey('/noise', `${n}`);
  world.cluster.compact();
}

describe.each(Object.entries(waits))('a long wait of %s', (_, { prepare, wait }) => {
  async function begun() {
    const [other, node] = [world.node(), world.node()];
    const end = await world.run(prepare(other.client));
    await world.clock.advance(1_000);
    const waiting = watched(wait(node.client));
    await world.clock.advance(1_000);
    expect(waiting).toEqual({ outcome: 'pending' });
    return { end, node, waiting };
  }

  test('ends with what it waits for, and not before, over compactions and connections that break', async () => {
    const { end, node, waiting } = await begun();
    for (let n = 0; n < 5; n++) {
      forget();
      node.store.interrupt();
      await world.clock.advance(7_000);
      expect(waiting).toEqual({ outcome: 'pending' });
    }
    forget();
    node.store.interrupt();
    void end();
    await world.clock.advance(promptMs);
    expect(waiting.error).toBeUndefined();
    expect(waiting.outcome).toBe('resolved');
  });

  test('ends soon after it is cut off no more, where what it waits for came meanwhile, and is history', async () => {
    const { end, node, waiting } = await begun();
    node.store.partition();
    void end();
    await world.clock.advance(ttlMs / 4);
    forget();
    await world.clock.advance(ttlMs / 4);
    expect(waiting).toEqual({ outcome: 'pending' });
    node.store.heal();
    await world.clock.advance(promptMs);
    expect(waiting.error).toBeUndefined();
    expect(waiting.outcome).toBe('resolved');
  });
});
