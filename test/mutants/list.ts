import { electionMutants } from './list/election.js';
import { mutexMutants } from './list/mutex.js';
import type { Mutant } from './mutant.js';

/** All of them. */
export const mutants: readonly Mutant[] = [...electionMutants, ...mutexMutants];
