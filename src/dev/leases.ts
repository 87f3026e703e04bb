import { compareKeys, keyBytes } from '../core/keys.js';
import type { LeaseId } from '../core/store.js';
import type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '../transport/etcd/codec/etcd.js';
import { end, type Machine, type Step } from './machine.js';
import { refusal } from './refusal.js';
import { int64, leaseOf, number, wireLease } from './wire.js';

/** What etcd grants at least with its own election timeout of a second. */
export const minTtlSeconds = 2;
const maxTtlSeconds = 9_000_000_000;

/** `fresh`: the id of a lease for which the client has chosen none. */
export function grant(
  { state }: Machine,
  request: LeaseGrantRequest.$Properties,
  fresh: () => LeaseId,
  now: number,
  steps: Step[],
): LeaseGrantResponse.$Properties {
  const asked = number(request.TTL);
  if (asked > maxTtlSeconds) throw refusal('leaseTtlTooLarge');
  const id = leaseOf(request.ID) ?? fresh();
  if (state.leases.get(id) !== undefined) throw refusal('leaseExists');
  const seconds = Math.max(asked, minTtlSeconds);
  const granted = { id, ttlMs: seconds * 1000 };
  state.leases.grant(id, granted.ttlMs, now);
  steps.push({ granted });
  return { header: {}, ID: wireLease(id), TTL: int64(seconds) };
}

export function revoke(
  machine: Machine,
  request: LeaseRevokeRequest.$Properties,
  steps: Step[],
): LeaseRevokeResponse.$Properties {
  const id = leaseOf(request.ID);
  if (id === undefined || machine.state.leases.get(id) === undefined) throw refusal('leaseNotFound');
  end(machine, id, steps);
  return { header: {} };
}

/** A lease that is not there is no error: its time to live is 0. The header is of before. */
export function keepAlive(
  { state }: Machine,
  { ID }: LeaseKeepAliveRequest.$Properties,
  now: number,
): LeaseKeepAliveResponse.$Properties {
  const id = leaseOf(ID);
  const lease = id === undefined ? undefined : state.leases.renew(id, now);
  return { header: {}, ID: ID ?? int64(0), TTL: int64((lease?.ttlMs ?? 0) / 1000) };
}

/** A lease that is not there has a time to live of -1. */
export function timeToLive(
  { state }: Machine,
  { ID, keys }: LeaseTimeToLiveRequest.$Properties,
  now: number,
): LeaseTimeToLiveResponse.$Properties {
  const id = leaseOf(ID);
  const lease = id === undefined ? undefined : state.leases.get(id);
  if (lease === undefined) return { header: {}, ID: ID ?? int64(0), TTL: int64(-1) };
  return {
    header: {},
    ID: wireLease(lease.id),
    TTL: int64(Math.floor((lease.deadlineMs - now) / 1000)),
    grantedTTL: int64(lease.ttlMs / 1000),
    keys: keys ? [...lease.keys].sort(compareKeys).map(keyBytes) : [],
  };
}

/** The next to end first. */
export function list({ state }: Machine): LeaseLeasesResponse.$Properties {
  const leases = state.leases.all().sort((a, b) => a.deadlineMs - b.deadlineMs);
  return { header: {}, leases: leases.map(({ id }) => ({ ID: wireLease(id) })) };
}
