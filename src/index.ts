/** The public surface of coterie. What is not named here, or in one of the other entry points, is not public. */

export type { ClientEvents, ClientOptions } from './client.js';
export { Client } from './client.js';
export type { Cancel, Clock, Random } from './core/clock.js';
export { systemClock, systemRandom } from './core/clock.js';
export { decodeText } from './core/codec.js';
export type { ClientContext, Identity, SessionOptions } from './core/context.js';
export type { DiagnosticChannel, DiagnosticEvents } from './core/diagnostics.js';
export { diagnostics } from './core/diagnostics.js';
export type { HoldCommitOptions } from './core/hold.js';
export { Hold } from './core/hold.js';
export { keyBytes, keyText } from './core/keys.js';
export type { PresenceEvents, PresenceState, TakenChoice } from './core/presence.js';
export type { LostEvent, SessionEvents, SessionState } from './core/session.js';
export { Session } from './core/session.js';
export { aborted } from './core/signals.js';
export type { SchemaIssue, SchemaResult, StandardSchema } from './core/standard-schema.js';
export type {
  Batch,
  CallOptions,
  Commit,
  CommitOptions,
  Entry,
  Guard,
  Lease,
  LeaseId,
  Op,
  Query,
  Range,
  ReadOptions,
  Snapshot,
  Store,
  StoreTraits,
  Watch,
} from './core/store.js';
export { absent, held, put, read, remove, unchanged, untouched } from './core/store.js';
export type { Codec, Typing } from './core/typed.js';
export { bytesCodec, jsonCodec, textCodec } from './core/typed.js';
export type { ErrorCode, ErrorDetails } from './errors.js';
export { CoordinationError, errorCodes, isCoordinationError } from './errors.js';
export type { AtomicCounterOptions } from './recipes/atomic-counter.js';
export { AtomicCounter } from './recipes/atomic-counter.js';
export type { BarrierOptions } from './recipes/barrier.js';
export { Barrier } from './recipes/barrier.js';
export type { ConfigEvents, ConfigState } from './recipes/config-announcer.js';
export { ConfigCache } from './recipes/config-cache.js';
export type { ConfigFormat } from './recipes/config-format.js';
export type { ConfigHistory, ConfigHistoryOptions } from './recipes/config-history.js';
export { ConfigRevision } from './recipes/config-history.js';
export type { ConfigIssue, ConfigRejection } from './recipes/config-judge.js';
export type { ConfigKey, ConfigLayer, ConfigOptions } from './recipes/config-options.js';
export type { ConfigListener } from './recipes/config-readers.js';
export type { ConfigStatement } from './recipes/config-stack.js';
export { ConfigExplanation } from './recipes/config-stack.js';
export type { ConfigSource } from './recipes/config-version.js';
export { ConfigDifference, ConfigVersion } from './recipes/config-version.js';
export type { ConfigWriteOptions } from './recipes/config-writer.js';
export type { CountDownLatchOptions, CountDownOptions } from './recipes/count-down-latch.js';
export { CountDownLatch } from './recipes/count-down-latch.js';
export { DelayQueue } from './recipes/delay-queue.js';
export type { DoubleBarrierOptions } from './recipes/double-barrier.js';
export { BarrierMembership, DoubleBarrier } from './recipes/double-barrier.js';
export type { Candidate, ElectionOptions, Observation } from './recipes/election.js';
export { Election, Term } from './recipes/election.js';
export type { GroupOptions, GroupView, Member } from './recipes/group.js';
export { Group, Membership } from './recipes/group.js';
export type { SessionChoice } from './recipes/line-session.js';
export type { AcquireOptions, Contender } from './recipes/line-ticket.js';
export type { MultiMutexOptions } from './recipes/multi-mutex.js';
export { MultiHold, MultiMutex } from './recipes/multi-mutex.js';
export type { MutexOptions } from './recipes/mutex.js';
export { Mutex } from './recipes/mutex.js';
export type { PartitionerEvents, PartitionerOptions, ShardOwner, ShardTask } from './recipes/partitioner.js';
export { Partitioner, ShardHold } from './recipes/partitioner.js';
export type { PersistentKeyOptions } from './recipes/persistent-key.js';
export { PersistentKey } from './recipes/persistent-key.js';
export type { Priority } from './recipes/priority-queue.js';
export { PriorityQueue } from './recipes/priority-queue.js';
export { Queue } from './recipes/queue.js';
export type { PeekedItem } from './recipes/queue-base.js';
export { QueueBase } from './recipes/queue-base.js';
export type { ConsumeOptions } from './recipes/queue-consume.js';
export type { DeadLetter } from './recipes/queue-dead.js';
export { Job } from './recipes/queue-job.js';
export type { QueueOptions } from './recipes/queue-parts.js';
export type { ItemOptions, PutOptions, PutResult } from './recipes/queue-put.js';
export type { AckOptions, NackOptions } from './recipes/queue-settle.js';
export type { TakeOptions } from './recipes/queue-take.js';
export type { LockMode } from './recipes/read-write-hold.js';
export { ReadWriteHold } from './recipes/read-write-hold.js';
export type { ReadWriteContender, ReadWriteLockOptions } from './recipes/read-write-lock.js';
export { ReadWriteLock } from './recipes/read-write-lock.js';
export type { PermitContender, PermitRunOptions, SemaphoreOptions } from './recipes/semaphore.js';
export { Permits, Semaphore } from './recipes/semaphore.js';
export type { SequenceOptions } from './recipes/sequence.js';
export { Sequence } from './recipes/sequence.js';
export type { ServiceRegistryEvents, ServiceRegistryOptions } from './recipes/service-registry.js';
export { ServiceRegistry } from './recipes/service-registry.js';
export type { Strategy } from './recipes/service-registry-balance.js';
export type { EjectionOptions } from './recipes/service-registry-ejection.js';
export type {
  Instance,
  InstanceInfo,
  InstanceMeta,
  InstanceReport,
} from './recipes/service-registry-instance.js';
export type {
  RegisterOptions,
  RegistrationEvents,
  RegistrationState,
} from './recipes/service-registry-registration.js';
export { Registration } from './recipes/service-registry-registration.js';
export { Resolver } from './recipes/service-registry-resolver.js';
export type {
  Picked,
  PickOptions,
  ResolverEvents,
  ResolverOptions,
} from './recipes/service-registry-resolver-options.js';
export type { ServiceView } from './recipes/service-registry-view.js';
export type { SharedValueOptions, Versioned } from './recipes/shared-value.js';
export { SharedValue } from './recipes/shared-value.js';
export type { Isolation, StmOptions, StmResult, Transaction } from './recipes/stm.js';
export { stm, stmResult } from './recipes/stm.js';
