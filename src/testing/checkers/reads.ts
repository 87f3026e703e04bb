/** What one transaction says by itself: what it read of others, and whether it agrees with what it did before. */
import type { Scalar } from './data-models.js';
import { line } from './model.js';
import { type Access, type Anomaly, accessesOf, type Transaction } from './transaction.js';
import { show, text } from './values.js';

/** What it read of a key before writing to it. */
export interface ExternalRead {
  readonly key: string;
  /** A list, or one value in a list; nothing for a register that was never written. */
  readonly values: readonly Scalar[];
}

export interface OwnView {
  readonly reads: ReadonlyMap<string, ExternalRead>;
  readonly anomalies: readonly Anomaly[];
}

/** What a transaction knows of a key while it runs. */
interface Known {
  /** Undefined as long as only own appends are known. */
  base: readonly Scalar[] | undefined;
  own: Scalar[];
}

function valuesOf({ value }: Extract<Access, { op: 'read' }>): readonly Scalar[] {
  if (Array.isArray(value)) return value;
  // What is no array is one value, or none; a register that was never written reads as nothing.
  return value === undefined || value === null ? [] : [value as Scalar];
}

function equal(a: readonly Scalar[], b: readonly Scalar[]): boolean {
  return a.length === b.length && a.every((value, at) => Object.is(value, b[at]));
}

function endsWith(values: readonly Scalar[], tail: readonly Scalar[]): boolean {
  return tail.length <= values.length && equal(values.slice(values.length - tail.length), tail);
}

function note(known: Map<string, Known>, { op, key, value }: Extract<Access, { op: 'append' | 'write' }>): void {
  const entry = known.get(key) ?? { base: undefined, own: [] };
  known.set(key, entry);
  if (op === 'append') entry.own.push(value);
  else entry.own = [value];
}

/** What a read should have shown and did not, as the name of the anomaly. */
function problemOf(entry: Known, seen: readonly Scalar[], isList: boolean): 'internal' | 'fuzzy-read' | undefined {
  if (!isList) {
    if (entry.own.length > 0) return equal(seen, entry.own) ? undefined : 'internal';
    return entry.base === undefined || equal(seen, entry.base) ? undefined : 'fuzzy-read';
  }
  if (!endsWith(seen, entry.own)) return 'internal';
  const base = seen.slice(0, seen.length - entry.own.length);
  return entry.base === undefined || equal(base, entry.base) ? undefined : 'fuzzy-read';
}

/** What a transaction that answered read of others. */
export function ownView(transaction: Transaction): OwnView {
  const known = new Map<string, Known>();
  const reads = new Map<string, ExternalRead>();
  const anomalies: Anomaly[] = [];
  for (const access of accessesOf(transaction)) {
    if (access.op !== 'read') {
      note(known, access);
      continue;
    }
    const { key } = access;
    const seen = valuesOf(access);
    const isList = Array.isArray(access.value);
    const entry = known.get(key) ?? { base: undefined, own: [] };
    known.set(key, entry);
    const name = problemOf(entry, seen, isList);
    if (name !== undefined) {
      const what = name === 'internal' ? 'does not show what it wrote itself' : 'is not what it read before';
      const sentence = `A read of ${show(key)} as ${text(access.value)} ${what}: ${line(transaction)}.`;
      anomalies.push({ name, transactions: [transaction], sentence });
    } else if (entry.base === undefined && (isList || entry.own.length === 0)) {
      entry.base = seen.slice(0, seen.length - (isList ? entry.own.length : 0));
      reads.set(key, { key, values: entry.base });
    }
  }
  return { reads, anomalies };
}
