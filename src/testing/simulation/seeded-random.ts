import type { Random } from '../../core/clock.js';

/** Random choices that are the same for the same seed. Not for secrets. */
export class SeededRandom {
  #state: number;

  constructor(seed: number | string) {
    this.#state = typeof seed === 'number' ? Math.imul(seed + 1, 0x9e37_79b1) >>> 0 : hashOf(seed);
  }

  /** Uniform in [0, 1), as `Math.random`; it can be handed on by itself. Mulberry32. */
  readonly next: Random = () => {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A number of this range, the upper end excluded. */
  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** A whole number of this range, both ends included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** One of several, of which there is at least one. */
  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)] as T;
  }

  /**
   * Another source, which depends on this one's state and the name. What is drawn from it does not change what is drawn
   * here, so that one part of a simulation can draw more or less without every other part taking another course.
   */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#state}/${name}`);
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193) >>> 0;
  return hash;
}
