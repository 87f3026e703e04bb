/** The calls of etcd's API that a program can make, as bytes go over the wire. */
import type protobuf from 'protobufjs/minimal.js';
import * as codec from '../../../src/transport/etcd/codec/etcd.js';

export interface Message {
  encode(message: object): protobuf.Writer;
  decode(bytes: Uint8Array): object;
}

export interface Call {
  readonly path: string;
  readonly request: Message;
  readonly response: Message;
}

function call(service: string, name: string, request: Message, response: Message): Call {
  return { path: `/etcdserverpb.${service}/${name}`, request, response };
}

export const calls = {
  range: call('KV', 'Range', codec.RangeRequest, codec.RangeResponse),
  put: call('KV', 'Put', codec.PutRequest, codec.PutResponse),
  deleteRange: call('KV', 'DeleteRange', codec.DeleteRangeRequest, codec.DeleteRangeResponse),
  txn: call('KV', 'Txn', codec.TxnRequest, codec.TxnResponse),
  compact: call('KV', 'Compact', codec.CompactionRequest, codec.CompactionResponse),
  grant: call('Lease', 'LeaseGrant', codec.LeaseGrantRequest, codec.LeaseGrantResponse),
  revoke: call('Lease', 'LeaseRevoke', codec.LeaseRevokeRequest, codec.LeaseRevokeResponse),
  timeToLive: call('Lease', 'LeaseTimeToLive', codec.LeaseTimeToLiveRequest, codec.LeaseTimeToLiveResponse),
  leases: call('Lease', 'LeaseLeases', codec.LeaseLeasesRequest, codec.LeaseLeasesResponse),
} as const;

export type CallName = keyof typeof calls;

export const streams = {
  watch: call('Watch', 'Watch', codec.WatchRequest, codec.WatchResponse),
  keepAlive: call('Lease', 'LeaseKeepAlive', codec.LeaseKeepAliveRequest, codec.LeaseKeepAliveResponse),
} as const;
