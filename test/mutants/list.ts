import { mutexMutants } from './list/mutex.js';
import { pointsMutants } from './list/points.js';
import { stmMutants } from './list/stm.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [...mutexMutants, ...pointsMutants, ...stmMutants];
