import { stmSuite } from '../suites/stm.js';
import { onServers } from './on-servers.js';

await onServers(stmSuite);
