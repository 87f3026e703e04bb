import { ticketKey, ticketNumber } from './keys.js';
import type { LeaseId, StoreTraits } from './store.js';

/** A key of a session that says whether a commit was made, and the revision of its last write, if there was one. */
export interface Marker {
  readonly key: string;
  modified: bigint | undefined;
}

/** The keys under one lease: each has one owner at a time in this process, so that what stands there is known to be its. */
export class SessionNames {
  readonly lease: LeaseId;
  readonly #exactHeld: boolean;
  #tickets = 0;
  readonly #returned: number[] = [];
  readonly #idleMarkers = new Map<string, Marker[]>();
  readonly #claims = new Set<string>();

  constructor(lease: LeaseId, { exactHeld }: StoreTraits) {
    this.lease = lease;
    this.#exactHeld = exactHeld;
  }

  /** A ticket key about which nothing is under way: a new one, or one that came back by {@link returnTicket}. */
  takeTicket(path: string): string {
    return ticketKey(path, this.lease, this.#returned.pop() ?? ++this.#tickets);
  }

  /** Markers under this path that no commit uses now. Whoever takes one out puts it back, as it then is. */
  idleMarkers(path: string): Marker[] {
    const idle = this.#idleMarkers.get(path) ?? [];
    this.#idleMarkers.set(path, idle);
    return idle;
  }

  /**
   * Gives a ticket key back for another use. Only for one of which the store has said that it is gone, in answer to the
   * last of all requests about it: none of them may be unanswered, or it could hit the next ticket of that name.
   */
  returnTicket(key: string): void {
    if (this.#exactHeld) this.#returned.push(ticketNumber(key));
  }

  /**
   * Takes the name of a key for the one who calls, who alone writes it under this lease until {@link unclaim}: then a key
   * under this lease is known to be its own. False where somebody else in this process has the name.
   */
  claim(key: string): boolean {
    if (this.#claims.has(key)) return false;
    this.#claims.add(key);
    return true;
  }

  /** Whether somebody has the name of this key by {@link claim}. */
  isClaimed(key: string): boolean {
    return this.#claims.has(key);
  }

  /** Takes back {@link claim}. */
  unclaim(key: string): void {
    this.#claims.delete(key);
  }
}
