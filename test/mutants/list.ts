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
  ...configCacheMutants,
  ...groupMutants,
  ...mutexMutants,
  ...partitionerMutants,
  ...persistentKeyMutants,
  ...serviceRegistryMutants,
  ...stmMutants,
];
