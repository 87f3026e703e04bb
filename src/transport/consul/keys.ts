import { checkDuplicates } from '../../core/checks.js';
import type { Op, Range } from '../../core/store.js';
import { CoordinationError, printable } from '../../errors.js';

/** A key of Consul, or all keys under a prefix: what can be asked for over HTTP. */
export interface Scope {
  /** The key, or the prefix, which may be empty: everything. */
  readonly text: string;
  readonly recurse: boolean;
}

/** A range as Consul knows it: without the leading slash, by which names are told apart elsewhere. */
export interface WireRange extends Scope {
  /** Whether names in answers get their leading slash back. */
  readonly slash: boolean;
}

/**
 * A key as Consul knows it. Its own programs strip one leading slash, so that `/locks/job` here and there is the same key.
 * Throws `INVALID_KEY` for what Consul cannot keep: nothing but a slash, and bytes that are not UTF-8.
 */
export function wireKey(key: string): string {
  const text = wireText(key);
  if (text !== '') return text;
  const sentence = 'Consul has no key "/": one leading slash is not part of its names.';
  throw new CoordinationError('INVALID_KEY', sentence, { key, field: 'key', problem: 'empty' });
}

function wireText(key: string): string {
  if (!key.isWellFormed()) {
    const sentence = `Consul keeps only keys that are Unicode: "${printable(key)}".`;
    throw new CoordinationError('INVALID_KEY', sentence, { key, field: 'key', problem: 'not-unicode' });
  }
  return key.startsWith('/') ? key.slice(1) : key;
}

/** A range as Consul knows it. Throws as {@link wireKey}; the prefix `/` is everything. */
export function wireRange(range: Range): WireRange {
  if ('key' in range) return { text: wireKey(range.key), recurse: false, slash: range.key.startsWith('/') };
  return { text: wireText(range.prefix), recurse: true, slash: range.prefix.startsWith('/') };
}

/** Whether a range is all that there is. */
export function isEverything({ text, recurse }: Scope): boolean {
  return recurse && text === '';
}

/** Whether a key of Consul lies in a range. */
export function covers({ text, recurse }: Scope, key: string): boolean {
  return recurse ? key.startsWith(text) : key === text;
}

/** Refuses steps that are about the same key under both of its names, with `DUPLICATE_KEY`. */
export function checkNames(ops: readonly Op[]): void {
  const written = ops.filter((op) => op.kind !== 'read');
  if (written.length < 2) return;
  const bare = written.map((op): Op => {
    if (op.kind === 'put') return { ...op, key: wireText(op.key) };
    const { range } = op;
    const same = 'key' in range ? { key: wireText(range.key) } : { prefix: wireText(range.prefix) };
    return { kind: 'delete', range: same };
  });
  checkDuplicates(bare);
}

/** Characters that Consul takes in a path. It refuses what it cannot print, by an older Unicode than ours. */
const printableText = /^(?:[\x20-\x7e]*|[ \p{L}\p{M}\p{N}\p{P}\p{S}]*)$/u;

function isClean(segment: string): boolean {
  return segment !== '.' && printableText.test(segment) && !/[\ud800-\udfff]/.test(segment);
}

/**
 * The narrowest thing to ask for by which a range can be seen. Consul's HTTP server redirects a path with an empty segment
 * or a `.`, and refuses one with characters that it cannot print; keys of such names are seen by way of what lies above.
 */
export function scopeOf({ text, recurse }: Scope): Scope {
  const segments = text.split('/');
  const last = segments.length - 1;
  const dirty = segments.findIndex((segment, at) => !isClean(segment) || (segment === '' && at < last));
  if (dirty === -1) return { text, recurse };
  return {
    text: segments
      .slice(0, dirty)
      .map((segment) => `${segment}/`)
      .join(''),
    recurse: true,
  };
}

/** The path of a scope, each segment escaped. */
export function pathOf({ text }: Scope): string {
  return `/v1/kv/${text.split('/').map(encodeURIComponent).join('/')}`;
}

/** Whatever lies above a scope, and the scope itself where it is a whole folder; the nearest first, everything last. */
export function foldersOf({ text, recurse }: Scope): string[] {
  const folders: string[] = [];
  let at = recurse ? text.length - 1 : text.lastIndexOf('/');
  for (; at > 0; at = text.lastIndexOf('/', at - 1)) folders.push(text.slice(0, at + 1));
  return [...folders, ''];
}
