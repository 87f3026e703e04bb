import { compareKeys } from '../../core/keys.js';
import type { Range } from '../../core/store.js';

/** Keys in one piece of the index; a fuller one is split. Small enough that an insertion into it moves little. */
const chunkLimit = 512;

/** The first position in sorted keys whose key is not below the given one. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keys[middle] as string, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * A map from key to value, ordered by the bytes of the keys. A look-up by key costs O(1), a write O(log n) plus a move
 * within one chunk, a prefix O(log n + result).
 */
export class KeyIndex<V> {
  readonly #values = new Map<string, V>();
  /** All keys, in order, cut into chunks. No chunk is empty. */
  readonly #chunks: string[][] = [];

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#insert(key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return;
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at] as string[];
    chunk.splice(lowerBound(chunk, key), 1);
    this.#merge(at);
  }

  /** The values of a range, in the order of their keys. */
  in(range: Range): V[] {
    if ('prefix' in range) return this.#under(range.prefix);
    const value = this.#values.get(range.key);
    return value === undefined ? [] : [value];
  }

  /** The values of all keys from this one on and below that one, or all from this one on, in the order of their keys. */
  between(from: string, to?: string): V[] {
    const found: V[] = [];
    let at = this.#chunkOf(from);
    let begin = lowerBound(this.#chunks[at] ?? [], from);
    for (; at < this.#chunks.length; at++, begin = 0) {
      const chunk = this.#chunks[at] as string[];
      const end = to === undefined ? chunk.length : lowerBound(chunk, to);
      for (let i = begin; i < end; i++) found.push(this.#values.get(chunk[i] as string) as V);
      if (end < chunk.length) break;
    }
    return found;
  }

  /** Every value, in the order of the keys. */
  all(): V[] {
    return this.#chunks.flatMap((chunk) => chunk.map((key) => this.#values.get(key) as V));
  }

  #under(prefix: string): V[] {
    const found: V[] = [];
    let at = this.#chunkOf(prefix);
    let from = lowerBound(this.#chunks[at] ?? [], prefix);
    for (; at < this.#chunks.length; at++, from = 0) {
      const chunk = this.#chunks[at] as string[];
      for (let i = from; i < chunk.length; i++) {
        const key = chunk[i] as string;
        if (!key.startsWith(prefix)) return found;
        found.push(this.#values.get(key) as V);
      }
    }
    return found;
  }

  /** The last chunk that begins at or below the key: where the key is, or belongs. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(this.#chunks[middle]?.[0] as string, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #insert(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    const position = lowerBound(chunk, key);
    // Keys often come in ascending order; a full last chunk is then left full instead of being halved.
    if (chunk.length === chunkLimit && position === chunkLimit) {
      this.#chunks.splice(at + 1, 0, [key]);
      return;
    }
    chunk.splice(position, 0, key);
    if (chunk.length > chunkLimit) this.#chunks.splice(at + 1, 0, chunk.splice(chunkLimit >> 1));
  }

  /** Keeps chunks from becoming many and tiny as keys are deleted. */
  #merge(at: number): void {
    const chunk = this.#chunks[at] as string[];
    const next = this.#chunks[at + 1];
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    else if (next !== undefined && chunk.length + next.length <= chunkLimit >> 2) {
      chunk.push(...next);
      this.#chunks.splice(at + 1, 1);
    }
  }
}
