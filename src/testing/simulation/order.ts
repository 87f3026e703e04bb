import type { Task } from './scheduler.js';
import type { SeededRandom } from './seeded-random.js';

/** Which of several tasks that are due at the same time comes first. */
export interface Order {
  /** The index of the one to run. */
  choose(due: readonly Task[]): number;
  /** When a task is due that was asked for at `dueMs`; never before that. */
  round(dueMs: number, nowMs: number): number;
}

/** How an order is called in options and reports. */
export type OrderName = 'fifo' | 'random' | 'pct';

/** In the order in which they were armed. */
export const fifo: Order = { choose: () => 0, round: (dueMs) => dueMs };

/** Any of them. */
export function randomOrder(random: SeededRandom): Order {
  return { choose: (due) => random.whole(0, due.length - 1), round: (dueMs) => dueMs };
}

/**
 * Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): every node has a random priority, of those with
 * something to do the one of the highest priority goes first, and at `depth - 1` random steps the node that is at it
 * falls to the lowest one. It finds bugs that need few but particular inversions of order, which even choices seldom make.
 *
 * Priorities only matter between tasks that are due at once; so time moves in ticks here, that many are.
 */
export function priorityOrder(random: SeededRandom, { depth, steps, tickMs }: PriorityOptions): Order {
  const priorities = new Map<number, number>();
  const priorityOf = (owner: number): number => {
    const known = priorities.get(owner);
    if (known !== undefined) return known;
    const drawn = 1 + random.next();
    priorities.set(owner, drawn);
    return drawn;
  };
  const changes = new Set(Array.from({ length: depth - 1 }, () => random.whole(0, steps - 1)));
  let step = 0;
  let lowest = 0;
  return {
    choose: (due) => {
      let best = 0;
      for (let at = 1; at < due.length; at++) {
        if (priorityOf(due[at]?.owner ?? 0) > priorityOf(due[best]?.owner ?? 0)) best = at;
      }
      if (changes.has(step++)) priorities.set(due[best]?.owner ?? 0, --lowest);
      return best;
    },
    // What is asked for at once happens at once: time would else pass with every hop.
    round: (dueMs, nowMs) => (dueMs <= nowMs ? dueMs : Math.ceil(dueMs / tickMs) * tickMs),
  };
}

export interface PriorityOptions {
  /** One more than the number of times at which a priority falls. */
  readonly depth: number;
  /** About how many choices there will be; the changes are spread over so many. */
  readonly steps: number;
  /** How far times are apart. */
  readonly tickMs: number;
}
