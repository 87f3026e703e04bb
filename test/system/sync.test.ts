import { atomicCounterSuite } from '../suites/atomic-counter.js';
import { barrierSuite } from '../suites/barrier.js';
import { countDownLatchSuite } from '../suites/count-down-latch.js';
import { doubleBarrierSuite } from '../suites/double-barrier.js';
import { sequenceSuite } from '../suites/sequence.js';
import { sharedValueSuite } from '../suites/shared-value.js';
import { onServers } from './on-servers.js';

await onServers(
  barrierSuite,
  doubleBarrierSuite,
  countDownLatchSuite,
  atomicCounterSuite,
  sharedValueSuite,
  sequenceSuite,
);
