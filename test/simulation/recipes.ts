import type { RecipeSimulation } from './recipe.js';
import { atomicCounter } from './scenarios/atomic-counter.js';
import { delayQueue } from './scenarios/delay-queue.js';
import { mutex } from './scenarios/mutex.js';
import { priorityQueue } from './scenarios/priority-queue.js';
import { queue } from './scenarios/queue.js';
import { sequence } from './scenarios/sequence.js';
import { sharedValue } from './scenarios/shared-value.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [
  atomicCounter,
  delayQueue,
  mutex,
  priorityQueue,
  queue,
  sequence,
  sharedValue,
];
