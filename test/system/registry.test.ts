import { serviceRegistrySuite } from '../suites/service-registry.js';
import { onServers } from './on-servers.js';

await onServers(serviceRegistrySuite);
