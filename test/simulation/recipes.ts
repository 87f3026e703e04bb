import type { RecipeSimulation } from './recipe.js';
import { delayQueue } from './scenarios/delay-queue.js';
import { mutex } from './scenarios/mutex.js';
import { priorityQueue } from './scenarios/priority-queue.js';
import { queue } from './scenarios/queue.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [delayQueue, mutex, priorityQueue, queue];
