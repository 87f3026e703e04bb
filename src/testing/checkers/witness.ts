import { checkFunction, checkKnown } from '../../core/checks.js';
import { item } from './ints.js';
import { checkLinearizable, checkModel, type Linearizability, type LinearizableOptions } from './linearizable.js';
import { line, type Model, partitionsOf, States } from './model.js';
import { checkHistory, type Done, type Operation } from './operation.js';
import { show } from './values.js';

/** What became of an operation of unknown outcome, as the store tells: what it would have answered, and when it happened. */
export interface Settled<O> {
  readonly revision: bigint;
  readonly output: O;
}

export interface WitnessOptions<I, O> extends LinearizableOptions {
  /**
   * Asked about each operation of unknown outcome that could have changed something: what the store's own log says of it,
   * or `never` when it had no effect and never will have; undefined when that is not known either. Default: not known.
   */
  readonly settle?: (operation: Operation<I, O>) => Settled<O> | 'never' | undefined;
}

/** What a check by revisions came to. Only `linearizable` is a pass. */
export type Witness<S, I, O> =
  | {
      readonly verdict: 'linearizable';
      /** Partitions that had to be searched, since not all revisions in them are known. */
      readonly searched: number;
      describe(): string;
    }
  | {
      readonly verdict: 'illegal';
      readonly partition: string;
      /**
       * `order`: the operation was over before `before` was called, and has a later revision. `model`: by the revisions it
       * comes after `before`, and in the state that left it could not have answered so.
       */
      readonly reason: 'order' | 'model';
      readonly operation: Done<I, O>;
      readonly before: Done<I, O> | undefined;
      describe(): string;
    }
  | Extract<Linearizability<S, I, O>, { verdict: 'illegal' }>
  | Extract<Linearizability<S, I, O>, { verdict: 'unknown' }>;

type Known<I, O> = Done<I, O> & { readonly revision: bigint };

/** All operations with their revisions, or undefined when one has none that is known. */
function knownOf<I, O>(
  operations: readonly Operation<I, O>[],
  settle: WitnessOptions<I, O>['settle'],
): Known<I, O>[] | undefined {
  const known: Known<I, O>[] = [];
  for (const operation of operations) {
    if (operation.kind === 'failed') continue;
    const settled = operation.kind === 'unknown' ? settle?.(operation) : operation;
    if (settled === 'never') continue;
    const { revision } = settled ?? {};
    if (settled === undefined || revision === undefined) return undefined;
    const { process, input, callMs } = operation;
    const returnMs = operation.kind === 'ok' ? operation.returnMs : Number.POSITIVE_INFINITY;
    known.push({ kind: 'ok', process, input, callMs, returnMs, output: settled.output, revision });
  }
  return known;
}

/** By revision; of one revision the write comes first, and then those who saw it, as they came. */
function sortByRevision<S, I, O>(known: readonly Known<I, O>[], { isRead }: Model<S, I, O>): Known<I, O>[] {
  const rows = known.map((operation) => ({ operation, read: isRead?.(operation.input, operation) === true ? 1 : 0 }));
  rows.sort((a, b) => {
    if (a.operation.revision !== b.operation.revision) return a.operation.revision < b.operation.revision ? -1 : 1;
    return a.read - b.read || a.operation.callMs - b.operation.callMs;
  });
  return rows.map(({ operation }) => operation);
}

interface Breach<I, O> {
  readonly reason: 'order' | 'model';
  readonly operation: Done<I, O>;
  readonly before: Done<I, O> | undefined;
}

/** The states that are possible after all of them, or where the line breaks. */
function walk<S, I, O>(sorted: readonly Known<I, O>[], model: Model<S, I, O>): Breach<I, O> | undefined {
  let states: readonly S[] = [model.initial];
  let latest: Known<I, O> | undefined;
  for (const [at, operation] of sorted.entries()) {
    if (latest !== undefined && operation.returnMs < latest.callMs)
      return { reason: 'order', operation, before: latest };
    if (latest === undefined || operation.callMs > latest.callMs) latest = operation;
    const next = states.flatMap((state) => model.step(state, operation.input, operation));
    if (next.length === 0) return { reason: 'model', operation, before: at === 0 ? undefined : item(sorted, at - 1) };
    states = next.length > 1 ? distinct(next, model) : next;
  }
  return undefined;
}

function distinct<S, I, O>(states: readonly S[], model: Model<S, I, O>): S[] {
  const numbers = new States<S>(model);
  return [...new Set(states.map((state) => numbers.idOf(state)))].map((id) => numbers.state(id));
}

function describeBreach<I, O>(name: string, partition: string, { reason, operation, before }: Breach<I, O>): string {
  const of = partition === '' ? '' : ` of ${show(partition)}`;
  if (reason === 'order') {
    return [
      `The revisions${of} go against time. Over before the next was called, and yet at a later revision:`,
      `  > ${line(operation)}`,
      ...(before === undefined ? [] : [`    ${line(before)}`]),
    ].join('\n');
  }
  return [
    `By its revisions the history${of} is none of ${name}. ${before === undefined ? 'The first cannot have answered so:' : 'After'}`,
    ...(before === undefined ? [] : [`    ${line(before)}`, '  this cannot have answered so:']),
    `  > ${line(operation)}`,
  ].join('\n');
}

/**
 * Holds a history against the order that the store itself gives: each operation says the revision at which it took effect,
 * or which it saw. That order must agree with time, as what was over before another was called cannot come after it; and
 * the model must allow it. Takes O(n log n), whatever the number of processes: a million operations in some seconds.
 *
 * A partition with an operation whose revision is not known, even after `settle`, is searched by {@link checkLinearizable},
 * with `timeoutMs` and `maxStates`, and without use of revisions. Of one revision the write goes before the reads: the model
 * needs {@link Model.isRead}.
 *
 * Illegal here means illegal by the order of the revisions, which is the stricter: where they are wrong, that is a fault.
 * Throws as `checkLinearizable`.
 */
export function checkWitness<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  options: WitnessOptions<I, O> = {},
): Witness<S, I, O> {
  checkHistory(history);
  checkModel(model);
  checkKnown(options, ['settle', 'timeoutMs', 'maxStates', 'clock'], 'checkWitness');
  const { settle, ...search } = options;
  if (settle !== undefined) checkFunction(settle, 'settle');
  const unsettled: Operation<I, O>[] = [];
  let searched = 0;
  for (const [partition, operations] of partitionsOf(history, model)) {
    const known = knownOf(operations, settle);
    if (known === undefined) {
      searched++;
      for (const operation of operations) {
        if (operation.kind === 'ok' || settle?.(operation) !== 'never') unsettled.push(operation);
      }
      continue;
    }
    const breach = walk(sortByRevision(known, model), model);
    if (breach === undefined) continue;
    return { verdict: 'illegal', partition, ...breach, describe: () => describeBreach(model.name, partition, breach) };
  }
  const found = checkLinearizable(unsettled, model, search);
  if (found.verdict !== 'linearizable') return found;
  const describe = (): string =>
    `The history is linearizable as ${model.name} (partitions that had to be searched: ${searched}).`;
  return { verdict: 'linearizable', searched, describe };
}
