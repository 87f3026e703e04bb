import { groupTrials } from './groups.js';
import { lockTrials } from './locks.js';
import { queueTrials } from './queues.js';
import { syncTrials } from './sync.js';
import type { PointTrial } from './trial.js';
import { valueTrials } from './values.js';

/** Every public operation, as it is tried. */
export const trials: readonly PointTrial[] = [
  ...groupTrials,
  ...lockTrials,
  ...queueTrials,
  ...syncTrials,
  ...valueTrials,
];
