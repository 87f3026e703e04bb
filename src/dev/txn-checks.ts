/** What etcd refuses of a transaction before it looks at the store. */
import { keyText } from '../core/keys.js';
import type { DeleteRangeRequest, PutRequest, RequestOp, TxnRequest } from '../transport/etcd/codec/etcd.js';
import { refusal } from './refusal.js';
import { inSpan, literalSpan, type Span } from './span.js';

/** Of one list of operations, one level; nested ones have what their parents leave. */
export const maxTxnOps = 128;

function isEmpty(bytes: Uint8Array | null | undefined): boolean {
  return bytes === null || bytes === undefined || bytes.length === 0;
}

export function checkKeyGiven({ key }: { readonly key?: Uint8Array | null }): void {
  if (isEmpty(key)) throw refusal('emptyKey');
}

export function checkPut(request: PutRequest.$Properties): void {
  checkKeyGiven(request);
  if (request.ignoreValue && !isEmpty(request.value)) throw refusal('valueProvided');
  const { lease } = request;
  const hasLease = lease !== null && lease !== undefined && (lease.low !== 0 || lease.high !== 0);
  if (request.ignoreLease && hasLease) throw refusal('leaseProvided');
}

/** Counts operations, and looks at each by itself. Then {@link checkOverlaps}. */
export function checkTxn(request: TxnRequest.$Properties, most = maxTxnOps): void {
  const { compare, success, failure } = listsOf(request);
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > most) throw refusal('tooManyOps');
  for (const one of compare) checkKeyGiven(one);
  for (const op of success) checkOp(op, most - count);
  for (const op of failure) checkOp(op, most - count);
}

function checkOp(op: RequestOp.$Properties, most: number): void {
  if (op.requestRange) checkKeyGiven(op.requestRange);
  else if (op.requestPut) checkPut(op.requestPut);
  else if (op.requestDeleteRange) checkKeyGiven(op.requestDeleteRange);
  else if (op.requestTxn) checkTxn(op.requestTxn, most);
  else throw refusal('keyNotFound');
}

/** The lists of a transaction, none of which has to be there. */
export function listsOf({ compare, success, failure }: TxnRequest.$Properties) {
  return { compare: compare ?? [], success: success ?? [], failure: failure ?? [] };
}

interface Touched {
  readonly puts: Set<string>;
  readonly deletes: Span[];
}

/**
 * Refuses a list of operations that would put a key twice, or put and delete it; of the two branches of a nested
 * transaction only one is carried out. It sees as much as etcd sees: not a nested put before a nested delete, nor any
 * delete of all keys from one on.
 */
export function checkOverlaps(ops: readonly RequestOp.$Properties[]): Touched {
  const deletes = ops.flatMap(({ requestDeleteRange }) =>
    requestDeleteRange ? [spanDeleted(requestDeleteRange)] : [],
  );
  const touched: Touched = { puts: new Set(), deletes };
  for (const { requestTxn } of ops) {
    if (!requestTxn) continue;
    const { success, failure } = listsOf(requestTxn);
    const [then, otherwise] = [checkOverlaps(success), checkOverlaps(failure)];
    for (const key of then.puts) addPut(touched, key);
    for (const key of otherwise.puts) if (!then.puts.has(key)) addPut(touched, key);
    touched.deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const { requestPut } of ops) if (requestPut) addPut(touched, keyText(requestPut.key ?? new Uint8Array()));
  return touched;
}

function spanDeleted({ key, rangeEnd }: DeleteRangeRequest.$Properties): Span {
  return literalSpan(key, rangeEnd);
}

function addPut({ puts, deletes }: Touched, key: string): void {
  if (puts.has(key) || deletes.some((span) => inSpan(span, key))) throw refusal('duplicateKey');
  puts.add(key);
}
