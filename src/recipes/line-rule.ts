import type { Ticket } from '../core/key-watch.js';
import type { RangeView } from '../core/range-view.js';
import type { Scope } from '../core/signals.js';
import type { Entry, Guard, Op, Query, Range } from '../core/store.js';

/** Entries that were read at one revision, one list for each query. */
export type Reads = readonly (readonly Entry[])[];

/** A whole range that is followed because a change anywhere in it may let a ticket be served. */
export interface RangeBlocker {
  readonly range: Range;
  /** Whether it is worth a decision now. */
  passes(view: RangeView): boolean;
}

/** What has to go, or to change, before a ticket can be served. */
export type Blocker = Ticket | RangeBlocker;

/** What makes one kind of waiting line differ from another. */
export interface LineRule {
  /**
   * What a decision has to look at. `mine`: the ticket that is decided about, which has to be in what is read; undefined
   * before it is in line. `prefix` ends in `/`.
   */
  look(prefix: string, mine: Ticket | undefined): readonly Query[];
  /** What is in the way; undefined where the ticket can be served now. */
  blocker(reads: Reads, mine: Ticket | undefined): Blocker | undefined;
  /** What else has to be so, or is done, where a ticket is put. */
  readonly entrance?: Entrance;
}

export interface Entrance {
  /** Finds out what is needed below. Throws where it is no use to line up. */
  open(scope: Scope): Promise<void>;
  readonly guards: readonly Guard[];
  /** Carried out before what is looked at. */
  readonly ops: readonly Op[];
  /** What to look at where the guards do not hold. */
  readonly query: Query;
  refused(found: readonly Entry[]): void;
}

/** One at a time, in the order of arrival. */
export const exclusive: LineRule = {
  look: (prefix, mine) => [
    mine === undefined
      ? { prefix, order: 'newest', limit: 1 }
      : { prefix, order: 'newest', limit: 2, createdBefore: mine.created + 1n },
  ],
  blocker: ([line = []], mine) => line.find((ticket) => ticket.key !== mine?.key),
};
