import { isDeepStrictEqual } from 'node:util';
import type { Model } from '../../../../src/testing/checkers/model.js';
import type { Operation } from '../../../../src/testing/checkers/operation.js';

function returned(operation: Operation<unknown, unknown>): number {
  return operation.kind === 'unknown' ? Number.POSITIVE_INFINITY : operation.returnMs;
}

/**
 * The definition, taken by its word: some of the unknown operations, all of the others, in every order that their times
 * allow; without partitions, memory or any other thought. For seven operations or so. `needed`: which have to be in the line.
 */
export function isLinearizableByDefinition<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  needed: (operation: Operation<I, O>) => boolean = ({ kind }) => kind === 'ok',
): boolean {
  const goOn = (left: readonly Operation<I, O>[], states: ReadonlyMap<string, S>): boolean => {
    if (!left.some(needed)) return true;
    return left.some((operation) => {
      if (operation.kind === 'failed') return false;
      const others = left.filter((other) => other !== operation);
      if (others.some((other) => other.kind === 'ok' && returned(other) < operation.callMs)) return false;
      const part = model.partition?.(operation.input) ?? '';
      const state = states.has(part) ? (states.get(part) as S) : model.initial;
      const next = model.step(state, operation.input, operation);
      return next.some((after) => goOn(others, new Map(states).set(part, after)));
    });
  };
  return goOn(history, new Map());
}

/** Whether this really is an order that times and model allow: what the evidence of the checker claims. */
export function isOrder<S, I, O>(
  order: readonly Operation<I, O>[],
  from: readonly S[],
  model: Model<S, I, O>,
  end: S,
): boolean {
  let states = from;
  for (const [at, operation] of order.entries()) {
    if (operation.kind === 'failed') return false;
    if (order.slice(at + 1).some((later) => returned(later) < operation.callMs)) return false;
    states = states.flatMap((state) => model.step(state, operation.input, operation));
  }
  return states.some((state) => isDeepStrictEqual(state, end));
}
