import { delayQueueSuite } from '../suites/delay-queue.js';
import { priorityQueueSuite } from '../suites/priority-queue.js';
import { queueSuite } from '../suites/queue.js';
import { onServers } from './on-servers.js';

await onServers(queueSuite, priorityQueueSuite, delayQueueSuite);
