import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';

/** One addition that somebody wanted to make. */
export interface BitNote {
  /** A power of two that no other addition has. */
  readonly bit: bigint;
  readonly generation: number;
}

const decoder = new TextDecoder();

/**
 * A number to which each call adds a power of two of its own: so the number tells, exactly, which additions were made, and
 * one that is made twice carries. Followed through every revision of the store.
 */
export class CountedBits {
  readonly key: string;
  readonly #world: SimulatedWorld;
  /** Additions that somebody wanted to make and nobody has yet. */
  #open = 0n;
  /** Additions of which it was said that they were not made. */
  #refused = 0n;
  /** The value, after every revision. */
  #history: bigint[] = [0n];
  #generation = 1;
  #next = 1n;

  constructor(world: SimulatedWorld, key: string) {
    this.#world = world;
    this.key = key;
    world.truth.follow((revision) => this.#follow(revision));
  }

  get value(): bigint {
    this.#sync();
    return this.#history.at(-1) ?? 0n;
  }

  /** To be called right before an addition is asked for. */
  adding(node: SimulatedNode): BitNote {
    const note = { bit: this.#next, generation: node.generation };
    this.#next *= 2n;
    // One of a cluster that is gone is made nowhere.
    if (this.#knows(note.generation)) this.#open |= note.bit;
    return note;
  }

  /** It was said to have been made, and to have come to this. */
  added({ bit, generation }: BitNote, result?: bigint): void {
    if (!this.#knows(generation)) return;
    const at = this.#history.findIndex((value) => (value & bit) !== 0n);
    if (at === -1) throw new Violation('C1', `an addition was acknowledged, and was not made`);
    if (result === undefined) return;
    const [before = 0n, after = 0n] = [this.#history[at - 1], this.#history[at]];
    // Those that travelled together were made one after the other.
    if ((result & bit) !== 0n && (result | after) === after && (result & before) === before) return;
    throw new Violation('C1', `an addition was told another value than it has made`);
  }

  /** It was said not to have been made: it must not be, nor come yet. */
  refused({ bit, generation }: BitNote): void {
    if (!this.#knows(generation)) return;
    this.#refused |= bit;
    if ((this.value & bit) !== 0n) throw new Violation('C2', 'an addition was made, and is said not to have been');
  }

  /** What was read must have been there since `from`. */
  read(node: SimulatedNode, from: bigint, value: bigint): void {
    if (!this.#knows(node.generation)) return;
    const first = this.#history.lastIndexOf(from);
    if (this.#history.indexOf(value, first) !== -1) return;
    throw new Violation('C1', 'a value was read that was not there while it was read');
  }

  #knows(generation: number): boolean {
    this.#sync();
    return generation === this.#generation;
  }

  #sync(generation = this.#world.truth.generation): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    [this.#history, this.#open, this.#refused] = [[0n], 0n, 0n];
  }

  #follow({ changes, generation }: TrueRevision): void {
    this.#sync(generation);
    for (const { key, after } of changes) {
      if (key !== this.key) continue;
      const before = this.value;
      const next = after === undefined ? 0n : BigInt(decoder.decode(after.value));
      const more = next - before;
      this.#history.push(next);
      if (more <= 0n || (more & this.#open) !== more) {
        this.#fail('C2', 'an addition was made twice, or lost, or by nobody');
      } else if ((more & this.#refused) !== 0n) this.#fail('C2', 'an addition was made after it was said not to be');
      this.#open &= ~more;
    }
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }
}
