/** What a server says, in words that do not depend on what it was asked before the program began. */

import { fromBigint } from '../../../src/transport/etcd/int64.js';
import { isFields, type Plain, type PlainFields } from './plain.js';
import { Bulk, type Fields, Mark, type Value } from './step.js';

const revisionFields = new Set(['revision', 'createRevision', 'modRevision', 'compactRevision']);
const leaseFields = new Set(['lease', 'ID']);

/** Where one server stands: what its revisions count from, which leases it granted, and what its keys were last seen as. */
export class Names {
  /** The revision at which the program began. */
  base = 0n;
  /** The newest revision that was heard of. */
  now = 0n;
  readonly #leases: bigint[] = [];
  readonly #leaseNames = new Map<bigint, string>();
  #keys = new Map<string, PlainFields>();

  /** Begins a program. */
  begin(revision: bigint): void {
    this.base = revision;
    this.now = revision;
    this.#leases.length = 0;
    this.#leaseNames.clear();
    this.#keys.clear();
  }

  /** A lease was granted. One whose id the server chose has another id on another server, and so gets a name. */
  granted(id: bigint, chosen: boolean): void {
    this.#leases.push(id);
    if (chosen && !this.#leaseNames.has(id)) this.#leaseNames.set(id, `lease ${this.#leaseNames.size}`);
  }

  /** All keys were read. */
  learn(entries: readonly PlainFields[]): void {
    this.#keys = new Map(entries.map((entry) => [String(entry['key'] ?? ''), entry]));
  }

  heard(revision: Plain | undefined): void {
    if (typeof revision === 'bigint' && revision > this.now) this.now = revision;
  }

  /** A request as the codec takes it. */
  wire(fields: Fields): object {
    return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, this.#wireValue(value)]));
  }

  #wireValue(value: Value): unknown {
    if (value instanceof Bulk) return Buffer.alloc(value.bytes, value.fill, 'latin1');
    const known = value instanceof Mark ? this.resolve(value) : value;
    if (typeof known === 'string') return Buffer.from(known, 'latin1');
    if (typeof known === 'bigint') return fromBigint(known);
    if (Array.isArray(known)) return known.map((each: Value) => this.#wireValue(each));
    return typeof known === 'object' ? this.wire(known as Fields) : known;
  }

  resolve({ of, by, key }: Mark): bigint | string {
    if (of === 'now') return this.now + BigInt(by);
    if (of === 'base') return this.base + BigInt(by);
    if (of === 'lease') return this.#leases.at(-1 - (by % Math.max(1, this.#leases.length))) ?? 0n;
    const entry = this.#keys.get(key) ?? {};
    const fields = {
      created: 'createRevision',
      modified: 'modRevision',
      version: 'version',
      leaseOf: 'lease',
    } as const;
    if (of === 'value') return String(entry['value'] ?? '');
    // Only these are left, and they are numbers.
    return ((entry[fields[of]] as bigint | undefined) ?? 0n) + BigInt(by);
  }

  /** An answer with revisions counted from the base, and leases called by their names. */
  relative(answer: PlainFields): PlainFields {
    const plain: Record<string, Plain> = {};
    for (const [field, value] of Object.entries(answer)) plain[field] = this.#relativeValue(field, value);
    return plain;
  }

  #relativeValue(field: string, value: Plain): Plain {
    if (typeof value === 'bigint') {
      if (revisionFields.has(field)) return value > 0n ? `base + ${value - this.base}` : value;
      return leaseFields.has(field) ? (this.#leaseNames.get(value) ?? value) : value;
    }
    if (Array.isArray(value)) return value.map((each: Plain) => this.#relativeValue(field, each));
    if (!isFields(value)) return value;
    if (field === 'header') return headerOf(this.relative(value));
    return this.relative(value);
  }
}

/** Who answered differs between servers; that they say who they are does not. */
function headerOf({ revision = 0n, ...others }: PlainFields): PlainFields {
  return { revision, says: Object.keys(others).sort() };
}
