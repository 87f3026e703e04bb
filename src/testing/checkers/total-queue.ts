import { checkKnown, checkWord } from '../../core/checks.js';
import type { Scalar } from './data-models.js';
import { checkHistory, type Operation } from './operation.js';
import { identity, text } from './values.js';

/**
 * What is done to a queue. `take` answers with an item, or with undefined when there was none; `drain` with all that it took.
 * For a queue with leases, `take` is what was acknowledged.
 */
export type TotalQueueInput = { readonly op: 'put'; readonly item: Scalar } | { readonly op: 'take' | 'drain' };

export interface TotalQueueOptions {
  /** Whether an item may be taken more than once, as from a queue that works at least once. Default `refused`. */
  readonly duplicates?: 'allowed' | 'refused';
}

/** What became of the items. Only `legal` is a pass. */
export interface TotalQueue {
  /** `unknown`: items are missing, but no more than were perhaps taken by takes of unknown outcome. */
  readonly verdict: 'legal' | 'illegal' | 'unknown';
  /** Put for sure, and taken by nobody who said so. */
  readonly lost: readonly Scalar[];
  /** Taken, and put by nobody; or by one whose put had failed. */
  readonly invented: readonly Scalar[];
  /** Taken more often than put. */
  readonly duplicated: readonly Scalar[];
  /** Put with unknown outcome, and taken: the put had taken effect. */
  readonly recovered: readonly Scalar[];
  describe(): string;
}

interface Counts {
  readonly item: Scalar;
  put: number;
  perhapsPut: number;
  taken: number;
}

type QueueOperation = Operation<TotalQueueInput, Scalar | readonly Scalar[]>;

function takenBy(operation: QueueOperation): readonly Scalar[] {
  if (operation.kind !== 'ok') return [];
  const { output } = operation;
  // What is no array is one item, or none.
  if (!Array.isArray(output)) return output === undefined ? [] : [output as Scalar];
  return output;
}

function countsOf(history: readonly QueueOperation[]): Counts[] {
  const counts = new Map<unknown, Counts>();
  const of = (item: Scalar): Counts => {
    const id = identity(item);
    const known = counts.get(id) ?? { item, put: 0, perhapsPut: 0, taken: 0 };
    counts.set(id, known);
    return known;
  };
  for (const operation of history) {
    const { input, kind } = operation;
    if (input.op !== 'put') for (const item of takenBy(operation)) of(item).taken++;
    else if (kind === 'ok') of(input.item).put++;
    else if (kind === 'unknown') of(input.item).perhapsPut++;
  }
  return [...counts.values()];
}

/**
 * Tells what became of all that was put into a queue, once it was drained: what was put must have been taken, and nothing
 * else. The order is not looked at. Linear. Throws `INVALID_OPTION` and `UNKNOWN_OPTION`.
 */
export function checkTotalQueue(history: readonly QueueOperation[], options: TotalQueueOptions = {}): TotalQueue {
  checkHistory(history);
  checkKnown(options, ['duplicates'], 'checkTotalQueue');
  checkWord(options.duplicates, 'duplicates', ['allowed', 'refused']);
  const counts = countsOf(history);
  const itemsWhere = (test: (count: Counts) => boolean): Scalar[] => counts.filter(test).map(({ item }) => item);
  const lost = counts.flatMap(({ item, put, taken }) => Array<Scalar>(Math.max(0, put - taken)).fill(item));
  const invented = itemsWhere(({ put, perhapsPut, taken }) => taken > 0 && put + perhapsPut === 0);
  const duplicated = itemsWhere(({ put, perhapsPut, taken }) => put + perhapsPut > 0 && taken > put + perhapsPut);
  const recovered = itemsWhere(({ put, perhapsPut, taken }) => perhapsPut > 0 && taken > put);
  const takes = history.filter(({ kind, input }) => kind === 'unknown' && input.op !== 'put');
  // A drain of unknown outcome may have taken everything.
  const perhapsTaken = takes.some(({ input }) => input.op === 'drain') ? Number.POSITIVE_INFINITY : takes.length;
  const wrong = invented.length > 0 || (duplicated.length > 0 && options.duplicates !== 'allowed');
  const verdict = wrong || lost.length > perhapsTaken ? 'illegal' : lost.length > 0 ? 'unknown' : 'legal';
  const describe = (): string =>
    `The queue is ${verdict}: lost ${text(lost)}, invented ${text(invented)}, duplicated ${text(duplicated)}, recovered ${text(recovered)}.`;
  return { verdict, lost, invented, duplicated, recovered, describe };
}
