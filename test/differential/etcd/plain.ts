/** Messages as plain values that can be compared and printed. */
import { toBigint } from '../../../src/transport/etcd/int64.js';

export type Plain = string | number | bigint | boolean | PlainFields | readonly Plain[];
export interface PlainFields {
  readonly [field: string]: Plain;
}

function isInt64(value: object): value is { low: number; high: number; unsigned: boolean } {
  return 'low' in value && 'high' in value;
}

/**
 * A decoded message without the fields that have the value which proto3 says for "not set": whether such a field was sent
 * is nothing that a client could tell. Bytes become one character each.
 */
export function plainOf(message: object): PlainFields {
  const plain: Record<string, Plain> = {};
  for (const [field, value] of Object.entries(message)) {
    const found = plainValue(value);
    if (found !== undefined) plain[field] = found;
  }
  return plain;
}

function plainValue(value: unknown): Plain | undefined {
  if (value instanceof Uint8Array) {
    return value.length === 0
      ? undefined
      : Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((each) => plainValue(each) ?? defaultOf(each));
  }
  if (typeof value === 'object' && value !== null) {
    if (!isInt64(value)) return plainOf(value);
    const number = toBigint(value);
    return number === 0n ? undefined : number;
  }
  return value === 0 || value === '' || value === false || value === null
    ? undefined
    : (value as string | number | true);
}

/** An element of a list is there even where it is empty. */
function defaultOf(element: unknown): Plain {
  return element instanceof Uint8Array ? '' : typeof element === 'object' ? 0n : (element as Plain);
}

export function isFields(value: Plain | undefined): value is PlainFields {
  return typeof value === 'object' && !Array.isArray(value);
}

/** A long text shortened, so that a difference can be read. */
function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    return typeof inner === 'string' && inner.length > 80 ? `${inner.slice(0, 20)}... (${inner.length})` : inner;
  });
  return text === undefined ? 'nothing' : text.length > 600 ? `${text.slice(0, 600)}...` : text;
}

/** What may be a little different in time: how many seconds a lease has left. */
const secondsOfTolerance = 3n;

function nearly(a: Plain | undefined, b: Plain | undefined, field: string): boolean {
  if (field !== 'left' || typeof a !== 'bigint' || typeof b !== 'bigint' || a <= 0n || b <= 0n) return false;
  return a - b <= secondsOfTolerance && b - a <= secondsOfTolerance;
}

/** Where two values differ first, as a sentence, or undefined where they do not. */
export function difference(a: Plain | undefined, b: Plain | undefined, path = '', field = ''): string | undefined {
  if (a === b || nearly(a, b, field)) return undefined;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const found = difference(a[i], b[i], `${path}[${i}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (isFields(a) && isFields(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = difference(a[name], b[name], path === '' ? name : `${path}.${name}`, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return `${path === '' ? 'the answer' : path}: ${shown(a)} and ${shown(b)}`;
}
