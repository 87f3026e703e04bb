/** What coterie itself is tested with, for the tests of those who use it or bring a store of their own. */

export type { ContractCase, ContractTime, ContractWorld } from './contract.js';
export { ContractViolation, realTime, storeContract, virtualTime } from './contract.js';
export type { FaultScope, Verb } from './faulty-store.js';
export { FaultyStore } from './faulty-store.js';
export type { VirtualClockOptions } from './virtual-clock.js';
export { settle, VirtualClock } from './virtual-clock.js';
