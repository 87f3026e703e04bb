/**
 * The contract of a {@link Store} as a list of named promises, for whatever test runner: a transport keeps the contract
 * when every case passes on it. Cases know nothing of the transport; what they need of the world around it is told by
 * {@link ContractWorld}.
 */
import { commitCases } from './contract/commit-cases.js';
import { guardCases } from './contract/guard-cases.js';
import { keyCases } from './contract/key-cases.js';
import { leaseCases } from './contract/lease-cases.js';
import { lifeCases } from './contract/life-cases.js';
import { limitCases } from './contract/limit-cases.js';
import { pastCases } from './contract/past-cases.js';
import { readCases } from './contract/read-cases.js';
import { watchCases } from './contract/watch-cases.js';
import { watchLoadCases } from './contract/watch-load-cases.js';
import type { ContractCase } from './contract/world.js';

export { ContractViolation } from './contract/assert.js';
export { type ContractCase, type ContractTime, type ContractWorld, realTime, virtualTime } from './contract/world.js';

/** Every promise of the contract. */
export const storeContract: readonly ContractCase[] = [
  ...readCases,
  ...pastCases,
  ...commitCases,
  ...guardCases,
  ...keyCases,
  ...leaseCases,
  ...watchCases,
  ...watchLoadCases,
  ...limitCases,
  ...lifeCases,
];
