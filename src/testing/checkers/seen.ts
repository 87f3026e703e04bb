import { at } from './ints.js';

function hashOf(words: Int32Array, from: number, width: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < width; i++) {
    hash = Math.imul(hash ^ at(words, from + i), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/**
 * A set of rows of integers, all of one width: the configurations that a search has been in. Rows lie in one array, since a
 * JavaScript Map ends at 2^24 entries and takes some hundred bytes for each. Rows of one hash are compared in full.
 */
export class Seen {
  readonly #width: number;
  #rows: Int32Array;
  /** Number of the row plus one, or 0 for a free place; open addressing. */
  #places: Int32Array;
  #size = 0;

  constructor(width: number) {
    this.#width = width;
    this.#rows = new Int32Array(width * 64);
    this.#places = new Int32Array(128);
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the row is new; it is in from now on. */
  add(row: Int32Array): boolean {
    const mask = this.#places.length - 1;
    let place = hashOf(row, 0, this.#width) & mask;
    for (;;) {
      const found = at(this.#places, place);
      if (found === 0) break;
      if (this.#equals(found - 1, row)) return false;
      place = (place + 1) & mask;
    }
    this.#append(row);
    this.#places[place] = this.#size;
    if (this.#size * 2 > this.#places.length) this.#grow();
    return true;
  }

  clear(): void {
    // Small again too, so that a large past does not make every later clearing slow.
    this.#rows = new Int32Array(this.#width * 64);
    this.#places = new Int32Array(128);
    this.#size = 0;
  }

  #equals(number: number, row: Int32Array): boolean {
    const from = number * this.#width;
    for (let i = 0; i < this.#width; i++) if (at(this.#rows, from + i) !== at(row, i)) return false;
    return true;
  }

  #append(row: Int32Array): void {
    const from = this.#size * this.#width;
    if (from + this.#width > this.#rows.length) {
      const larger = new Int32Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows.set(row, from);
    this.#size++;
  }

  #grow(): void {
    const places = new Int32Array(this.#places.length * 2);
    const mask = places.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let place = hashOf(this.#rows, number * this.#width, this.#width) & mask;
      while (at(places, place) !== 0) place = (place + 1) & mask;
      places[place] = number + 1;
    }
    this.#places = places;
  }
}
