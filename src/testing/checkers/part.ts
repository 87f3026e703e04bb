import { item } from './ints.js';
import { type Model, States } from './model.js';
import type { Done, Operation } from './operation.js';
import { cutsOf, type Overlap, overlapOf } from './overlap.js';
import { Search } from './search.js';

/** Why a history is illegal: all that is needed to see it. */
export interface Evidence<S, I, O> {
  /** How many operations answered and need no look: they were over before the first of `order` began. */
  readonly settled: number;
  /** The longest line in which operations could be put. */
  readonly order: readonly Operation<I, O>[];
  /** The state after them, on one of the ways there. */
  readonly state: S;
  /** The operation that has to come next, by its times, and can not. */
  readonly stuck: Done<I, O>;
  /** Those that overlap it, and could not be put before it so that it fits. */
  readonly around: readonly Operation<I, O>[];
}

/** Configurations of one piece that are looked at to find all states it can end in, beside some for each operation. */
const enough = 4_096;
const enoughForEach = 8;

/**
 * The history of one object, searched piece by piece. Where nothing was under way it is cut, and what goes on is only the
 * states in which the object may be then; the search of the piece is forgotten. Where a piece has too many ways through it
 * to find them all, it and everything after is searched as one, for one way.
 */
export class Part<S, I, O> {
  readonly name: string;
  /** How much work to expect; by guess. */
  readonly weight: number;
  readonly #overlap: Overlap<I, O>;
  readonly #search: Search<S, I, O>;
  readonly #cuts: readonly number[];
  #cut = 0;
  #from = 0;
  #roots: readonly number[];
  #all: boolean;

  constructor(name: string, operations: readonly Operation<I, O>[], model: Model<S, I, O>) {
    const states = new States<S>(model);
    this.name = name;
    this.#overlap = overlapOf(operations);
    this.#cuts = cutsOf(this.#overlap);
    this.#search = new Search(this.#overlap, model, states);
    this.#roots = [states.idOf(model.initial)];
    this.weight = this.#overlap.done.length * (this.#overlap.widest + this.#overlap.unknown.length + 1);
    this.#all = this.#cuts.length > 1;
    this.#search.begin(this.#roots, 0, this.#cuts[0] ?? 0, this.#all);
  }

  /** How many configurations are remembered. */
  get size(): number {
    return this.#search.size;
  }

  /** Goes on for so many tries. */
  advance(tries: number): 'linearizable' | 'illegal' | 'more' {
    const came = this.#search.advance(tries);
    if (came === 'reached') return 'linearizable';
    if (came === 'exhausted') return this.#next();
    if (this.#all && this.size > enough + enoughForEach * (this.#goal - this.#from)) this.#uncut();
    return 'more';
  }

  /** Lets go of all memory; there is nothing to go on with then. */
  forget(): void {
    this.#search.forget();
  }

  /** What was in the way, once it is known to be illegal. */
  evidence(): Evidence<S, I, O> {
    const { done, unknown } = this.#overlap;
    const furthest = this.#search.furthest;
    // The way there was not kept: it is found again, the first time it is come by.
    this.#search.begin(this.#roots, this.#from, furthest, false);
    this.#search.advance(Number.POSITIVE_INFINITY);
    const { order, state } = this.#search.placed();
    const stuck = item(done, furthest);
    const placed = new Set<Operation<I, O>>(order);
    const around = [...done.slice(furthest + 1), ...unknown].filter(
      (operation) => operation.callMs <= stuck.returnMs && !placed.has(operation),
    );
    this.forget();
    return { settled: this.#from, order, state, stuck, around };
  }

  get #goal(): number {
    return this.#cuts[this.#cut] ?? 0;
  }

  #next(): 'linearizable' | 'illegal' | 'more' {
    const ends = [...this.#search.ends];
    if (!this.#all || ends.length === 0) return 'illegal';
    this.#from = this.#goal;
    this.#roots = ends;
    this.#cut++;
    this.#all = this.#cut < this.#cuts.length - 1;
    this.#search.begin(ends, this.#from, this.#goal, this.#all);
    return 'more';
  }

  #uncut(): void {
    this.#cut = this.#cuts.length - 1;
    this.#all = false;
    this.#search.begin(this.#roots, this.#from, this.#goal, false);
  }
}
