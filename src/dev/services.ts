import * as codec from '../transport/etcd/codec/etcd.js';
import { compact } from './compact.js';
import { grant, list, revoke, timeToLive } from './leases.js';
import { pathOf, type UnaryMethod, unary } from './methods.js';
import { range } from './range.js';
import { refusal, unimplemented } from './refusal.js';
import type { DevStore } from './store.js';
import { canWrite, deleteRange, putOne, txn } from './txn.js';
import { checkKeyGiven, checkOverlaps, checkPut, checkTxn } from './txn-checks.js';
import { int64 } from './wire.js';

/** etcd's default, and what its own envelope adds to a request before it is measured. */
const maxRequestBytes = 1.5 * 1024 * 1024;
const envelopeBytes = 18;

/** The version of the API that is spoken, marked as not being etcd's own server. */
export const apiVersion = '3.5.0+coterie';

function checkSize(bytes: number): void {
  if (bytes + envelopeBytes > maxRequestBytes) throw refusal('requestTooLarge');
}

export function kvMethods(store: DevStore): UnaryMethod[] {
  const answered = <A extends { header?: codec.ResponseHeader.$Properties | null }>(answer: A): A => {
    return { ...answer, header: store.header(answer.header) };
  };
  return [
    unary('KV', 'Range', codec.RangeRequest, codec.RangeResponse, (request) => {
      checkKeyGiven(request);
      return answered(store.run((machine) => range(machine, request)));
    }),
    unary('KV', 'Put', codec.PutRequest, codec.PutResponse, (request, bytes) => {
      checkPut(request);
      checkSize(bytes);
      return answered(store.run((machine, steps) => putOne(machine, request, steps)));
    }),
    unary('KV', 'DeleteRange', codec.DeleteRangeRequest, codec.DeleteRangeResponse, (request, bytes) => {
      checkKeyGiven(request);
      checkSize(bytes);
      return answered(store.run((machine, steps) => deleteRange(machine, request, steps)));
    }),
    unary('KV', 'Txn', codec.TxnRequest, codec.TxnResponse, (request, bytes) => {
      checkTxn(request);
      checkOverlaps(request.success ?? []);
      checkOverlaps(request.failure ?? []);
      if (canWrite(request)) checkSize(bytes);
      return answered(store.run((machine, steps) => txn(machine, request, steps)));
    }),
    unary('KV', 'Compact', codec.CompactionRequest, codec.CompactionResponse, (request) => {
      return answered(store.run((machine, steps) => compact(machine, request, steps)));
    }),
  ];
}

export function leaseMethods(store: DevStore): UnaryMethod[] {
  const answered = <A extends object>(answer: A): A => ({ ...answer, header: store.header() });
  return [
    unary('Lease', 'LeaseGrant', codec.LeaseGrantRequest, codec.LeaseGrantResponse, (request) => {
      return answered(store.run((machine, steps, now) => grant(machine, request, store.freshLease, now, steps)));
    }),
    unary('Lease', 'LeaseRevoke', codec.LeaseRevokeRequest, codec.LeaseRevokeResponse, (request) => {
      return answered(store.run((machine, steps) => revoke(machine, request, steps)));
    }),
    unary('Lease', 'LeaseTimeToLive', codec.LeaseTimeToLiveRequest, codec.LeaseTimeToLiveResponse, (request) => {
      return answered(store.run((machine, _steps, now) => timeToLive(machine, request, now)));
    }),
    unary('Lease', 'LeaseLeases', codec.LeaseLeasesRequest, codec.LeaseLeasesResponse, () => {
      return answered(store.run(list));
    }),
  ];
}

/** The name of the one member there is. */
const memberName = 'coterie-dev';

/** What is asked about the server itself. `endpoint`: where it is reached. */
export function serverMethods(store: DevStore, endpoint: () => string): UnaryMethod[] {
  const { Status, Members } = { Status: codec.StatusResponse, Members: codec.MemberListResponse };
  return [
    unary('Maintenance', 'Status', codec.StatusRequest, Status, () => {
      const header = store.run(() => store.header());
      const { memberId: leader, raftTerm, revision } = header;
      // Each revision stands for an entry of the log that there is not.
      const raft = { raftTerm, raftIndex: revision, raftAppliedIndex: revision };
      const size = int64(store.machine.state.history.bytes);
      return { header, version: apiVersion, leader, ...raft, dbSize: size, dbSizeInUse: size };
    }),
    unary('Maintenance', 'Alarm', codec.AlarmRequest, codec.AlarmResponse, ({ action }) => {
      // There never is one. To end one that is not there is no error in etcd either.
      if (action === codec.AlarmRequest.AlarmAction.ACTIVATE) throw unimplemented('there are no alarms.');
      return { header: store.header() };
    }),
    unary('Maintenance', 'Defragment', codec.DefragmentRequest, codec.DefragmentResponse, () => ({})),
    unary('Cluster', 'MemberList', codec.MemberListRequest, Members, () => {
      const header = store.header();
      const member = { ID: header.memberId ?? null, name: memberName, clientUrls: [endpoint()] };
      return { header: { ...header, revision: int64(0) }, members: [member] };
    }),
    unary('Auth', 'AuthStatus', codec.AuthStatusRequest, codec.AuthStatusResponse, () => {
      return { header: store.header(), enabled: false, authRevision: int64(1) };
    }),
    unary('Auth', 'Authenticate', codec.AuthenticateRequest, codec.AuthenticateResponse, () => {
      throw refusal('authNotEnabled');
    }),
  ];
}

const oneMember = 'it is a cluster of one, and stays one.';
const noAuth = 'it knows no users and no roles, and lets in everyone who reaches it.';
const noFile = 'it has no database file; start it with --data to keep what is in it.';

/** What etcd has besides, by service, with the reason why it is not here. */
const missing: readonly (readonly [service: string, names: readonly string[], reason: string])[] = [
  ['Cluster', ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberPromote'], oneMember],
  ['Maintenance', ['Hash', 'HashKV', 'Snapshot'], noFile],
  ['Maintenance', ['MoveLeader', 'Downgrade'], oneMember],
  ['Auth', ['AuthEnable', 'AuthDisable'], noAuth],
  ['Auth', ['UserAdd', 'UserGet', 'UserList', 'UserDelete', 'UserChangePassword'], noAuth],
  ['Auth', ['UserGrantRole', 'UserRevokeRole', 'RoleAdd', 'RoleGet', 'RoleList', 'RoleDelete'], noAuth],
  ['Auth', ['RoleGrantPermission', 'RoleRevokePermission'], noAuth],
];

export function missingMethods(): UnaryMethod[] {
  return missing.flatMap(([service, names, reason]) =>
    names.map((name) => ({
      path: pathOf(service, name),
      answer: () => {
        throw unimplemented(`${name} is not answered: ${reason}`);
      },
    })),
  );
}
