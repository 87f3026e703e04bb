import type { RecipeSimulation } from './recipe.js';
import { barrier } from './scenarios/barrier.js';
import { countDownLatch } from './scenarios/count-down-latch.js';
import { doubleBarrier } from './scenarios/double-barrier.js';
import { election } from './scenarios/election.js';
import { mutex } from './scenarios/mutex.js';
import { stm } from './scenarios/stm.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [barrier, countDownLatch, doubleBarrier, election, mutex, stm];
