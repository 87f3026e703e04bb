import { atomicCounterMutants } from './list/atomic-counter.js';
import { barrierMutants } from './list/barrier.js';
import { configCacheMutants } from './list/config-cache.js';
import { countDownLatchMutants } from './list/count-down-latch.js';
import { delayQueueMutants } from './list/delay-queue.js';
import { doubleBarrierMutants } from './list/double-barrier.js';
import { electionMutants } from './list/election.js';
import { groupMutants } from './list/group.js';
import { multiMutexMutants } from './list/multi-mutex.js';
import { mutexMutants } from './list/mutex.js';
import { partitionerMutants } from './list/partitioner.js';
import { persistentKeyMutants } from './list/persistent-key.js';
import { pointsMutants } from './list/points.js';
import { priorityQueueMutants } from './list/priority-queue.js';
import { queueMutants } from './list/queue.js';
import { readWriteLockMutants } from './list/read-write-lock.js';
import { semaphoreMutants } from './list/semaphore.js';
import { sequenceMutants } from './list/sequence.js';
import { serviceRegistryMutants } from './list/service-registry.js';
import { sharedValueMutants } from './list/shared-value.js';
import { stmMutants } from './list/stm.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [
  ...atomicCounterMutants,
  ...barrierMutants,
  ...configCacheMutants,
  ...countDownLatchMutants,
  ...delayQueueMutants,
  ...doubleBarrierMutants,
  ...electionMutants,
  ...groupMutants,
  ...multiMutexMutants,
  ...mutexMutants,
  ...partitionerMutants,
  ...persistentKeyMutants,
  ...pointsMutants,
  ...priorityQueueMutants,
  ...queueMutants,
  ...readWriteLockMutants,
  ...semaphoreMutants,
  ...sequenceMutants,
  ...serviceRegistryMutants,
  ...sharedValueMutants,
  ...stmMutants,
];
