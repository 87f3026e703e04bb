import { atomicCounterMutants } from './list/atomic-counter.js';
import { barrierMutants } from './list/barrier.js';
import { configCacheMutants } from './list/config-cache.js';
import { countDownLatchMutants } from './list/count-down-latch.js';
import { delayQueueMutants } from './list/delay-queue.js';
import { doubleBarrierMutants } from './list/double-barrier.js';
import { electionMutants } from './list/election.js';
import { groupMutants } from './list/group.js';
import { mutexMutants } from './list/mutex.js';
import { partitionerMutants } from './list/partitioner.js';
import { persistentKeyMutants } from './list/persistent-key.js';
import { priorityQueueMutants } from './list/priority-queue.js';
import { queueMutants } from './list/queue.js';
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
  ...mutexMutants,
  ...partitionerMutants,
  ...persistentKeyMutants,
  ...priorityQueueMutants,
  ...queueMutants,
  ...sequenceMutants,
  ...serviceRegistryMutants,
  ...sharedValueMutants,
  ...stmMutants,
];
