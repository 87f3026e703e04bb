import { multiMutexSuite } from '../suites/multi-mutex.js';
import { readWriteLockSuite } from '../suites/read-write-lock.js';
import { semaphoreSuite } from '../suites/semaphore.js';
import { onServers } from './on-servers.js';

await onServers(readWriteLockSuite, semaphoreSuite, multiMutexSuite);
