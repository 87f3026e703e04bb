import type { RecipeSimulation } from './recipe.js';
import { mutex } from './scenarios/mutex.js';
import { readWriteLock } from './scenarios/read-write-lock.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [mutex, readWriteLock];
