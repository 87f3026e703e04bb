import { atomicCounterMutants } from './list/atomic-counter.js';
import { delayQueueMutants } from './list/delay-queue.js';
import { mutexMutants } from './list/mutex.js';
import { priorityQueueMutants } from './list/priority-queue.js';
import { queueMutants } from './list/queue.js';
import { sequenceMutants } from './list/sequence.js';
import { sharedValueMutants } from './list/shared-value.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [
  ...atomicCounterMutants,
  ...delayQueueMutants,
  ...mutexMutants,
  ...priorityQueueMutants,
  ...queueMutants,
  ...sequenceMutants,
  ...sharedValueMutants,
];
