import { configCacheSuite } from '../suites/config-cache.js';
import { onServers } from './on-servers.js';

await onServers(configCacheSuite);
