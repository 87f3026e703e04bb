import configCache from '../config-cache.js';
import consulHandoff from '../consul-handoff.js';
import consulRequests from '../consul-requests.js';
import consulSigkill from '../consul-sigkill.js';
import consulUncontended from '../consul-uncontended.js';
import consulWornLine from '../consul-worn-line.js';
import contended from '../contended.js';
import devServer from '../dev-server.js';
import election from '../election.js';
import embedded from '../embedded.js';
import handoff from '../handoff.js';
import holds from '../holds.js';
import locksAtOnce from '../locks-at-once.js';
import queueThroughput from '../queue-throughput.js';
import requests from '../requests.js';
import rwlockHandoff from '../rwlock-handoff.js';
import semaphoreHandoff from '../semaphore-handoff.js';
import stmCounter from '../stm-counter.js';
import uncontended from '../uncontended.js';
import wornLine from '../worn-line.js';
import type { Bench } from './bench.js';

/** All benches, in the order in which they run. */
export const benches: readonly Bench[] = [
  uncontended,
  handoff,
  requests,
  locksAtOnce,
  holds,
  embedded,
  devServer,
  contended,
  election,
  queueThroughput,
  wornLine,
  rwlockHandoff,
  semaphoreHandoff,
  stmCounter,
  configCache,
  consulUncontended,
  consulHandoff,
  consulRequests,
  consulWornLine,
  consulSigkill,
];

export function benchNames(): readonly string[] {
  return benches.map(({ name }) => name);
}
