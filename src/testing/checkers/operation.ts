import { invalidOption } from '../../core/checks.js';

/** What every operation of a history has: who asked for what, and when. */
export interface Called<I> {
  /** Who called. Only shown to people, and used where the order within one process is asked for. */
  readonly process: string;
  readonly input: I;
  /** When it was called, in milliseconds of any clock that all processes of the history share and that never goes back. */
  readonly callMs: number;
}

/** An operation that answered. */
export interface Done<I, O> extends Called<I> {
  readonly kind: 'ok';
  readonly output: O;
  /** When the answer was there. An operation took effect at one moment from `callMs` to `returnMs`. */
  readonly returnMs: number;
  /** The revision of the store at which it took effect, or which it saw, where it was told. */
  readonly revision?: bigint;
}

/** An operation that surely had no effect and never will have. */
export interface Failed<I> extends Called<I> {
  readonly kind: 'failed';
  readonly returnMs: number;
}

/** An operation of which nobody knows: it may have taken effect, or may do so at any time to come, or never. */
export interface Unknown<I> extends Called<I> {
  readonly kind: 'unknown';
}

/** One thing that a process did, and what became of it. A history is a list of them, in any order. */
export type Operation<I, O> = Done<I, O> | Failed<I> | Unknown<I>;

/** What became of an operation that may have taken effect: all that a model is told beside the input. */
export type Outcome<O> = { readonly kind: 'ok'; readonly output: O } | { readonly kind: 'unknown' };

/** When an operation was over: Infinity where nobody knows. */
export function returnOf(operation: Operation<unknown, unknown>): number {
  return operation.kind === 'unknown' ? Number.POSITIVE_INFINITY : operation.returnMs;
}

/** Those that answered. */
export function doneOf<I, O>(history: readonly Operation<I, O>[]): Done<I, O>[] {
  return history.filter((operation) => operation.kind === 'ok');
}

function problemOf(operation: Operation<unknown, unknown>): string | undefined {
  if (typeof operation !== 'object' || operation === null) return 'is no operation';
  const { kind, process, callMs } = operation;
  if (kind !== 'ok' && kind !== 'failed' && kind !== 'unknown')
    return 'must be of the kind "ok", "failed" or "unknown"';
  if (typeof process !== 'string') return 'must say its process, a string';
  if (!Number.isFinite(callMs)) return 'must have a callMs, a number';
  if (kind === 'unknown') return undefined;
  if (!Number.isFinite(operation.returnMs))
    return 'must have a returnMs, a number; without one it is of the kind "unknown"';
  if (operation.returnMs < callMs) return 'returned before it was called: its times are of different clocks';
  const revision = kind === 'ok' ? operation.revision : undefined;
  return revision === undefined || typeof revision === 'bigint' ? undefined : 'must have a bigint for its revision';
}

/** Refuses what is no history, with `INVALID_OPTION` and the place in `field`. */
export function checkHistory(history: unknown): asserts history is readonly Operation<unknown, unknown>[] {
  if (!Array.isArray(history))
    throw invalidOption('history', 'A history must be an array of operations.', 'not-an-array');
  for (const [at, operation] of history.entries()) {
    const problem = problemOf(operation);
    if (problem === undefined) continue;
    const field = `history[${at}]`;
    throw invalidOption(field, `${field} ${problem}.`, 'not-an-operation');
  }
}
