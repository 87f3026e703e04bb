import type { Guard, Op, Query, Range } from '../../core/store.js';

/** What one commit looks at and what it writes, as far as needed to tell whether two commits concern each other. */
export interface Footprint {
  /** Keys that it looks at or writes. */
  readonly keys: readonly string[];
  /** Prefixes that it reads. */
  readonly prefixes: readonly string[];
  /** Keys that it writes. */
  readonly writes: readonly string[];
}

/** The footprint of a commit; undefined for one that deletes a prefix, and with it keys that nobody can list. */
export function footprintOf(
  guards: readonly Guard[],
  ops: readonly Op[],
  otherwise: readonly Query[],
): Footprint | undefined {
  const keys: string[] = [];
  const prefixes: string[] = [];
  const writes: string[] = [];
  const look = (range: Range): unknown => ('key' in range ? keys.push(range.key) : prefixes.push(range.prefix));
  for (const guard of guards) look(guard);
  for (const query of otherwise) look(query);
  for (const op of ops) {
    if (op.kind === 'read') look(op.query);
    else if (op.kind === 'put') writes.push(op.key);
    else if ('key' in op.range) writes.push(op.range.key);
    else return undefined;
  }
  keys.push(...writes);
  return { keys, prefixes, writes };
}

/** The prefixes under which a key lies: of `/a/b` they are `/` and `/a/`. */
function* folders(key: string): Generator<string> {
  for (let end = key.indexOf('/'); end !== -1; end = key.indexOf('/', end + 1)) yield key.slice(0, end + 1);
}

/**
 * Commits that do not concern each other: none writes what another reads, checks or writes. Applied at one revision, in
 * whatever order, they come to what they would have come to one by one; above all, no two tickets of one line get the
 * same place in it.
 */
export class Company {
  readonly #keys = new Set<string>();
  readonly #prefixes = new Set<string>();
  readonly #writes = new Set<string>();
  readonly #writtenFolders = new Set<string>();

  /** Takes a commit in, if it concerns none that is in already. */
  admit({ keys, prefixes, writes }: Footprint): boolean {
    if (keys.some((key) => this.#writes.has(key))) return false;
    if (prefixes.some((prefix) => this.#writtenFolders.has(prefix))) return false;
    if (writes.some((key) => this.#keys.has(key) || this.#isRead(key))) return false;
    for (const key of keys) this.#keys.add(key);
    for (const prefix of prefixes) this.#prefixes.add(prefix);
    for (const key of writes) {
      this.#writes.add(key);
      for (const folder of folders(key)) this.#writtenFolders.add(folder);
    }
    return true;
  }

  #isRead(key: string): boolean {
    if (this.#prefixes.size === 0) return false;
    for (const folder of folders(key)) if (this.#prefixes.has(folder)) return true;
    return false;
  }
}
