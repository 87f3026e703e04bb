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
  Snapshot,
  Store,
  StoreTraits,
  Watch,
} from './core/store.js';
export { absent, held, put, read, remove, unchanged } from './core/store.js';
export type { Codec, Typing } from './core/typed.js';
export { bytesCodec, jsonCodec, textCodec } from './core/typed.js';
export type { ErrorCode, ErrorDetails } from './errors.js';
export { CoordinationError, errorCodes, isCoordinationError } from './errors.js';
export type { Candidate, ElectionOptions, Observation } from './recipes/election.js';
export { Election, Term } from './recipes/election.js';
export type { GroupOptions, GroupView, Member } from './recipes/group.js';
export { Group, Membership } from './recipes/group.js';
export type { SessionChoice } from './recipes/line-session.js';
export type { AcquireOptions, Contender, MutexOptions } from './recipes/mutex.js';
export { Mutex } from './recipes/mutex.js';
export type { PartitionerEvents, PartitionerOptions, ShardOwner, ShardTask } from './recipes/partitioner.js';
export { Partitioner, ShardHold } from './recipes/partitioner.js';
export type { PersistentKeyOptions } from './recipes/persistent-key.js';
export { PersistentKey } from './recipes/persistent-key.js';
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
