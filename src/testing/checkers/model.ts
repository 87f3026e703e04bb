import type { Operation, Outcome } from './operation.js';
import { identity, text } from './values.js';

/**
 * What an object does when one operation at a time is done to it: the law that a history is held to. States are values:
 * a step never changes the one it is given.
 */
export interface Model<S, I, O> {
  /** What it is a model of, in a word or two, for people. */
  readonly name: string;
  readonly initial: S;
  /**
   * The states in which the object may be after this operation took effect in this one. None when it cannot have had this
   * output here; several when the output leaves open what happened. Of an operation of `unknown` outcome: what it does
   * where it takes effect; that it may not is not the model's concern. Asked once for each pair of state and operation, or
   * a little more often.
   */
  step(state: S, input: I, outcome: Outcome<O>): readonly S[];
  /**
   * Whether such an operation changes nothing, in any state in which it fits. Reads of unknown outcome are left out, as they
   * tell nothing, and those that answered are far cheaper to place. Default: false for all, which is right but dearer.
   */
  isRead?(input: I, outcome: Outcome<O>): boolean;
  /**
   * Which of several independent objects the operation is on: each is checked by itself, which is far cheaper. Default: one
   * object.
   */
  partition?(input: I): string;
  /** A primitive that is the same for equal states and for no others. Default: made from their fields, which is slow. */
  key?(state: S): string | number | bigint;
}

/** States and their numbers. Equal states have one number. */
export class States<S> {
  readonly #ids = new Map<unknown, number>();
  readonly #states: S[] = [];
  readonly #key: (state: S) => unknown;

  constructor(model: Pick<Model<S, never, never>, 'key'>) {
    this.#key = model.key === undefined ? identity : (state) => model.key?.(state);
  }

  idOf(state: S): number {
    const key = this.#key(state);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#states.length);
    return this.#states.push(state) - 1;
  }

  state(id: number): S {
    // Numbers come from idOf alone.
    return this.#states[id] as S;
  }
}

/** The parts of a history that are checked by themselves, without what had no effect and what tells nothing. */
export function partitionsOf<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
): Map<string, Operation<I, O>[]> {
  const found = new Map<string, Operation<I, O>[]>();
  for (const operation of history) {
    if (operation.kind === 'failed') continue;
    if (operation.kind === 'unknown' && model.isRead?.(operation.input, operation) === true) continue;
    const name = model.partition?.(operation.input) ?? '';
    const part = found.get(name);
    if (part === undefined) found.set(name, [operation]);
    else part.push(operation);
  }
  return found;
}

/** One operation in a line for people. */
export function line(operation: Operation<unknown, unknown>): string {
  const { kind, process, input, callMs } = operation;
  const when =
    kind === 'unknown' ? `called ${callMs}, never returned` : `called ${callMs}, returned ${operation.returnMs}`;
  const at = kind === 'ok' && operation.revision !== undefined ? ` at revision ${operation.revision}` : '';
  const what = kind === 'ok' ? text(operation.output) : kind;
  return `${process}: ${text(input)} -> ${what}${at} (${when})`;
}
