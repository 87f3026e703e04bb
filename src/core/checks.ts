/**
 * What every store checks before it sends anything, so that bad input fails alike on all of them. Each check throws a
 * CoordinationError whose sentence says what to do.
 */
import { CoordinationError, type ErrorCode, printable } from '../errors.js';
import { checkKey, checkPrefix } from './keys.js';
import type {
  CallOptions,
  CommitOptions,
  Guard,
  LeaseId,
  Op,
  Query,
  Range,
  ReadOptions,
  StoreTraits,
} from './store.js';

function invalid(code: ErrorCode, field: string, problem: string, sentence: string): CoordinationError {
  return new CoordinationError(code, sentence, { field, problem });
}

/** The error of an option that is refused; `problem` is the word for it that programs can use. */
export function invalidOption(field: string, sentence: string, problem = 'invalid'): CoordinationError {
  return invalid('INVALID_OPTION', field, problem, sentence);
}

/** Refuses an object with a field that is not in the list (`UNKNOWN_OPTION`), or no object at all (`INVALID_OPTION`). */
export function checkKnown(options: unknown, known: readonly string[], what: string): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) {
    throw invalidOption(what, `The options of ${what} must be an object.`, 'not-an-object');
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const sentence = `${what} has no option "${printable(name)}"; it knows ${known.join(', ')}.`;
    throw invalid('UNKNOWN_OPTION', name, 'unknown', sentence);
  }
}

/** Refuses a time that is not a number above 0, with `INVALID_TIMEOUT`. Infinity is refused too: leave it out. */
export function checkTimeout(timeoutMs: unknown, field = 'timeoutMs'): void {
  if (timeoutMs === undefined) return;
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && Number.isFinite(timeoutMs)) return;
  const sentence = `${field} must be a number of milliseconds above 0, got ${printable(timeoutMs)}; leave it out for none.`;
  throw invalid('INVALID_TIMEOUT', field, 'out-of-range', sentence);
}

/** Refuses what cannot be called, with `INVALID_OPTION`. */
export function checkFunction(value: unknown, field: string): void {
  if (typeof value !== 'function') throw invalidOption(field, `${field} must be a function.`, 'not-a-function');
}

/** Whether it is a whole number, of those that are exact, from `least` to `most`. */
export function isInteger(value: unknown, least: number, most: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** Refuses what is no {@link isInteger}, with `INVALID_OPTION`. */
export function checkInteger(value: unknown, field: string, least: number, most?: number): asserts value is number {
  if (isInteger(value, least, most)) return;
  const range = most === undefined ? `from ${least}` : `from ${least} to ${most}`;
  throw invalidOption(field, `${field} must be an integer ${range}, got ${printable(value)}.`, 'out-of-range');
}

/** Refuses what is given and is not one of these words, with `INVALID_OPTION`. */
export function checkWord(word: unknown, field: string, allowed: readonly string[]): void {
  if (word === undefined || (typeof word === 'string' && allowed.includes(word))) return;
  throw invalidOption(field, `${field} must be ${allowed.map((one) => `"${one}"`).join(' or ')}.`, 'unknown');
}

/** Refuses what is given and is no text, or empty, with `INVALID_OPTION`. */
export function checkText(text: unknown, field: string, what: string): void {
  if (text === undefined || (typeof text === 'string' && text !== '')) return;
  throw invalidOption(field, `${field} must be ${what}.`, 'not-a-name');
}

/** Refuses what is given and is neither true nor false, with `INVALID_OPTION`. */
export function checkFlag(flag: unknown, field: string): void {
  if (flag === undefined || typeof flag === 'boolean') return;
  throw invalidOption(field, `${field} must be true or false.`, 'not-a-boolean');
}

/** Refuses anything but an AbortSignal, with `INVALID_OPTION`. */
function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return;
  throw invalidOption('signal', 'signal must be an AbortSignal.', 'not-a-signal');
}

const callOptions = ['signal', 'timeoutMs'];

/** Checks the options that every call takes. */
export function checkOptions(options: CallOptions | undefined, what: string, more: readonly string[] = []): void {
  if (options === undefined) return;
  checkKnown(options, more.length === 0 ? callOptions : [...callOptions, ...more], what);
  checkTimeout(options.timeoutMs);
  checkSignal(options.signal);
}

/** As {@link checkOptions}, and throws the reason of a signal that is aborted already. */
export function checkCall(options: CallOptions | undefined, what: string, more: readonly string[] = []): void {
  checkOptions(options, what, more);
  options?.signal?.throwIfAborted();
}

/** Refuses a time to live that the store cannot give, with `INVALID_TTL`. */
export function checkTtl(ttlMs: unknown, traits: StoreTraits): asserts ttlMs is number {
  const { minTtlMs, maxTtlMs, name } = traits;
  if (typeof ttlMs === 'number' && ttlMs >= minTtlMs && ttlMs <= maxTtlMs) return;
  const sentence = `ttlMs must be from ${minTtlMs} to ${maxTtlMs} milliseconds on ${name}, got ${printable(ttlMs)}.`;
  throw invalid('INVALID_TTL', 'ttlMs', 'out-of-range', sentence);
}

export function checkRange(range: unknown): asserts range is Range {
  const { key, prefix } = (range ?? {}) as { key?: unknown; prefix?: unknown };
  if ((key === undefined) === (prefix === undefined)) {
    throw invalidOption('range', 'A range is either { key } or { prefix }.', 'not-a-range');
  }
  if (prefix === undefined) checkKey(key);
  else checkPrefix(prefix);
}

const orders: readonly unknown[] = [undefined, 'key', 'oldest', 'newest'];

/** @internal Refuses what is no query: as {@link checkRange}, and with `INVALID_OPTION` for its order, limit and revision. */
export function checkQuery(query: Query): void {
  checkRange(query);
  checkKnown(query, ['key', 'prefix', 'order', 'limit', 'createdBefore'], 'a query');
  if (!orders.includes(query.order)) {
    throw invalidOption('order', 'order must be "key", "oldest" or "newest".', 'unknown');
  }
  if (query.limit !== undefined && !(Number.isSafeInteger(query.limit) && query.limit > 0)) {
    throw invalidOption('limit', 'limit must be an integer from 1; leave it out for all.', 'out-of-range');
  }
  if (query.createdBefore !== undefined) checkRevision(query.createdBefore, 'createdBefore');
}

const maxRevision = 2n ** 63n - 1n;

function checkRevision(revision: unknown, field: string): void {
  if (typeof revision === 'bigint' && revision >= 0n && revision <= maxRevision) return;
  throw invalidOption(field, `${field} must be a bigint from 0 to 2^63 - 1.`, 'not-a-revision');
}

/** Checks a whole read against the contract and what the store can do. */
export function checkRead(traits: StoreTraits, query: Query, options: ReadOptions | undefined): void {
  checkQuery(query);
  checkCall(options, 'read', ['revision']);
  const revision = options?.revision;
  if (revision === undefined) return;
  // Not 0, which is etcd's word for the present.
  if (typeof revision !== 'bigint' || revision < 1n || revision > maxRevision) {
    throw invalidOption('revision', 'revision must be a bigint from 1 to 2^63 - 1.', 'not-a-revision');
  }
  if (traits.pastReads) return;
  const sentence = `${traits.name} keeps no past: leave revision out.`;
  throw invalid('UNSUPPORTED', 'revision', 'past', sentence);
}

/** Refuses anything but the id of a lease, with `INVALID_OPTION`. */
export function checkLease(lease: unknown): asserts lease is LeaseId {
  if (typeof lease === 'string' && lease !== '') return;
  throw invalidOption('lease', 'lease must be the id of a lease that the store granted.', 'not-a-lease');
}

function checkGuard(guard: Guard, traits: StoreTraits): void {
  if (guard.kind === 'untouched') {
    checkUntouched(guard, traits);
    return;
  }
  checkKey(guard.key);
  if (guard.kind === 'unchanged') checkRevision(guard.modified, 'modified');
  else if (guard.kind === 'held') {
    checkRevision(guard.created, 'created');
    checkLease(guard.lease);
  } else if (guard.kind !== 'absent') {
    throw invalid('INVALID_COMMIT', 'guards', 'unknown-kind', 'A guard is absent, unchanged, held or untouched.');
  }
}

function checkUntouched(guard: Guard & { kind: 'untouched' }, { rangeGuards, name }: StoreTraits): void {
  checkRange(guard);
  checkRevision(guard.revision, 'revision');
  if (rangeGuards) return;
  const sentence = `A commit on ${name} cannot be made to depend on whether a range was written to.`;
  throw invalid('UNSUPPORTED', 'guards', 'untouched', sentence);
}

function checkPut(op: Op & { kind: 'put' }, traits: StoreTraits): void {
  checkKey(op.key);
  if (op.lease !== undefined) checkLease(op.lease);
  if (!(op.value instanceof Uint8Array)) {
    throw new CoordinationError('INVALID_VALUE', 'A value must be a Uint8Array; put() also takes a string.', {
      key: op.key,
      field: 'value',
    });
  }
  if (op.value.byteLength > traits.maxValueBytes) {
    const sentence = `The value has ${op.value.byteLength} bytes; ${traits.name} takes at most ${traits.maxValueBytes}.`;
    throw new CoordinationError('VALUE_TOO_LARGE', sentence, { key: op.key, field: 'value' });
  }
}

function checkOp(op: Op, traits: StoreTraits): void {
  if (op.kind === 'put') checkPut(op, traits);
  else if (op.kind === 'delete') checkRange(op.range);
  else if (op.kind === 'read') checkQuery(op.query);
  else throw invalid('INVALID_COMMIT', 'ops', 'unknown-kind', 'A step is put, delete or read.');
}

/** Whether a key lies in a range. */
export function inRange(range: Range, key: string): boolean {
  return 'key' in range ? range.key === key : key.startsWith(range.prefix);
}

/** Refuses a commit that touches a key more than once and puts it, with `DUPLICATE_KEY`. */
export function checkDuplicates(ops: readonly Op[]): void {
  if (ops.length < 2) return;
  const seen = new Set<string>();
  const deletes = ops.flatMap((op) => (op.kind === 'delete' ? [op.range] : []));
  for (const op of ops) {
    if (op.kind !== 'put') continue;
    if (seen.has(op.key) || deletes.some((range) => inRange(range, op.key))) {
      const sentence = `A commit may touch the key "${printable(op.key)}" only once.`;
      throw new CoordinationError('DUPLICATE_KEY', sentence, { key: op.key });
    }
    seen.add(op.key);
  }
}

/** Checks a whole commit against the contract and the limits of the store. */
export function checkCommit(
  traits: StoreTraits,
  guards: readonly Guard[],
  ops: readonly Op[],
  options: CommitOptions | undefined,
): void {
  checkCall(options, 'commit', ['otherwise']);
  const otherwise = options?.otherwise ?? [];
  if (!Array.isArray(guards) || !Array.isArray(ops) || !Array.isArray(otherwise)) {
    throw invalid('INVALID_COMMIT', 'guards', 'not-an-array', 'guards, ops and otherwise must be arrays.');
  }
  const count = guards.length + Math.max(ops.length, otherwise.length);
  if (count > traits.maxOps) {
    const sentence = `A commit on ${traits.name} has at most ${traits.maxOps} guards and steps together, got ${count}.`;
    throw new CoordinationError('TOO_MANY_OPS', sentence, { field: 'ops' });
  }
  for (const guard of guards) checkGuard(guard, traits);
  for (const op of ops) checkOp(op, traits);
  for (const query of otherwise) checkQuery(query);
  checkDuplicates(ops);
}

/** The error of any use of something that was closed. */
export function closedError(what: string): CoordinationError {
  return new CoordinationError('CLOSED', `The ${what} is closed; create a new one.`);
}
