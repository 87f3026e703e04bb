import { keyBytes, keyText } from '../../core/keys.js';
import { nameOf } from '../../core/ranges.js';
import type { Query, Range } from '../../core/store.js';
import { CoordinationError, printable } from '../../errors.js';
import { RangeRequest } from './codec/etcd.js';
import { fromBigint, fromNumber } from './int64.js';

/** The first and the last but one key of a range, as etcd takes them. */
export interface WireRange {
  readonly key: Uint8Array;
  readonly rangeEnd?: Uint8Array;
}

const { SortOrder, SortTarget } = RangeRequest;

/** Turns our keys into etcd's and back: all of ours lie under the namespace, and nothing else is ever seen or touched. */
export class KeySpace {
  readonly #namespace: string;
  readonly #bytes: Uint8Array;
  /** The last prefix that was asked for: a lock that is taken again and again asks for the same one. */
  #last: (WireRange & { readonly prefix: string; readonly rangeEnd: Uint8Array }) | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#bytes = keyBytes(namespace);
  }

  /** Refuses keys that cannot live in the namespace, with `INVALID_KEY`: `/app` and `x` would make `/appx`. */
  check(ranges: Iterable<Range>): void {
    if (this.#namespace === '') return;
    for (const range of ranges) {
      const key = nameOf(range);
      if (key.startsWith('/')) continue;
      const sentence = `With a namespace, a key must begin with "/": use "/${printable(key)}".`;
      throw new CoordinationError('INVALID_KEY', sentence, { key, field: 'key', problem: 'no-leading-slash' });
    }
  }

  toWire(key: string): Uint8Array {
    return keyBytes(this.#namespace + key);
  }

  toText(bytes: Uint8Array): string {
    const { length } = this.#bytes;
    if (length === 0) return keyText(bytes);
    if (Buffer.compare(bytes.subarray(0, length), this.#bytes) !== 0) {
      throw new CoordinationError('PROTOCOL_ERROR', 'The store answered with a key outside of the namespace.');
    }
    return keyText(bytes.subarray(length));
  }

  range(range: Range): WireRange {
    if ('key' in range && range.key !== undefined) return { key: this.toWire(range.key) };
    const { prefix } = range as { readonly prefix: string }; // The one field that is left.
    if (prefix !== this.#last?.prefix) {
      const key = this.toWire(prefix);
      this.#last = { prefix, key, rangeEnd: endOfPrefix(key) };
    }
    const { key, rangeEnd } = this.#last;
    return { key, rangeEnd };
  }

  /**
   * A query. etcd sorts by create revision without a rule for ties, which keys of one commit are; so one entry more than
   * asked for is fetched, which shows whether the limit cuts through a tie: see {@link inOrder}.
   */
  query(query: Query): RangeRequest.$Properties {
    const { order = 'key', limit, createdBefore } = query;
    const request: Writable<RangeRequest.$Properties> = this.range(query);
    if (limit !== undefined) request.limit = fromNumber(order === 'key' ? limit : limit + 1);
    if (order !== 'key') {
      request.sortTarget = SortTarget.CREATE;
      request.sortOrder = order === 'oldest' ? SortOrder.ASCEND : SortOrder.DESCEND;
    }
    if (createdBefore !== undefined) request.maxCreateRevision = upTo(createdBefore);
    return request;
  }
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };

/** etcd takes 0 for "no bound"; nothing at all is below 0. */
function upTo(createdBefore: bigint): ReturnType<typeof fromBigint> {
  return fromBigint(createdBefore <= 1n ? -1n : createdBefore - 1n);
}

/**
 * @internal The first key after all keys with this prefix: the last byte that can be raised is, and what follows it is cut
 * off.
 */
export function endOfPrefix(prefix: Uint8Array): Uint8Array {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last--;
  // A single 0 is etcd's word for "to the end of all keys".
  if (last < 0) return Uint8Array.of(0);
  const end = Uint8Array.from(prefix.subarray(0, last + 1));
  end[last] = (end[last] as number) + 1; // In range, as last is.
  return end;
}
