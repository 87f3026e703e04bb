import { delayQueueSuite } from '../../suites/delay-queue.js';
import { onMemory } from './on-memory.js';

onMemory(delayQueueSuite);
