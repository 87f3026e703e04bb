import { mutexMutants } from './list/mutex.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [...mutexMutants];
