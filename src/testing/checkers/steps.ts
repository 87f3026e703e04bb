import type { Model, States } from './model.js';
import { type Overlap, operationOf } from './overlap.js';

/** Steps that are kept, before they are forgotten and asked for anew. */
const keptSteps = 2 ** 20;

/** What the model says to each pair of state and operation, asked once. */
export class Steps<S, I, O> {
  readonly #overlap: Overlap<I, O>;
  readonly #model: Model<S, I, O>;
  readonly #states: States<S>;
  readonly #count: number;
  readonly #known = new Map<number, readonly number[]>();

  constructor(overlap: Overlap<I, O>, model: Model<S, I, O>, states: States<S>) {
    this.#overlap = overlap;
    this.#model = model;
    this.#states = states;
    this.#count = overlap.done.length + overlap.unknown.length;
  }

  /** The numbers of the states in which the object may be when the operation of this number took effect in `state`. */
  after(state: number, number: number): readonly number[] {
    const pair = state * this.#count + number;
    const known = this.#known.get(pair);
    if (known !== undefined) return known;
    const operation = operationOf(this.#overlap, number);
    const states = this.#model.step(this.#states.state(state), operation.input, operation);
    const ids = [...new Set(states.map((next) => this.#states.idOf(next)))];
    if (this.#known.size >= keptSteps) this.#known.clear();
    this.#known.set(pair, ids);
    return ids;
  }
}
