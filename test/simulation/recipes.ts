import type { RecipeSimulation } from './recipe.js';
import { multiMutex } from './scenarios/multi-mutex.js';
import { mutex } from './scenarios/mutex.js';
import { readWriteLock } from './scenarios/read-write-lock.js';
import { semaphore } from './scenarios/semaphore.js';
import { stm } from './scenarios/stm.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [multiMutex, mutex, readWriteLock, semaphore, stm];
