import { compareKeys, keyText } from '../core/keys.js';
import type { Version } from '../transport/memory/history.js';
import type { KeyIndex } from '../transport/memory/key-index.js';

/** One key; or the keys from one on and below `to`, or without `to` all from it on. */
export type Span = { readonly key: string } | { readonly from: string; readonly to: string | undefined };

type Bytes = Uint8Array | null | undefined;

function isNul(bytes: Uint8Array): boolean {
  return bytes.length === 1 && bytes[0] === 0;
}

/** The keys that a request means: those of [key, end); the key alone without an end; all from it on with the end NUL. */
export function spanOf(key: Bytes, end: Bytes): Span {
  const from = keyText(key ?? new Uint8Array());
  if (end === null || end === undefined || end.length === 0) return { key: from };
  return { from, to: isNul(end) ? undefined : keyText(end) };
}

/** As {@link spanOf}, but NUL is an end like any other, so that nothing is below it. */
export function literalSpan(key: Bytes, end: Bytes): Span {
  const span = spanOf(key, end);
  return 'from' in span && span.to === undefined ? { from: span.from, to: '\0' } : span;
}

export function inSpan(span: Span, key: string): boolean {
  if ('key' in span) return span.key === key;
  return compareKeys(span.from, key) <= 0 && (span.to === undefined || compareKeys(key, span.to) < 0);
}

/** Whether there can be no key in it at all. */
export function isEmptySpan(span: Span): boolean {
  return 'from' in span && span.to !== undefined && compareKeys(span.from, span.to) >= 0;
}

/** What there is of a span now, by key. */
export function versionsIn(keys: KeyIndex<Version>, span: Span): Version[] {
  if ('from' in span) return isEmptySpan(span) ? [] : keys.between(span.from, span.to);
  const version = keys.get(span.key);
  return version === undefined ? [] : [version];
}
