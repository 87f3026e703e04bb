import { at, item } from './ints.js';
import type { Model, States } from './model.js';
import type { Operation } from './operation.js';
import { type Overlap, operationOf } from './overlap.js';
import { Placed } from './placed.js';
import { Steps } from './steps.js';

/** Numbers in a frame: what was placed, and the base, state, cursor and choice from which it was. */
const frameSize = 5;

/**
 * The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with Lowe's memory ("Testing for
 * linearizability", 2017): it places one operation after the other where the model allows it, goes back where nothing can be
 * placed, and never goes on twice from one set of placed operations and one state.
 *
 * Operations are numbered by return. `base` is the first that is not placed; it has to be placed before any that was called
 * after it returned, so that what can be placed is it, and what overlaps its return. Operations of unknown outcome are tried
 * last, and need not be placed.
 */
export class Search<S, I, O> {
  /** The states at the goal that were found so far. */
  readonly ends = new Set<number>();
  /** The furthest base there was: all before can be placed. Where the search came to nothing, this one cannot. */
  furthest = 0;
  readonly #overlap: Overlap<I, O>;
  readonly #states: States<S>;
  readonly #steps: Steps<S, I, O>;
  /** 1 for what only reads, of what answered. */
  readonly #reads: Uint8Array;
  readonly #placed: Placed;
  #frames: number[] = [];
  #roots: number[] = [];
  #from = 0;
  #goal = 0;
  #all = false;
  #base = 0;
  #state = 0;
  /** Which of the operations that can be placed here is next, and which of the states it may lead to. */
  #cursor = 0;
  #choice = 0;
  /** Tries before there is a pause. */
  #left = 0;

  constructor(overlap: Overlap<I, O>, model: Model<S, I, O>, states: States<S>) {
    this.#overlap = overlap;
    this.#states = states;
    this.#steps = new Steps(overlap, model, states);
    this.#reads = Uint8Array.from(overlap.done, (operation) =>
      model.isRead?.(operation.input, operation) === true ? 1 : 0,
    );
    this.#placed = new Placed(overlap);
  }

  /** How many configurations are remembered. */
  get size(): number {
    return this.#placed.size;
  }

  /** Starts anew, in any of these states, with everything before `from` placed; for one way to the goal, or all of them. */
  begin(roots: Iterable<number>, from: number, goal: number, all: boolean): void {
    this.forget();
    this.#roots = [...roots];
    this.#from = from;
    this.#goal = goal;
    this.#all = all;
    this.furthest = from;
    this.#nextRoot();
  }

  /** Lets go of all memory. Only {@link begin} may follow. */
  forget(): void {
    this.#placed.forget();
    this.ends.clear();
    this.#frames = [];
  }

  /** Goes on for so many tries. `reached`: the goal, the first time; `exhausted`: there is nothing left to try. */
  advance(tries: number): 'reached' | 'exhausted' | 'more' {
    for (this.#left = tries; this.#left > 0; this.#left--) {
      if (this.#base >= this.#goal) {
        this.ends.add(this.#state);
        if (!this.#all) return 'reached';
      } else if (this.#place()) continue;
      if (!this.#back() && !this.#nextRoot()) return 'exhausted';
    }
    return 'more';
  }

  /** What is placed now, in its order, and the state it led to. */
  placed(): { readonly order: readonly Operation<I, O>[]; readonly state: S } {
    const order: Operation<I, O>[] = [];
    const { length } = this.#frames;
    for (let at = 0; at < length; at += frameSize) order.push(operationOf(this.#overlap, item(this.#frames, at)));
    return { order, state: this.#states.state(this.#state) };
  }

  #nextRoot(): boolean {
    const root = this.#roots.pop();
    if (root !== undefined) this.#goto(this.#from, root);
    return root !== undefined;
  }

  #goto(base: number, state: number): void {
    this.#base = base;
    this.#state = state;
    this.#cursor = 0;
    this.#choice = 0;
    if (base > this.furthest) this.furthest = base;
  }

  /** Places the next operation that can be, and leads to where the search has not been. */
  #place(): boolean {
    const { open, unknownBefore } = this.#overlap;
    const opens = at(open.starts, this.#base);
    const answered = 1 + at(open.starts, this.#base + 1) - opens;
    const total = answered + at(unknownBefore, this.#base);
    const free = this.#cursor === 0 && this.#choice === 0 ? this.#freeOne(answered) : -1;
    if (free >= 0) {
      // No other choice can do better, so that all others are done with.
      this.#cursor = total;
      return this.#enter(free, this.#state);
    }
    for (; this.#cursor < total; this.#cursor++, this.#choice = 0) {
      const number = this.#candidate(this.#cursor, answered);
      this.#left--;
      if (!this.#placed.has(number) && this.#isTurn(number) && this.#tryStates(number)) return true;
    }
    return false;
  }

  #candidate(cursor: number, answered: number): number {
    if (cursor === 0) return this.#base;
    const { open, done } = this.#overlap;
    if (cursor < answered) return at(open.items, at(open.starts, this.#base) + cursor - 1);
    return done.length + cursor - answered;
  }

  /**
   * A read that fits here, or -1. In any order that has it later it can as well be moved here. A write of the value that is
   * there cannot: later it may be needed.
   */
  #freeOne(answered: number): number {
    for (let cursor = 0; cursor < answered; cursor++) {
      const number = this.#candidate(cursor, answered);
      if (this.#reads[number] !== 1 || this.#placed.has(number)) continue;
      if (this.#steps.after(this.#state, number).length > 0) return number;
    }
    return -1;
  }

  #isTurn(number: number): boolean {
    const first = this.#overlap.done.length;
    const twin = number < first ? -1 : at(this.#overlap.twin, number - first);
    return twin < 0 || this.#placed.has(first + twin);
  }

  #tryStates(number: number): boolean {
    const states = this.#steps.after(this.#state, number);
    while (this.#choice < states.length) {
      const state = item(states, this.#choice++);
      // What need not be placed and changes nothing is not worth placing.
      if (number >= this.#overlap.done.length && state === this.#state) continue;
      if (!this.#isIdle(number, state) && this.#enter(number, state)) return true;
    }
    return false;
  }

  /**
   * Whether what was placed last was of unknown outcome, and to no end: without it this operation leads to the same state,
   * and leaves the unknown one for later. That way is tried as well, and whatever can follow here can follow there.
   */
  #isIdle(number: number, state: number): boolean {
    const last = this.#frames.length - frameSize;
    if (last < 0 || item(this.#frames, last) < this.#overlap.done.length) return false;
    return this.#steps.after(item(this.#frames, last + 2), number).includes(state);
  }

  #enter(number: number, state: number): boolean {
    this.#placed.mark(number, 1);
    const base = this.#placed.baseFrom(this.#base);
    if (!this.#placed.isNew(base, state)) {
      this.#placed.mark(number, 0);
      return false;
    }
    this.#frames.push(number, this.#base, this.#state, this.#cursor, this.#choice);
    this.#goto(base, state);
    return true;
  }

  #back(): boolean {
    const frames = this.#frames;
    if (frames.length === 0) return false;
    // Five were pushed together.
    this.#choice = frames.pop() as number;
    this.#cursor = frames.pop() as number;
    this.#state = frames.pop() as number;
    this.#base = frames.pop() as number;
    this.#placed.mark(frames.pop() as number, 0);
    return true;
  }
}
