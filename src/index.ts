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
export type { ConfigEvents, ConfigState } from './recipes/config-announcer.js';
export { ConfigCache } from './recipes/config-cache.js';
export type { ConfigFormat } from './recipes/config-format.js';
export type { ConfigIssue, ConfigRejection } from './recipes/config-judge.js';
export type { ConfigKey, ConfigLayer, ConfigOptions } from './recipes/config-options.js';
export type { ConfigListener } from './recipes/config-readers.js';
export type { ConfigStatement } from './recipes/config-stack.js';
export { ConfigExplanation } from './recipes/config-stack.js';
export type { ConfigSource } from './recipes/config-version.js';
export { ConfigDifference, ConfigVersion } from './recipes/config-version.js';
export type { ConfigWriteOptions } from './recipes/config-writer.js';
export type { Candidate, ElectionOptions, Observation } from './recipes/election.js';
export { Election, Term } from './recipes/election.js';
export type { SessionChoice } from './recipes/line-session.js';
export type { AcquireOptions, Contender, MutexOptions } from './recipes/mutex.js';
export { Mutex } from './recipes/mutex.js';
