import { item } from './ints.js';

/** When something was called and when it was over: Infinity where nobody knows. */
export interface Span {
  readonly callMs: number;
  readonly returnMs: number;
}

/**
 * Pairs of which the first was over before the second was called, and no more of them than are needed: what follows from
 * two of them is left out. As many for each as were under way at once, and not as many as there are before it.
 */
export function timeOrder(spans: readonly Span[]): (readonly [before: number, after: number])[] {
  const events = spans.flatMap(({ callMs, returnMs }, number) => [
    { at: callMs, number, over: false },
    ...(returnMs === Number.POSITIVE_INFINITY ? [] : [{ at: returnMs, number, over: true }]),
  ]);
  // Of one moment calls go first: then they overlap, and nothing is said of their order.
  events.sort((a, b) => a.at - b.at || Number(a.over) - Number(b.over));
  const pairs: (readonly [number, number])[] = [];
  let frontier: number[] = [];
  for (const { number, over } of events) {
    if (!over) {
      for (const before of frontier) pairs.push([before, number]);
      continue;
    }
    const { callMs } = item(spans, number);
    frontier = frontier.filter((before) => item(spans, before).returnMs >= callMs);
    frontier.push(number);
  }
  return pairs;
}
