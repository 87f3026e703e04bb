import { persistentKeySuite } from '../suites/persistent-key.js';
import { onServers } from './on-servers.js';

await onServers(persistentKeySuite);
