import { inRange } from '../core/checks.js';
import { absent, type Entry, type Guard, type Range, type StoreTraits, unchanged, untouched } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';

/** What a level of isolation promises, as facts to compute with. */
export interface Level {
  /** All that an attempt reads is of one revision, also while it runs. */
  readonly snapshot: boolean;
  /** What was read is still so when the transaction is committed. */
  readonly checked: boolean;
  /** What is written without having been read was not written by others since the first read. */
  readonly blind: boolean;
}

export const levels = {
  'serializable-snapshot': { snapshot: true, checked: true, blind: true },
  serializable: { snapshot: true, checked: true, blind: false },
  'repeatable-reads': { snapshot: false, checked: true, blind: false },
  'read-committed': { snapshot: false, checked: false, blind: false },
} as const satisfies Readonly<Record<string, Level>>;

/** What is in a range, and the revision at which that is so. */
export interface Known {
  readonly range: Range;
  readonly entries: readonly Entry[];
  readonly revision: bigint;
}

/** A condition under which a transaction may go on, and how to find out which keys have broken it. */
export interface Check {
  readonly range: Range;
  readonly guards: readonly Guard[];
  /** The keys that are not as they should be. */
  broken(now: readonly Entry[]): string[];
}

/** What others did to the reads of an attempt, and how these are now, which spares the next attempt to read them again. */
export interface Conflict {
  readonly keys: readonly string[];
  readonly now: readonly Known[];
}

/** One name for each range: a key that ends in `/` is not the prefix that is spelled like it. */
export function nameOfRange(range: Range): string {
  return 'key' in range ? `key ${range.key}` : `prefix ${range.prefix}`;
}

/** Whether all that can be in a range is in another. */
export function covers(whole: Range, part: Range): boolean {
  if ('key' in part) return inRange(whole, part.key);
  return 'prefix' in whole && part.prefix.startsWith(whole.prefix);
}

/** That what was read is still so; keys that have been added to a range only where `phantoms` says so. */
export function readCheck({ range, entries, revision }: Known, phantoms: boolean): Check {
  const guards = entries.map(({ key, modified }) => unchanged(key, modified));
  if ('prefix' in range) {
    if (phantoms) guards.push(untouched(range, revision));
  } else if (entries.length === 0) guards.push(absent(range.key));
  return { range, guards, broken: (now) => changedKeys(entries, now) };
}

/** That nobody else has written there since a revision. */
export function blindCheck(range: Range, since: bigint): Check {
  const broken = (now: readonly Entry[]) => now.filter(({ modified }) => modified > since).map(({ key }) => key);
  return { range, guards: [untouched(range, since)], broken };
}

function changedKeys(before: readonly Entry[], now: readonly Entry[]): string[] {
  const was = new Map(before.map(({ key, modified }) => [key, modified]));
  const changed = now.filter(({ key, modified }) => was.get(key) !== modified).map(({ key }) => key);
  const there = new Set(now.map(({ key }) => key));
  return [...changed, ...[...was.keys()].filter((key) => !there.has(key))];
}

/** The guards of all checks, each once: a key can have been read by itself and in a range. */
export function guardsOf(checks: readonly Check[]): Guard[] {
  const guards = new Map<string, Guard>();
  for (const guard of checks.flatMap((check) => check.guards)) {
    const revision = guard.kind === 'unchanged' ? guard.modified : guard.kind === 'untouched' ? guard.revision : '';
    guards.set(`${guard.kind} ${revision} ${nameOfRange(guard)}`, guard);
  }
  return [...guards.values()];
}

/** What to read where the guards do not hold: as many of the checks as a commit still has room for. */
export function otherwiseOf(checks: readonly Check[], { maxOps }: StoreTraits, taken: number): Range[] {
  return checks.slice(0, Math.max(0, maxOps - taken)).map(({ range }) => range);
}

/**
 * What the reads after a refusal show. Where they do not show it (a key that had come and is gone again, or one that
 * there was no room to look at), every key that was checked is named.
 */
export function conflictOf(checks: readonly Check[], reads: readonly (readonly Entry[])[], revision: bigint): Conflict {
  const looked = checks.slice(0, reads.length).map(({ range, broken }, at) => {
    const entries = reads[at] ?? [];
    return { known: { range, entries, revision }, keys: broken(entries) };
  });
  const keys = looked.flatMap((one) => one.keys);
  const all = guardsOf(checks).map((guard) => ('key' in guard ? guard.key : guard.prefix));
  return { keys: [...new Set(keys.length > 0 ? keys : all)], now: looked.map(({ known }) => known) };
}

/** Refuses, with `TOO_MANY_OPS`, what a commit has no room for. */
export function checkRoom({ maxOps, name }: StoreTraits, count: number): void {
  if (count <= maxOps) return;
  const sentence = `The transaction makes ${count} guards and steps of one commit, and ${name} takes at most ${maxOps}: each key that was read counts, in ranges too, and each that is written.`;
  throw new CoordinationError('TOO_MANY_OPS', sentence, { field: 'fn' });
}

export function conflictError(what: string, { keys }: Conflict): CoordinationError {
  const some = keys.slice(0, 3).map((key) => `"${printable(key)}"`);
  const more = keys.length > some.length ? `, and ${keys.length - some.length} more` : '';
  return new CoordinationError('CONFLICT', `${what}: ${some.join(', ')}${more}.`, { keys });
}
