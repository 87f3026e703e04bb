import { barrierMutants } from './list/barrier.js';
import { countDownLatchMutants } from './list/count-down-latch.js';
import { doubleBarrierMutants } from './list/double-barrier.js';
import { electionMutants } from './list/election.js';
import { configCacheMutants } from './list/config-cache.js';
import { groupMutants } from './list/group.js';
import { mutexMutants } from './list/mutex.js';
import { partitionerMutants } from './list/partitioner.js';
import { persistentKeyMutants } from './list/persistent-key.js';
import { serviceRegistryMutants } from './list/service-registry.js';
import { stmMutants } from './list/stm.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [
  ...barrierMutants,
  ...countDownLatchMutants,
  ...doubleBarrierMutants,
  ...electionMutants,
  ...mutexMutants,
  ...configCacheMutants,
  ...groupMutants,
  ...mutexMutants,
  ...partitionerMutants,
  ...persistentKeyMutants,
  ...serviceRegistryMutants,
  ...stmMutants,
];
