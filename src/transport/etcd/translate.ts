import { compareKeys } from '../../core/keys.js';
import type { Commit, Entry, Guard, Op, Query } from '../../core/store.js';
import { CoordinationError } from '../../errors.js';
import {
  Compare,
  type KeyValue,
  RangeRequest,
  type RequestOp,
  type ResponseOp,
  TxnRequest,
  type TxnResponse,
} from './codec/etcd.js';
import type { Waiting } from './commit-batch.js';
import { fromBigint, isZero, leaseNumber, leaseText, toBigint } from './int64.js';
import { finished } from './methods.js';
import type { KeySpace, WireRange } from './ranges.js';

const { CompareResult, CompareTarget } = Compare;
const zero = fromBigint(0n);
const maxRevision = 2n ** 63n - 1n;

/** A stored key as an entry. The value is a copy: a view would keep the whole answer in memory. */
export function toEntry(space: KeySpace, kv: KeyValue.$Properties): Entry {
  const { key, value, createRevision, modRevision, lease } = kv;
  const entry = {
    key: space.toText(key ?? new Uint8Array()),
    value: new Uint8Array(value ?? []),
    created: createRevision ? toBigint(createRevision) : 0n,
    modified: modRevision ? toBigint(modRevision) : 0n,
  };
  return lease && !isZero(lease) ? { ...entry, lease: leaseText(lease) } : entry;
}

export function rangeRequest(space: KeySpace, query: Query, revision?: bigint): Buffer {
  const request = space.query(query);
  return finished(
    RangeRequest.encode(revision === undefined ? request : { ...request, revision: fromBigint(revision) }),
  );
}

export function txnRequest(
  space: KeySpace,
  guards: readonly Guard[],
  ops: readonly Op[],
  otherwise: readonly Query[],
): Buffer {
  return finished(TxnRequest.encode(toTxn(space, { guards, ops, otherwise })));
}

/** Several commits in one transaction, each with guards of its own: etcd applies all of them at one revision. */
export function nestedTxnRequest(space: KeySpace, commits: readonly Waiting[]): Buffer {
  const success = commits.map((commit) => ({ requestTxn: toTxn(space, commit) }));
  return finished(TxnRequest.encode({ success }));
}

function toTxn(space: KeySpace, { guards, ops, otherwise }: Omit<Waiting, 'timeoutMs'>): TxnRequest.$Properties {
  return {
    compare: guards.map((guard) => toCompare(space, guard)),
    success: ops.map((op) => toRequestOp(space, op)),
    failure: otherwise.map((query) => ({ requestRange: space.query(query) })),
  };
}

function toCompare(space: KeySpace, guard: Guard): Compare.$Properties {
  if (guard.kind === 'untouched') return untouchedSince(space.range(guard), guard.revision);
  const key = space.toWire(guard.key);
  if (guard.kind === 'absent') return created(key, 0n);
  const revision = guard.kind === 'held' ? guard.created : guard.modified;
  // No key has revision 0, but etcd says 0 of a key that does not exist: such a guard must fail, not hold.
  if (revision === 0n) return { key, target: CompareTarget.CREATE, result: CompareResult.LESS, createRevision: zero };
  if (guard.kind === 'held') return created(key, revision);
  return { key, target: CompareTarget.MOD, result: CompareResult.EQUAL, modRevision: fromBigint(revision) };
}

function created(key: Uint8Array, revision: bigint): Compare.$Properties {
  return { key, target: CompareTarget.CREATE, result: CompareResult.EQUAL, createRevision: fromBigint(revision) };
}

/** etcd compares every key of the range, and finds that it holds where there is none. */
function untouchedSince(range: WireRange, revision: bigint): Compare.$Properties {
  // The greatest revision that there can be has none after it, and nothing was written after it.
  const modRevision = fromBigint(revision < maxRevision ? revision + 1n : revision);
  return { ...range, target: CompareTarget.MOD, result: CompareResult.LESS, modRevision };
}

function toRequestOp(space: KeySpace, op: Op): RequestOp.$Properties {
  if (op.kind === 'read') return { requestRange: space.query(op.query) };
  if (op.kind === 'delete') return { requestDeleteRange: space.range(op.range) };
  const put = { key: space.toWire(op.key), value: op.value };
  return { requestPut: op.lease === undefined ? put : { ...put, lease: leaseNumber(op.lease) } };
}

/** What a commit came to, but for the reads whose limit cut through a tie: those are listed by their place in `reads`. */
export interface Answered {
  readonly commit: Commit;
  readonly cut: readonly { readonly at: number; readonly query: Query }[];
}

/** The answers to {@link nestedTxnRequest}, in order. */
export function nestedAnswers(answer: TxnResponse, count: number): readonly TxnResponse.$Properties[] {
  const answers = answer.responses.flatMap(({ responseTxn }) => (responseTxn ? [responseTxn] : []));
  if (answers.length !== count) throw malformed();
  return answers;
}

export function fromTxn(
  space: KeySpace,
  answer: TxnResponse.$Properties,
  revision: bigint,
  ops: readonly Op[],
  otherwise: readonly Query[],
): Answered {
  const ok = answer.succeeded ?? false;
  const responses = answer.responses ?? [];
  const queries = ok ? ops.map((op) => (op.kind === 'read' ? op.query : undefined)) : otherwise;
  if (responses.length !== queries.length) throw malformed();
  const reads: Entry[][] = [];
  const cut: { at: number; query: Query }[] = [];
  for (const [at, query] of queries.entries()) {
    if (query === undefined) continue;
    const found = inOrder(query, entriesOf(space, responses[at]));
    if (found === 'cut') cut.push({ at: reads.length, query });
    reads.push(found === 'cut' ? [] : found);
  }
  return { commit: { ok, revision, reads }, cut };
}

function entriesOf(space: KeySpace, response: ResponseOp.$Properties | undefined): Entry[] {
  const range = response?.responseRange;
  if (!range) throw malformed();
  return (range.kvs ?? []).map((kv) => toEntry(space, kv));
}

function malformed(): CoordinationError {
  return new CoordinationError(
    'PROTOCOL_ERROR',
    'The answer to a commit does not fit its steps: the endpoint is no etcd.',
  );
}

/**
 * Puts entries that etcd sorted by create revision into the order of the contract, ties by key, and takes the surplus
 * entry off. `cut`: the limit falls into a tie, and which of it belong to the answer cannot be told from these.
 */
export function inOrder(query: Query, entries: Entry[]): Entry[] | 'cut' {
  const { order = 'key', limit } = query;
  if (order === 'key') return entries;
  const sign = order === 'oldest' ? 1 : -1;
  entries.sort((a, b) => (a.created === b.created ? compareKeys(a.key, b.key) : a.created < b.created ? -sign : sign));
  if (limit === undefined || entries.length <= limit) return entries;
  // There is an entry before and one after the cut, since the limit is at least 1 and was exceeded.
  const tie = (entries[limit - 1] as Entry).created === (entries[limit] as Entry).created;
  return tie && entries.length === limit + 1 ? 'cut' : entries.slice(0, limit);
}
