import { CoordinationError, printable } from '../errors.js';
import type { LeaseId } from './store.js';

const firstEscape = 0xdc80;
const lastEscape = 0xdcff;

function invalidKey(key: unknown, problem: string, sentence: string): CoordinationError {
  const details = { problem, field: 'key' };
  return new CoordinationError('INVALID_KEY', sentence, typeof key === 'string' ? { ...details, key } : details);
}

/**
 * Refuses what cannot name a key on every store, with `INVALID_KEY`: anything but text, the empty text, NUL, a segment
 * `..`, text that is not Unicode (except the escapes of {@link keyText}).
 */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string') {
    throw invalidKey(key, 'not-a-string', `A key must be a string, got ${printable(key)}.`);
  }
  if (key === '') throw invalidKey(key, 'empty', 'A key must not be empty; name it like "/locks/job".');
  if (key.includes('\0')) throw invalidKey(key, 'nul', `A key must not contain NUL: "${printable(key)}".`);
  if (key.includes('..') && key.split('/').includes('..')) {
    throw invalidKey(key, 'dot-segment', `A key must not contain a segment "..": "${printable(key)}".`);
  }
  if (!key.isWellFormed() && keyText(escapedBytes(key)) !== key) {
    throw invalidKey(key, 'not-unicode', `A key must be well-formed Unicode: "${printable(key)}".`);
  }
}

function invalidPrefix(prefix: string, problem: string, sentence: string): CoordinationError {
  return new CoordinationError('INVALID_PREFIX', sentence, { problem, key: prefix, field: 'prefix' });
}

/** Refuses what is no prefix, with `INVALID_KEY` as a key, or with `INVALID_PREFIX` where the final `/` is missing. */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  checkKey(prefix);
  if (!prefix.endsWith('/')) {
    const sentence = `A prefix must end in "/", so that it cannot match a sibling: use "${printable(prefix)}/".`;
    throw invalidPrefix(prefix, 'no-final-slash', sentence);
  }
}

/**
 * Refuses what a recipe cannot live under: as {@link checkKey}, and with `INVALID_PREFIX` a path that ends in `/`, has
 * an empty segment, or is only `/`, since its keys would mix with those of others or be missed by them.
 */
export function checkPath(path: unknown): asserts path is string {
  checkKey(path);
  if (path === '/') {
    throw invalidPrefix(path, 'root', 'The path "/" would take in every key; name the thing, like "/locks/job".');
  }
  if (path.endsWith('/')) {
    throw invalidPrefix(path, 'final-slash', `Leave out the final "/" of the path "${printable(path)}".`);
  }
  if (path.includes('//')) {
    throw invalidPrefix(path, 'empty-segment', `The path "${printable(path)}" has an empty segment ("//").`);
  }
}

/**
 * The key of a ticket, the `n`th of its lease. A ticket key is not used again while anything that was sent about it can
 * still be under way, which is what makes a late or repeated delete harmless. The layout under the prefix is that of
 * etcd's Go concurrency package, which looks only at the prefix and the create revision.
 */
export function ticketKey(path: string, lease: LeaseId, n: number): string {
  return `${path}/${lease}-${n}`;
}

/** The `n` of a {@link ticketKey}. */
export function ticketNumber(key: string): number {
  return Number(key.slice(key.lastIndexOf('-') + 1));
}

/** The bytes of a key: UTF-8, and one byte for each escape made by {@link keyText}. */
export function keyBytes(key: string): Uint8Array {
  return key.isWellFormed() ? Buffer.from(key, 'utf8') : escapedBytes(key);
}

function escapedBytes(key: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const char of key) {
    const point = char.codePointAt(0) as number;
    const isEscape = point >= firstEscape && point <= lastEscape;
    pieces.push(isEscape ? Uint8Array.of(point & 0xff) : Buffer.from(char, 'utf8'));
  }
  return Buffer.concat(pieces);
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const replacement = '\ufffd';

/**
 * The text of a key. Bytes that are not UTF-8 become lone surrogates, 0xNN as U+DCNN, so that no two keys ever look the
 * same and every key can be written back.
 */
export function keyText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (!text.includes(replacement)) return text;
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return escapedText(bytes);
  }
}

function escapedText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(0xdc00 + (bytes[at] as number));
    else text += strictUtf8.decode(bytes.subarray(at, at + length));
    at += length || 1;
  }
  return text;
}

/** The length of the well-formed UTF-8 sequence that begins here, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      strictUtf8.decode(bytes.subarray(at, at + length));
      return length;
    } catch {
      // Not whole yet, or not UTF-8 at all.
    }
  }
  return 0;
}

/** Orders keys as the stores do: by their bytes. JavaScript's own order differs beyond U+D7FF. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  let at = 0;
  while (at < shared && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === shared) return a.length - b.length;
  const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
  return x < 0xd800 && y < 0xd800 ? x - y : Buffer.compare(keyBytes(a), keyBytes(b));
}
