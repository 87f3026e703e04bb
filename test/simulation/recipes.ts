import type { RecipeSimulation } from './recipe.js';
import { mutex } from './scenarios/mutex.js';
import { stm } from './scenarios/stm.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [mutex, stm];
