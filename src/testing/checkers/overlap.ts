import { at, type IntLists, intLists, item } from './ints.js';
import { type Done, doneOf, type Operation, type Unknown } from './operation.js';
import { identity } from './values.js';

/**
 * One object's history, made ready for the search: what answered, in the order of the returns, and what overlaps what. An
 * operation that overlaps the return of another may come before it or after it; all other pairs are ordered. Where a call
 * and a return are at one moment, they overlap.
 */
export interface Overlap<I, O> {
  /** By return. The numbers of operations below are places in this list, and of the unknown ones beyond its end. */
  readonly done: readonly Done<I, O>[];
  /** By call. */
  readonly unknown: readonly Unknown<I>[];
  /** For each of `done`: those later in the list that were called before it returned. */
  readonly open: IntLists;
  /** For each of `done`: how many of `unknown` were called before it returned. */
  readonly unknownBefore: Int32Array;
  /** For each of `unknown`: the number of the one before it with the same input, or -1. Only after that one it is tried. */
  readonly twin: Int32Array;
  /** The longest list of `open`. */
  readonly widest: number;
}

/** The first place whose return is not before this moment. */
function firstReturn(done: readonly Done<unknown, unknown>[], callMs: number): number {
  let low = 0;
  let high = done.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (item(done, middle).returnMs < callMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function openLists(done: readonly Done<unknown, unknown>[]): IntLists {
  const firsts = Int32Array.from(done, ({ callMs }) => firstReturn(done, callMs));
  const lengths = new Int32Array(done.length);
  for (const [number, first] of firsts.entries()) {
    for (let earlier = first; earlier < number; earlier++) lengths[earlier] = at(lengths, earlier) + 1;
  }
  return intLists(lengths, (append) => {
    for (const [number, first] of firsts.entries()) {
      for (let earlier = first; earlier < number; earlier++) append(earlier, number);
    }
  });
}

/** Of two unknown operations with one input it is always the earlier that may as well have been the one that happened. */
function twinsOf(unknown: readonly Unknown<unknown>[]): Int32Array {
  const last = new Map<unknown, number>();
  return Int32Array.from(unknown, ({ input }, number) => {
    const key = identity(input);
    const twin = last.get(key) ?? -1;
    last.set(key, number);
    return twin;
  });
}

/** Pairs of operations that overlap, in a history that is worth searching: their list takes 64 MB. */
const mostPairs = 2 ** 24;

/** Whether so many operations overlap that a list of which ones would not fit into memory; no search would end then either. */
export function isTooWide(operations: readonly Operation<unknown, unknown>[]): boolean {
  const done = byReturn(operations);
  return done.reduce((sum, { callMs }, number) => sum + Math.max(0, number - firstReturn(done, callMs)), 0) > mostPairs;
}

function byReturn<I, O>(operations: readonly Operation<I, O>[]): Done<I, O>[] {
  return doneOf(operations).sort((a, b) => a.returnMs - b.returnMs);
}

export function overlapOf<I, O>(operations: readonly Operation<I, O>[]): Overlap<I, O> {
  const done = byReturn(operations);
  const unknown = operations.filter((operation) => operation.kind === 'unknown').sort((a, b) => a.callMs - b.callMs);
  const open = openLists(done);
  const unknownBefore = new Int32Array(done.length);
  let before = 0;
  for (const [number, { returnMs }] of done.entries()) {
    while (before < unknown.length && item(unknown, before).callMs <= returnMs) before++;
    unknownBefore[number] = before;
  }
  const widest = done.reduce(
    (most, _, number) => Math.max(most, at(open.starts, number + 1) - at(open.starts, number)),
    0,
  );
  return { done, unknown, open, unknownBefore, twin: twinsOf(unknown), widest };
}

/** Where a history can be cut: the places before which everything had returned and after which everything was called. */
export function cutsOf({ done, open, unknownBefore }: Overlap<unknown, unknown>): number[] {
  const cuts: number[] = [];
  for (let number = 0; number < done.length; number++) {
    const quiet = at(open.starts, number) === at(open.starts, number + 1) && at(unknownBefore, number) === 0;
    if (quiet || number === done.length - 1) cuts.push(number + 1);
  }
  return cuts;
}

/** The operation of a number. */
export function operationOf<I, O>({ done, unknown }: Overlap<I, O>, number: number): Done<I, O> | Unknown<I> {
  return number < done.length ? item(done, number) : item(unknown, number - done.length);
}
