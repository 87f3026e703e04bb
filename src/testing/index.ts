/** What coterie itself is tested with, for the tests of those who use it or bring a store of their own. */

export { systemClock } from '../core/clock.js';

export type { Balances, Bank, BankInput, BankOptions, WrongRead } from './checkers/bank.js';
export { checkBank } from './checkers/bank.js';
export type { BoundedRead, CounterBounds } from './checkers/counter-bounds.js';
export { checkCounter } from './checkers/counter-bounds.js';
export type { CounterInput, RegisterInput, Scalar, Whole } from './checkers/data-models.js';
export { counterModel, registerModel } from './checkers/data-models.js';
export type { HistoryOptions, Recording, RecordOptions } from './checkers/history.js';
export { History } from './checkers/history.js';
export { historyLines, readHistory } from './checkers/history-files.js';
export type { Linearizability, LinearizableOptions } from './checkers/linearizable.js';
export { checkLinearizable } from './checkers/linearizable.js';
export type { LockInput, ReadWriteInput, SemaphoreInput } from './checkers/lock-models.js';
export { fencedMutexModel, mutexModel, readWriteLockModel, semaphoreModel } from './checkers/lock-models.js';
export type { Model } from './checkers/model.js';
export type { Called, Done, Failed, Operation, Outcome, Unknown } from './checkers/operation.js';
export type { Evidence } from './checkers/part.js';
export type { LeasedQueueInput, QueueInput } from './checkers/queue-models.js';
export { leasedQueueModel, queueModel } from './checkers/queue-models.js';
export type { IsolationLevel, Serializability, SerializableOptions } from './checkers/serializable.js';
export { checkSerializable } from './checkers/serializable.js';
export type { SetFull, SetInput } from './checkers/set-full.js';
export { checkSet } from './checkers/set-full.js';
export type { TotalQueue, TotalQueueInput, TotalQueueOptions } from './checkers/total-queue.js';
export { checkTotalQueue } from './checkers/total-queue.js';
export type { Access, Anomaly, AnomalyName, Transaction } from './checkers/transaction.js';
export type { UniqueIds, UniqueIdsOptions } from './checkers/unique-ids.js';
export { checkUniqueIds } from './checkers/unique-ids.js';
export type { Settled, Witness, WitnessOptions } from './checkers/witness.js';
export { checkWitness } from './checkers/witness.js';
export type { ContractCase, ContractTime, ContractWorld } from './contract.js';
export { ContractViolation, realTime, storeContract, virtualTime } from './contract.js';
export type { FaultScope, Verb } from './faulty-store.js';
export { FaultyStore } from './faulty-store.js';
export type { Belief, BeliefOptions, Beliefs } from './simulation/beliefs.js';
export {
  type Attempt,
  type EveryPointOptions,
  everyPoint,
  type Harm,
  harms,
  type Limits,
  type Point,
  type PointOutcome,
  type PointsReport,
  type Trial,
} from './simulation/every-point.js';
export { type FaultName, faultNames } from './simulation/faults.js';
export { memoryCluster, TestCluster, type TestClusterOptions } from './simulation/memory-cluster.js';
export type { Operator, OperatorRules } from './simulation/operator.js';
export type { OrderName } from './simulation/order.js';
export type { PersonalityName } from './simulation/personality.js';
export type { Strike } from './simulation/plan.js';
export type { NodeOrClient, Population } from './simulation/population.js';
export type { Program } from './simulation/programs.js';
export { runSeed, type Scenario, type SeedOptions, type SeedOutcome } from './simulation/run-seed.js';
export { SeededRandom } from './simulation/seeded-random.js';
export {
  explain,
  type SimulateOptions,
  type SimulationError,
  type SimulationReport,
  simulate,
} from './simulation/simulate.js';
export type { SimulatedNode } from './simulation/simulated-node.js';
export { type TimelineHead, timelineOf } from './simulation/timeline.js';
export type { TraceEvent } from './simulation/trace.js';
export type { TrueChange, TrueRevision, Truth } from './simulation/truth.js';
export { Violation } from './simulation/violation.js';
export type { SimulatedWorld } from './simulation/world.js';
export type { VirtualClockOptions } from './virtual-clock.js';
export { settle, VirtualClock } from './virtual-clock.js';
