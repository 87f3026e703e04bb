import { mutexSuite } from '../suites/mutex.js';
import { onServers } from './on-servers.js';

await onServers(mutexSuite);
