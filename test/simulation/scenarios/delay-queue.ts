/**
 * DelayQueue: as the queue (see queue.ts). QD: nothing is claimed before its time, by the wall clocks of who put it and of
 * who claims it. P2: a single consumer gets what has been due for longest.
 */
import { QueueWorld } from '../lib/queue-world.js';
import type { RecipeSimulation } from '../recipe.js';
import { queue } from './queue.js';

export const delayQueue: RecipeSimulation = {
  ...queue,
  recipe: 'delay-queue',
  scenario: (world) => new QueueWorld(world, 'due').run(),
};
