import { priorityQueueSuite } from '../../suites/priority-queue.js';
import { onMemory } from './on-memory.js';

onMemory(priorityQueueSuite);
