import { groupSuite } from '../suites/group.js';
import { partitionerSuite } from '../suites/partitioner.js';
import { persistentKeySuite } from '../suites/persistent-key.js';
import { onServers } from './on-servers.js';

await onServers(persistentKeySuite, groupSuite, partitionerSuite);
