/**
 * Every way in which etcd, gRPC or HTTP/2 says no, and what it means. The texts are those of etcd 3.4 to 3.6; the same
 * text comes with different statuses in different versions, so a known text counts for more than the status.
 * docs/internals/errors.md shows this table to people, and a test holds the two together.
 */
import { status } from '@grpc/grpc-js';
import type { ErrorCode } from '../../errors.js';

/** What a failure means. */
export interface Meaning {
  readonly code: ErrorCode;
  /** Whether a write that failed like this can have been applied, or may yet be. */
  readonly applied: 'no' | 'unknown';
  /** What the transport may do about it by itself; a write is repeated only where it was not applied. */
  readonly remedy: 'none' | 'repeat' | 'other-endpoint' | 'authenticate';
}

const refused: Meaning = { code: 'REFUSED_BY_STORE', applied: 'no', remedy: 'none' };
const unsupported: Meaning = { code: 'UNSUPPORTED', applied: 'no', remedy: 'none' };
const denied: Meaning = { code: 'PERMISSION_DENIED', applied: 'no', remedy: 'none' };
const unauthenticated: Meaning = { code: 'UNAUTHENTICATED', applied: 'no', remedy: 'none' };
const stale: Meaning = { code: 'UNAUTHENTICATED', applied: 'no', remedy: 'authenticate' };
const tooLarge: Meaning = { code: 'VALUE_TOO_LARGE', applied: 'no', remedy: 'none' };
const overloaded: Meaning = { code: 'OVERLOADED', applied: 'no', remedy: 'repeat' };
const unclear: Meaning = { code: 'UNAVAILABLE', applied: 'unknown', remedy: 'other-endpoint' };
const waiting: Meaning = { code: 'UNAVAILABLE', applied: 'unknown', remedy: 'repeat' };
const untouched: Meaning = { code: 'UNAVAILABLE', applied: 'no', remedy: 'other-endpoint' };
const garbled: Meaning = { code: 'PROTOCOL_ERROR', applied: 'unknown', remedy: 'none' };

/** @internal By the text of the failure, without "etcdserver: " before it. */
export const byText: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['key is not provided', refused],
  ['key not found', refused],
  ['value is provided', refused],
  ['lease is provided', refused],
  ['ttl is 0', refused],
  ['too many operations in txn request', { code: 'TOO_MANY_OPS', applied: 'no', remedy: 'none' }],
  ['duplicate key given in txn request', { code: 'DUPLICATE_KEY', applied: 'no', remedy: 'none' }],
  ['invalid sort option', refused],
  ['invalid client api version', unsupported],
  ['mvcc: required revision has been compacted', { code: 'COMPACTED', applied: 'no', remedy: 'none' }],
  ['mvcc: required revision is a future revision', { code: 'INVALID_OPTION', applied: 'no', remedy: 'none' }],
  ['mvcc: database space exceeded', { code: 'NO_SPACE', applied: 'no', remedy: 'none' }],
  ['requested lease not found', { code: 'LEASE_NOT_FOUND', applied: 'no', remedy: 'none' }],
  ['lease already exists', refused],
  ['too large lease TTL', { code: 'INVALID_TTL', applied: 'no', remedy: 'none' }],
  ['watch canceled', unclear],
  ['member ID already exist', refused],
  ['Peer URLs already exists', refused],
  ['re-configuration failed due to not enough started members', refused],
  ['given member URLs are invalid', refused],
  ['member not found', refused],
  ['can only promote a learner member', refused],
  ['can only promote a learner member which is in sync with leader', refused],
  ['too many learner members in cluster', refused],
  ['cluster ID mismatch', refused],
  ['request is too large', tooLarge],
  ['too many requests', overloaded],
  ['root user does not exist', refused],
  ['root user does not have root role', refused],
  ['user name already exists', refused],
  ['user name is empty', stale],
  ['user name not found', refused],
  ['role name already exists', refused],
  ['role name not found', refused],
  ['role name is empty', refused],
  ['authentication failed, invalid user ID or password', unauthenticated],
  ['permission not given', refused],
  ['permission denied', denied],
  ['role is not granted to the user', refused],
  ['permission is not granted to the role', refused],
  ['authentication is not enabled', refused],
  ['invalid auth token', stale],
  ['invalid auth management', refused],
  ['revision of auth store is old', stale],
  ['no leader', unclear],
  ['not leader', untouched],
  ['leader changed', waiting],
  ['not capable', unsupported],
  ['server stopped', unclear],
  ['request timed out', unclear],
  ['request timed out, possibly due to previous leader failure', unclear],
  ['request timed out, possibly due to connection lost', unclear],
  ['request timed out, waiting for the applied index took too long', unclear],
  ['unhealthy cluster', unclear],
  ['corrupt cluster', { code: 'REFUSED_BY_STORE', applied: 'unknown', remedy: 'none' }],
  ['rpc not supported for learner', untouched],
  ['bad leader transferee', refused],
  ['cluster version not found during downgrade', refused],
  ['wrong downgrade target version format', refused],
  ['invalid downgrade target version', refused],
  ['cluster has a downgrade job in progress', refused],
  ['no inflight downgrade job', refused],
  ['request canceled', unclear],
  ['context deadline exceeded', unclear],
]);

/** @internal By how the text begins, where no whole text is known: what gRPC's libraries say, on this side and on the other. */
export const byBeginning: readonly (readonly [string, Meaning])[] = [
  ['Stream refused by server', untouched],
  ['Failed to start HTTP/2 stream', untouched],
  ['No connection established', untouched],
  ['Channel closed before call started', untouched],
  ['raft proposal dropped', { code: 'UNAVAILABLE', applied: 'unknown', remedy: 'repeat' }],
  ['grpc: received message larger than max', tooLarge],
  ['Received message larger than max', garbled],
];

/** @internal By gRPC status, where the text says nothing. */
export const byStatus: ReadonlyMap<status, Meaning> = new Map<status, Meaning>([
  [status.CANCELLED, unclear],
  [status.UNKNOWN, { code: 'REFUSED_BY_STORE', applied: 'unknown', remedy: 'none' }],
  [status.INVALID_ARGUMENT, refused],
  [status.DEADLINE_EXCEEDED, { code: 'TIMEOUT', applied: 'unknown', remedy: 'other-endpoint' }],
  [status.NOT_FOUND, refused],
  [status.ALREADY_EXISTS, refused],
  [status.PERMISSION_DENIED, denied],
  [status.RESOURCE_EXHAUSTED, { code: 'OVERLOADED', applied: 'unknown', remedy: 'repeat' }],
  [status.FAILED_PRECONDITION, refused],
  [status.ABORTED, waiting],
  [status.OUT_OF_RANGE, refused],
  [status.UNIMPLEMENTED, unsupported],
  [status.INTERNAL, { code: 'PROTOCOL_ERROR', applied: 'unknown', remedy: 'other-endpoint' }],
  [status.UNAVAILABLE, unclear],
  [status.DATA_LOSS, { code: 'REFUSED_BY_STORE', applied: 'unknown', remedy: 'none' }],
  [status.UNAUTHENTICATED, stale],
]);

const serverMark = 'etcdserver: ';
const unknownStatus: Meaning = garbled;

/** What a status with this text means. */
export function meaningOf(code: status, text: string): Meaning {
  const bare = text.startsWith(serverMark) ? text.slice(serverMark.length) : text;
  const exact = byText.get(bare);
  if (exact !== undefined) return exact;
  for (const [beginning, meaning] of byBeginning) if (text.startsWith(beginning)) return meaning;
  return byStatus.get(code) ?? unknownStatus;
}
