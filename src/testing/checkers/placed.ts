import { at } from './ints.js';
import type { Overlap } from './overlap.js';
import { Seen } from './seen.js';

/** Words of a configuration that counts as one. */
const usualWords = 8;

/**
 * Which operations a search has placed, and the configurations it has been in. Of the placed ones only those that overlap
 * the return of the base need to be told, and the unknown ones: all before the base are placed, and no others can be.
 */
export class Placed {
  readonly #overlap: Overlap<unknown, unknown>;
  readonly #placed: Uint8Array;
  /** Base, state, a bit for each that overlaps the base, a bit for each unknown one. */
  readonly #row: Int32Array;
  readonly #unknownAt: number;
  readonly #seen: Seen;

  constructor(overlap: Overlap<unknown, unknown>) {
    const { done, unknown, widest } = overlap;
    this.#overlap = overlap;
    this.#placed = new Uint8Array(done.length + unknown.length);
    this.#unknownAt = 2 + Math.ceil(widest / 32);
    this.#row = new Int32Array(this.#unknownAt + Math.ceil(unknown.length / 32));
    this.#seen = new Seen(this.#row.length);
  }

  /** How many configurations are remembered; a wide one counts for as many as it takes the room of. */
  get size(): number {
    return Math.ceil(this.#seen.size * Math.max(1, this.#row.length / usualWords));
  }

  has(number: number): boolean {
    return this.#placed[number] === 1;
  }

  mark(number: number, placed: 0 | 1): void {
    this.#placed[number] = placed;
    const unknown = number - this.#overlap.done.length;
    if (unknown < 0) return;
    const word = this.#unknownAt + (unknown >> 5);
    this.#row[word] = at(this.#row, word) ^ (1 << (unknown & 31));
  }

  /** The first from this one on that is not placed. */
  baseFrom(base: number): number {
    let next = base;
    while (next < this.#overlap.done.length && this.#placed[next] === 1) next++;
    return next;
  }

  /** Whether what is placed was never placed before with this state; it is remembered from now on. */
  isNew(base: number, state: number): boolean {
    const row = this.#row;
    row[0] = base;
    row[1] = state;
    row.fill(0, 2, this.#unknownAt);
    if (base >= this.#overlap.done.length) return this.#seen.add(row);
    const { starts, items } = this.#overlap.open;
    const first = at(starts, base);
    const last = at(starts, base + 1);
    for (let place = first; place < last; place++) {
      if (this.#placed[at(items, place)] !== 1) continue;
      const bit = place - first;
      row[2 + (bit >> 5)] = at(row, 2 + (bit >> 5)) | (1 << (bit & 31));
    }
    return this.#seen.add(row);
  }

  forget(): void {
    this.#seen.clear();
    this.#placed.fill(0);
    this.#row.fill(0);
  }
}
