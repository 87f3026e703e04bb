import { multiMutexMutants } from './list/multi-mutex.js';
import { mutexMutants } from './list/mutex.js';
import { readWriteLockMutants } from './list/read-write-lock.js';
import { semaphoreMutants } from './list/semaphore.js';
import { stmMutants } from './list/stm.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [
  ...multiMutexMutants,
  ...mutexMutants,
  ...readWriteLockMutants,
  ...semaphoreMutants,
  ...stmMutants,
];
