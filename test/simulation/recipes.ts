import type { RecipeSimulation } from './recipe.js';
import { atomicCounter } from './scenarios/atomic-counter.js';
import { barrier } from './scenarios/barrier.js';
import { configCache } from './scenarios/config-cache.js';
import { countDownLatch } from './scenarios/count-down-latch.js';
import { delayQueue } from './scenarios/delay-queue.js';
import { doubleBarrier } from './scenarios/double-barrier.js';
import { election } from './scenarios/election.js';
import { group } from './scenarios/group.js';
import { multiMutex } from './scenarios/multi-mutex.js';
import { mutex } from './scenarios/mutex.js';
import { partitioner } from './scenarios/partitioner.js';
import { persistentKey } from './scenarios/persistent-key.js';
import { priorityQueue } from './scenarios/priority-queue.js';
import { queue } from './scenarios/queue.js';
import { readWriteLock } from './scenarios/read-write-lock.js';
import { semaphore } from './scenarios/semaphore.js';
import { sequence } from './scenarios/sequence.js';
import { serviceRegistry } from './scenarios/service-registry.js';
import { sharedValue } from './scenarios/shared-value.js';
import { stm } from './scenarios/stm.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [
  atomicCounter,
  barrier,
  configCache,
  countDownLatch,
  delayQueue,
  doubleBarrier,
  election,
  group,
  multiMutex,
  mutex,
  partitioner,
  persistentKey,
  priorityQueue,
  queue,
  readWriteLock,
  semaphore,
  sequence,
  serviceRegistry,
  sharedValue,
  stm,
];
