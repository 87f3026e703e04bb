import type { Guard, Op, Range } from './store.js';

/** The key or prefix of a range, for messages and for looking at how it begins. */
export function nameOf(range: Range): string {
  return 'key' in range ? range.key : range.prefix;
}

/** What a step looks at or writes. */
export function rangeOf(op: Op): Range {
  if (op.kind === 'put') return op;
  return op.kind === 'delete' ? op.range : op.query;
}

/** The first key or prefix that a commit names, for messages; undefined for a commit of nothing. */
export function firstNameOf(guards: readonly Guard[], ops: readonly Op[]): string | undefined {
  const [range] = [...guards.slice(0, 1), ...ops.slice(0, 1).map(rangeOf)];
  return range && nameOf(range);
}
