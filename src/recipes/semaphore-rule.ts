import { decodeJsonObject } from '../core/codec.js';
import type { Ticket } from '../core/key-watch.js';
import type { RangeView } from '../core/range-view.js';
import type { Entry, Query } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import type { Blocker, Entrance, LineRule, Reads } from './line-rule.js';
import { isPermits, type Limit } from './semaphore-limit.js';

/** What a ticket says of itself. */
export function shareOf(value: Uint8Array): { readonly permits: number; readonly served: boolean } {
  const { permits, served } = decodeJsonObject(value) ?? {};
  // One that does not say how many it has may have all.
  return { permits: isPermits(permits) ? permits : Number.POSITIVE_INFINITY, served: served === true };
}

export function permitsOf(tickets: readonly Pick<Entry, 'value'>[]): number {
  return tickets.reduce((sum, { value }) => sum + shareOf(value).permits, 0);
}

/**
 * A ticket is served when the permits of all ahead, and its own, are within the limit. So those that hold are always
 * the first in line, and a limit that shrinks lets nobody in before enough have left.
 *
 * Who waits watches the ticket right ahead, up to the moment when that one is served. Then it is the first of all that
 * wait, and watches the whole semaphore, as a permit may come back from anywhere, or the limit change.
 */
export class PermitRule implements LineRule {
  readonly entrance: Entrance;
  readonly #path: string;
  readonly #limit: Limit;
  readonly #permits: number;
  /** One of whom it is known that it waits, until it says that it was served. */
  #waiter: string | undefined;

  constructor(path: string, limit: Limit, permits: number) {
    this.entrance = limit.entrance(permits);
    this.#path = path;
    this.#limit = limit;
    this.#permits = permits;
  }

  look(prefix: string, mine: Ticket | undefined): readonly Query[] {
    const before = mine && { createdBefore: mine.created + 1n };
    // Each has a permit at least: one with so many ahead is not served, however long the line is.
    const { known } = this.#limit;
    const first = known && { limit: known.limit + 1 };
    return [
      this.#limit.query,
      { prefix, order: 'oldest', ...first, ...before },
      { prefix, order: 'newest', limit: 2, ...before },
    ];
  }

  blocker([limits = [], oldest = [], newest = []]: Reads, mine: Ticket | undefined): Blocker | undefined {
    const stored = this.#limit.learn(limits[0]);
    if (stored === undefined) return this.#withoutLimit(mine);
    this.#check(stored.limit, mine);
    const isAhead = ({ key }: Entry) => key !== mine?.key;
    const ahead = oldest.filter(isAhead);
    const last = newest.find(isAhead);
    const sum = permitsOf(ahead);
    const isAll = ahead.at(-1)?.key === last?.key;
    if (last === undefined || (isAll && sum + this.#permits <= stored.limit)) return undefined;
    // Where the limit has grown past what was asked for, it takes another look.
    const isFirst = (isAll ? sum : ahead.length) <= stored.limit || this.#isServed(last, stored.modified);
    return isFirst ? { range: { prefix: `${this.#path}/` }, passes: (view) => this.#passes(view, mine) } : last;
  }

  /**
   * Whether the one right ahead may hold already, though there would be no room for it now: it says so, or may have been
   * served at once by a limit that was greater.
   */
  #isServed({ key, created, value }: Entry, limitModified: bigint): boolean {
    if (shareOf(value).served) return true;
    if (created > limitModified) this.#waiter = key;
    return this.#waiter !== key;
  }

  /** Whether a view of all, which may be late, lets expect to be served, or that it is no use to wait. */
  #passes(view: RangeView, mine: Ticket | undefined): boolean {
    const limit = view.entries.get(`${this.#path}/limit`);
    if (limit === undefined || mine === undefined || !view.entries.has(mine.key)) return true;
    const { limit: most } = decodeJsonObject(limit.value) ?? {};
    if (!isPermits(most) || most < this.#permits) return true;
    let left = most - this.#permits;
    for (const { key, created, value } of view.entries.values()) {
      if (created < mine.created && key !== limit.key) left -= shareOf(value).permits;
      if (left < 0) return false;
    }
    return true;
  }

  #check(limit: number, mine: Ticket | undefined): void {
    if (mine === undefined) this.#limit.check(this.#permits);
    if (this.#permits <= limit) return;
    const sentence = `${this.#permits} permits were asked for at "${printable(this.#path)}"; by now there are only ${limit}.`;
    throw new CoordinationError('LIMIT_MISMATCH', sentence, { field: 'permits', key: this.#path });
  }

  /** Before the first one of all, nobody is in the way. */
  #withoutLimit(mine: Ticket | undefined): undefined {
    if (mine === undefined) return undefined;
    const sentence = `The limit of "${printable(this.#path)}" was deleted.`;
    throw new CoordinationError('CORRUPT_DATA', sentence, { key: `${this.#path}/limit` });
  }
}
