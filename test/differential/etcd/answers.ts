/** What is the same in two answers although it looks different. */

import type { Plain, PlainFields } from './plain.js';
import type { Fields } from './step.js';

/** etcd sorts with an algorithm that keeps the order of equals up to so many elements, and in no certain order beyond. */
const stableSort = 12;
const targets = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const;

const listOf = (value: Plain | undefined): readonly PlainFields[] =>
  Array.isArray(value) ? (value as readonly PlainFields[]) : [];

/** Puts those that etcd leaves in no certain order into the order of their keys; of those cut by a limit only how many. */
export function withoutTies(request: Fields, answer: PlainFields): PlainFields {
  const target = targets[Number(request['sortTarget'] ?? 0)] ?? 'key';
  const kvs = listOf(answer['kvs']);
  const count = answer['count'];
  if (target === 'key' || kvs.length === 0 || typeof count !== 'bigint' || count <= stableSort) return answer;
  const runs: PlainFields[][] = [];
  for (const kv of kvs) {
    const run = runs.at(-1);
    if (run?.[0]?.[target] === kv[target] && run !== undefined) run.push(kv);
    else runs.push([kv]);
  }
  for (const run of runs) run.sort((a, b) => (String(a['key']) < String(b['key']) ? -1 : 1));
  const cut = answer['more'] === true ? (runs.pop()?.length ?? 0) : 0;
  return { ...answer, kvs: runs.flat(), cut };
}

/** The keys of a lease come in no order, and how long it has to live depends on when one asks. */
export function leaseAnswer({ TTL, keys, ...answer }: PlainFields): PlainFields {
  const sorted = Array.isArray(keys) ? { keys: [...keys].sort() } : {};
  return { ...answer, ...sorted, ...(TTL === undefined ? {} : { left: TTL }) };
}

/** A step inside a transaction is a range too. */
export function withoutTiesInside(request: Fields, answer: PlainFields): PlainFields {
  const steps = (answer['succeeded'] === true ? request['success'] : request['failure']) as
    | readonly Fields[]
    | undefined;
  const responses = listOf(answer['responses']).map((response, i) => {
    const { requestRange, requestTxn } = (steps?.[i] ?? {}) as Readonly<Record<string, Fields | undefined>>;
    const { responseRange, responseTxn } = response as Readonly<Record<string, PlainFields | undefined>>;
    // An answer to another step than was asked for, of a server that lies about what has succeeded, is compared as it is.
    if (responseRange && requestRange) return { responseRange: withoutTies(requestRange, responseRange) };
    if (responseTxn && requestTxn) return { responseTxn: withoutTiesInside(requestTxn, responseTxn) };
    return response;
  });
  return { ...answer, ...(responses.length > 0 && { responses }) };
}
