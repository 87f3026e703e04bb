/**
 * PriorityQueue: as the queue (see queue.ts), and P2: nothing is delivered while something more urgent was free that was
 * there when the consumer asked. Q4 holds among equals.
 */
import { QueueWorld } from '../lib/queue-world.js';
import type { RecipeSimulation } from '../recipe.js';
import { queue } from './queue.js';

export const priorityQueue: RecipeSimulation = {
  ...queue,
  recipe: 'priority-queue',
  scenario: (world) => new QueueWorld(world, 'priority').run(),
};
