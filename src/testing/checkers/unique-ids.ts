import { checkFlag, checkKnown } from '../../core/checks.js';
import type { Scalar } from './data-models.js';
import { line } from './model.js';
import { checkHistory, type Done, doneOf, type Operation } from './operation.js';
import { identity } from './values.js';

export interface UniqueIdsOptions {
  /** Whether each id must be larger than all that were given out before it was asked for. Default false. */
  readonly growing?: boolean;
}

/** What a check of ids came to. */
export interface UniqueIds {
  readonly verdict: 'legal' | 'illegal';
  /** Operations that were given an id that an earlier one in the history had been given. */
  readonly duplicated: readonly Done<unknown, Scalar>[];
  /** Operations that were given an id smaller than one that had been given out before they asked. Empty unless asked for. */
  readonly fallen: readonly Done<unknown, Scalar>[];
  describe(): string;
}

function isLess(a: Scalar, b: Scalar): boolean {
  // Numbers and bigints compare with each other, texts with texts; nothing else is in order.
  return a !== undefined && b !== undefined && a !== null && b !== null && a < b;
}

function fallenOf(done: readonly Done<unknown, Scalar>[]): Done<unknown, Scalar>[] {
  const returns = [...done].sort((a, b) => a.returnMs - b.returnMs);
  let largest: Scalar;
  let at = 0;
  return [...done]
    .sort((a, b) => a.callMs - b.callMs)
    .filter(({ callMs, output }) => {
      for (let next = returns[at]; next !== undefined && next.returnMs < callMs; next = returns[++at]) {
        if (largest === undefined || isLess(largest, next.output)) largest = next.output;
      }
      return isLess(output, largest);
    });
}

/**
 * Tells whether no id was given out twice: each operation that answered, answered with an id. O(n log n). Throws
 * `INVALID_OPTION` and `UNKNOWN_OPTION`.
 */
export function checkUniqueIds(
  history: readonly Operation<unknown, Scalar>[],
  options: UniqueIdsOptions = {},
): UniqueIds {
  checkHistory(history);
  checkKnown(options, ['growing'], 'checkUniqueIds');
  checkFlag(options.growing, 'growing');
  const done = doneOf(history);
  const seen = new Set<unknown>();
  const duplicated = done.filter(({ output }) => {
    const id = identity(output);
    const known = seen.has(id);
    seen.add(id);
    return known;
  });
  const fallen = options.growing === true ? fallenOf(done) : [];
  const verdict = duplicated.length + fallen.length === 0 ? 'legal' : 'illegal';
  const describe = (): string => {
    const lines = [
      ...duplicated.slice(0, 8).map((operation) => `\n    given twice: ${line(operation)}`),
      ...fallen.slice(0, 8).map((operation) => `\n    smaller than one before: ${line(operation)}`),
    ];
    return `The ids are ${verdict}: ${duplicated.length} given twice, ${fallen.length} too small.${lines.join('')}`;
  };
  return { verdict, duplicated, fallen, describe };
}
