import { keyText } from '../core/keys.js';
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from '../transport/etcd/codec/etcd.js';
import type { Change, Version } from '../transport/memory/history.js';
import { drop, put } from '../transport/memory/state.js';
import { holds } from './compare.js';
import { close, compactRevision, type Machine, type Step } from './machine.js';
import { range } from './range.js';
import { refusal } from './refusal.js';
import { spanOf, versionsIn } from './span.js';
import { listsOf } from './txn-checks.js';
import { int64, keyValue, leaseOf, number } from './wire.js';

/** A transaction with the branch that it takes, and so for those in that branch. Decided before anything is carried out. */
interface Chosen {
  readonly succeeded: boolean;
  readonly ops: readonly RequestOp.$Properties[];
  /** Of the operations that are transactions, by their place. */
  readonly nested: ReadonlyMap<number, Chosen>;
}

function choose(machine: Machine, request: TxnRequest.$Properties): Chosen {
  const { compare, success, failure } = listsOf(request);
  const succeeded = compare.every((one) => holds(machine, one));
  const ops = succeeded ? success : failure;
  const nested = new Map<number, Chosen>();
  for (const [at, { requestTxn }] of ops.entries()) if (requestTxn) nested.set(at, choose(machine, requestTxn));
  return { succeeded, ops, nested };
}

function checkLease({ state }: Machine, { lease }: PutRequest.$Properties): void {
  const id = leaseOf(lease);
  if (id !== undefined && state.leases.get(id) === undefined) throw refusal('leaseNotFound');
}

function checkThere({ state }: Machine, request: PutRequest.$Properties): void {
  const needed = request.ignoreValue || request.ignoreLease;
  if (needed && state.keys.get(textOf(request)) === undefined) throw refusal('keyNotFound');
}

function textOf({ key }: PutRequest.$Properties): string {
  return keyText(key ?? new Uint8Array());
}

/** Refuses what cannot be carried out, in the state before any of it is: first for all puts, then for all reads. */
function checkChosen(machine: Machine, chosen: Chosen, check: (op: RequestOp.$Properties) => void): void {
  for (const [at, op] of chosen.ops.entries()) {
    const inner = chosen.nested.get(at);
    if (inner === undefined) check(op);
    else checkChosen(machine, inner, check);
  }
}

function checkRevision(machine: Machine, op: RequestOp.$Properties): void {
  const revision = number(op.requestRange?.revision);
  if (revision === 0) return;
  if (revision > machine.state.revision) throw refusal('futureRevision');
  if (revision < compactRevision(machine)) throw refusal('compacted');
}

function isRead({ requestRange }: RequestOp.$Properties): boolean {
  return requestRange !== null && requestRange !== undefined;
}

/** Whether a transaction can write, whichever way it goes; one with a nested transaction counts as such, as in etcd. */
export function canWrite(request: TxnRequest.$Properties): boolean {
  const { success, failure } = listsOf(request);
  return !success.every(isRead) || !failure.every(isRead);
}

function applyPut(machine: Machine, request: PutRequest.$Properties, changes: Change[]): PutResponse.$Properties {
  const { state } = machine;
  const key = textOf(request);
  const previous = state.keys.get(key);
  const value = request.ignoreValue ? (previous as Version).value : (request.value ?? new Uint8Array());
  const lease = request.ignoreLease ? previous?.lease : leaseOf(request.lease);
  put(state, { kind: 'put', key, value, ...(lease !== undefined && { lease }) }, changes);
  const prevKv = request.prevKv && previous !== undefined ? keyValue(previous) : null;
  return { header: { revision: int64(state.revision + 1) }, prevKv };
}

function applyDelete(
  { state }: Machine,
  request: DeleteRangeRequest.$Properties,
  changes: Change[],
): DeleteRangeResponse.$Properties {
  const versions = versionsIn(state.keys, spanOf(request.key, request.rangeEnd));
  drop(state, versions, changes);
  const header = { revision: int64(state.revision + (changes.length > 0 ? 1 : 0)) };
  const prevKvs = request.prevKv ? versions.map((version) => keyValue(version)) : [];
  return { header, deleted: int64(versions.length), prevKvs };
}

function applyChosen(machine: Machine, chosen: Chosen, changes: Change[]): TxnResponse.$Properties {
  const responses = chosen.ops.map((op, at): ResponseOp.$Properties => {
    const inner = chosen.nested.get(at);
    if (inner !== undefined) return { responseTxn: applyChosen(machine, inner, changes) };
    if (op.requestRange) return { responseRange: range(machine, op.requestRange, changes) };
    if (op.requestPut) return { responsePut: applyPut(machine, op.requestPut, changes) };
    return { responseDeleteRange: applyDelete(machine, op.requestDeleteRange ?? {}, changes) };
  });
  return { header: {}, succeeded: chosen.succeeded, responses };
}

/** Carries out a transaction whose form was checked: all of it, in the order of its operations, or nothing. */
export function txn(machine: Machine, request: TxnRequest.$Properties, steps: Step[]): TxnResponse.$Properties {
  const chosen = choose(machine, request);
  checkChosen(machine, chosen, ({ requestPut }) => {
    if (!requestPut) return;
    checkThere(machine, requestPut);
    checkLease(machine, requestPut);
  });
  checkChosen(machine, chosen, (op) => checkRevision(machine, op));
  const changes: Change[] = [];
  const answer = applyChosen(machine, chosen, changes);
  close(machine, changes, steps);
  return { ...answer, header: { revision: int64(machine.state.revision) } };
}

export function putOne(machine: Machine, request: PutRequest.$Properties, steps: Step[]): PutResponse.$Properties {
  checkLease(machine, request);
  checkThere(machine, request);
  const changes: Change[] = [];
  const answer = applyPut(machine, request, changes);
  close(machine, changes, steps);
  return answer;
}

export function deleteRange(
  machine: Machine,
  request: DeleteRangeRequest.$Properties,
  steps: Step[],
): DeleteRangeResponse.$Properties {
  const changes: Change[] = [];
  const answer = applyDelete(machine, request, changes);
  close(machine, changes, steps);
  return answer;
}
