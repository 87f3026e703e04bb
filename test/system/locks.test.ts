import { readWriteLockSuite } from '../suites/read-write-lock.js';
import { onServers } from './on-servers.js';

await onServers(readWriteLockSuite);
