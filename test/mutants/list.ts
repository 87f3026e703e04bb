import { barrierMutants } from './list/barrier.js';
import { countDownLatchMutants } from './list/count-down-latch.js';
import { doubleBarrierMutants } from './list/double-barrier.js';
import { electionMutants } from './list/election.js';
import { mutexMutants } from './list/mutex.js';
import { stmMutants } from './list/stm.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [
  ...barrierMutants,
  ...countDownLatchMutants,
  ...doubleBarrierMutants,
  ...electionMutants,
  ...mutexMutants,
  ...stmMutants,
];
