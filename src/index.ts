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
export type { SessionChoice } from './recipes/line-session.js';
export type { AcquireOptions, Contender } from './recipes/line-ticket.js';
export type { MultiMutexOptions } from './recipes/multi-mutex.js';
export { MultiHold, MultiMutex } from './recipes/multi-mutex.js';
export type { MutexOptions } from './recipes/mutex.js';
export { Mutex } from './recipes/mutex.js';
export type { LockMode } from './recipes/read-write-hold.js';
export { ReadWriteHold } from './recipes/read-write-hold.js';
export type { ReadWriteContender, ReadWriteLockOptions } from './recipes/read-write-lock.js';
export { ReadWriteLock } from './recipes/read-write-lock.js';
export type { PermitContender, PermitRunOptions, SemaphoreOptions } from './recipes/semaphore.js';
export { Permits, Semaphore } from './recipes/semaphore.js';
