import type { Operation } from '../../../../src/testing/checkers/operation.js';

/** An operation that answered. */
export function done<I, O>(callMs: number, returnMs: number, input: I, output: O, revision?: bigint): Operation<I, O> {
  const called = { process: 'p', input, callMs, returnMs };
  return revision === undefined ? { kind: 'ok', ...called, output } : { kind: 'ok', ...called, output, revision };
}

/** An operation of which nobody knows. */
export function unsure<I, O>(callMs: number, input: I): Operation<I, O> {
  return { kind: 'unknown', process: 'p', input, callMs };
}

/** An operation that surely had no effect. */
export function failed<I, O>(callMs: number, returnMs: number, input: I): Operation<I, O> {
  return { kind: 'failed', process: 'p', input, callMs, returnMs };
}
