import type { RecipeSimulation } from './recipe.js';
import { election } from './scenarios/election.js';
import { mutex } from './scenarios/mutex.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [election, mutex];
