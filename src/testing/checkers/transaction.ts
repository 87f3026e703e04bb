import { invalidOption } from '../../core/checks.js';
import type { Scalar } from './data-models.js';
import type { Operation } from './operation.js';
import { identity } from './values.js';

/**
 * One thing that a transaction does. A key is either a list, to which values are appended, or a register, which is written;
 * each value is appended to or written to one key only once, so that who reads it tells who wrote it. What a read answered
 * is its `value`: a list, or a value, where null and undefined stand for a register that was never written.
 */
export type Access =
  | { readonly op: 'append' | 'write'; readonly key: string; readonly value: Scalar }
  | { readonly op: 'read'; readonly key: string; readonly value?: Scalar | readonly Scalar[] };

/** What was asked is the input; the output is the same, with what the reads answered. `failed` is one that was aborted. */
export type Transaction = Operation<readonly Access[], readonly Access[]>;

/** Something that must not be, with those who took part. */
export interface Anomaly {
  /** Its name in the literature; see {@link AnomalyName}. */
  readonly name: AnomalyName;
  readonly transactions: readonly Transaction[];
  /** What happened, in words. */
  readonly sentence: string;
}

/** Cycles, by what they are made of. */
export type CycleName = 'G0' | 'G1c' | 'G-single' | 'G-nonadjacent' | 'G2-item';

/**
 * - `G0`: writes in a circle. `G1a`: read of an aborted write. `G1b`: read of a value that its transaction wrote over.
 *   `G1c`: writes and reads in a circle. `G-single`: a circle with one read that missed a write; read skew. `G-nonadjacent`: with
 *   several, none next to another; long fork. `G2-item`: with several; write skew.
 * - the same with `-process` or `-realtime`: a circle only with the order within a process, or that of time.
 * - `internal`: a transaction does not see its own write. `fuzzy-read`: it reads a key twice, and not the same.
 * - `lost-update`: two read the same and both wrote over it. `dirty-update`: written over an aborted write, which stayed.
 * - `unwritten-read`: nobody wrote that. `duplicates`: a value is there, or was written, twice.
 * - `incompatible-order`: lists of one key that do not begin alike. `cyclic-versions`: values of a register in a circle.
 */
export type AnomalyName =
  | CycleName
  | `${CycleName}-${'process' | 'realtime'}`
  | ('G1a' | 'G1b' | 'internal' | 'fuzzy-read' | 'lost-update' | 'dirty-update')
  | ('unwritten-read' | 'duplicates' | 'incompatible-order' | 'cyclic-versions');

/** How one transaction comes before another; each is a bit. */
export const edgeKinds = { ww: 1, wr: 2, rw: 4, process: 8, time: 16 } as const;

export interface Edge {
  readonly from: number;
  readonly to: number;
  /** One of {@link edgeKinds}. */
  readonly kind: number;
  readonly key?: string;
  /** The value that was read, or written by the second. */
  readonly value?: unknown;
}

/** Who wrote a value. */
export interface Writer {
  readonly transaction: number;
  /** Whether it is the last that its transaction wrote to the key. */
  readonly final: boolean;
  readonly value: Scalar;
}

/** What is known of one key. */
export interface KeyHistory {
  readonly key: string;
  readonly kind: 'list' | 'register';
  /** By the value's identity. */
  readonly writers: ReadonlyMap<unknown, Writer>;
  /** Values that were written twice, with both who did. */
  readonly twice: readonly { readonly value: Scalar; readonly by: readonly [number, number] }[];
  /** The transactions that read it and answered. */
  readonly readers: readonly number[];
}

/** What a transaction did: what it answered, or where it did not answer what it was asked. */
export function accessesOf(transaction: Transaction): readonly Access[] {
  return transaction.kind === 'ok' ? transaction.output : transaction.input;
}

function checkAccess(access: unknown, at: number): asserts access is Access {
  const { op, key } = (access ?? {}) as Partial<Access>;
  if ((op === 'append' || op === 'write' || op === 'read') && typeof key === 'string') return;
  const field = `transactions[${at}]`;
  const sentence = `${field} must be of accesses: { op: "append" | "write" | "read", key, value }.`;
  throw invalidOption(field, sentence, 'not-an-access');
}

interface Gathering {
  kind: 'list' | 'register' | undefined;
  readonly writers: Map<unknown, Writer>;
  readonly twice: { readonly value: Scalar; readonly by: readonly [number, number] }[];
  readonly readers: Set<number>;
}

function gatherInto(found: Map<string, Gathering>, transaction: Transaction, at: number): void {
  const accesses: unknown = accessesOf(transaction);
  if (!Array.isArray(accesses)) checkAccess(undefined, at);
  const last = new Map<string, unknown>();
  for (const access of accesses as readonly Access[]) {
    checkAccess(access, at);
    if (access.op !== 'read') last.set(access.key, identity(access.value));
  }
  for (const access of accesses as readonly Access[]) {
    const { op, key } = access;
    const known: Gathering = found.get(key) ?? { kind: undefined, writers: new Map(), twice: [], readers: new Set() };
    found.set(key, known);
    if (op === 'read') {
      if (transaction.kind === 'ok') known.readers.add(at);
      if (transaction.kind === 'ok' && Array.isArray(access.value)) setKind(known, 'list', key);
      continue;
    }
    setKind(known, op === 'append' ? 'list' : 'register', key);
    const id = identity(access.value);
    const other = known.writers.get(id);
    if (other !== undefined) known.twice.push({ value: access.value, by: [other.transaction, at] });
    else known.writers.set(id, { transaction: at, final: last.get(key) === id, value: access.value });
  }
}

function setKind(known: Gathering, kind: 'list' | 'register', key: string): void {
  if (known.kind !== undefined && known.kind !== kind) {
    throw invalidOption('transactions', `The key "${key}" is used as a list and as a register.`, 'mixed-key');
  }
  known.kind = kind;
}

/** What was done to each key. `INVALID_OPTION` for accesses that are none, and for keys that are list and register. */
export function keysOf(transactions: readonly Transaction[]): KeyHistory[] {
  const found = new Map<string, Gathering>();
  for (const [at, transaction] of transactions.entries()) gatherInto(found, transaction, at);
  return [...found].map(([key, { kind = 'register', writers, twice, readers }]) => {
    return { key, kind, writers, twice, readers: [...readers] };
  });
}
