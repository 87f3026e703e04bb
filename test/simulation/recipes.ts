import type { RecipeSimulation } from './recipe.js';
import { configCache } from './scenarios/config-cache.js';
import { mutex } from './scenarios/mutex.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [configCache, mutex];
