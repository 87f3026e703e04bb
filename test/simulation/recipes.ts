import type { RecipeSimulation } from './recipe.js';
import { barrier } from './scenarios/barrier.js';
import { countDownLatch } from './scenarios/count-down-latch.js';
import { doubleBarrier } from './scenarios/double-barrier.js';
import { election } from './scenarios/election.js';
import { configCache } from './scenarios/config-cache.js';
import { group } from './scenarios/group.js';
import { mutex } from './scenarios/mutex.js';
import { partitioner } from './scenarios/partitioner.js';
import { persistentKey } from './scenarios/persistent-key.js';
import { serviceRegistry } from './scenarios/service-registry.js';
import { stm } from './scenarios/stm.js';

/** How each recipe is simulated. */
export const recipes: readonly RecipeSimulation[] = [barrier, countDownLatch, doubleBarrier, election, mutex, stm];
export const recipes: readonly RecipeSimulation[] = [
  configCache,
  group,
  mutex,
  partitioner,
  persistentKey,
  serviceRegistry,
  stm,
];
