/**
 * Queue: a few processes put items and take them, work on them, acknowledge them and give them back.
 *
 * Q1: an item leaves the queue only by who has it and says that it is done, or as a dead letter; what is said to be added
 * is. Q2: nothing is delivered that was not put. Q3: an item has one claim, who believes to have it has it, and nobody else
 * can acknowledge it. Q4: a single consumer gets items in the order in which the store accepted them. Q5: a put makes one
 * item at most, through lost answers and by its id. Q6: what is counted was there. Q7: every delivery counts, and there are
 * no more than `maxAttempts` of them. QD: nothing is claimed before its time. QL1: what is free is delivered. QL2: so is
 * what a dead consumer had.
 */
import { QueueWorld } from '../lib/queue-world.js';
import type { RecipeSimulation } from '../recipe.js';

export const queue: RecipeSimulation = {
  recipe: 'queue',
  scenario: (world) => new QueueWorld(world, 'age').run(),
  sometimes: [
    'taken',
    'lost',
    'acknowledged',
    'redelivered',
    'buried',
    'requeued',
    'came due',
    'take TIMEOUT',
    'take aborted',
  ],
  options: { durationMs: 12_000 },
};
