import { MinHeap } from '../../core/heap.js';
import type { LeaseId } from '../../core/store.js';

/** A lease as the store keeps it. */
export interface LeaseRecord {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** How much later than promised it ends. */
  readonly graceMs: number;
  /** When it ends, on the clock that the caller of the state passes in. */
  readonly deadlineMs: number;
  /** The keys that end with it. */
  readonly keys: ReadonlySet<string>;
}

interface Mutable extends LeaseRecord {
  deadlineMs: number;
  readonly keys: Set<string>;
  readonly order: number;
}

interface Deadline {
  readonly lease: Mutable;
  readonly atMs: number;
}

function sooner(a: Deadline, b: Deadline): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.lease.order < b.lease.order);
}

/** All leases, the next to end first. A renewal costs O(log n). */
export class LeaseTable {
  readonly #leases = new Map<LeaseId, Mutable>();
  /** Has one element for each renewal too; those that no longer tell a lease's deadline are passed over. */
  readonly #deadlines = new MinHeap<Deadline>(sooner);
  #granted = 0;

  get(id: LeaseId): LeaseRecord | undefined {
    return this.#leases.get(id);
  }

  /** In the order in which they were granted. */
  all(): LeaseRecord[] {
    return [...this.#leases.values()];
  }

  grant(id: LeaseId, ttlMs: number, now: number, graceMs = 0): void {
    const deadlineMs = now + ttlMs + graceMs;
    const lease = { id, ttlMs, graceMs, deadlineMs, keys: new Set<string>(), order: this.#granted++ };
    this.#leases.set(id, lease);
    this.#deadlines.push({ lease, atMs: lease.deadlineMs });
  }

  renew(id: LeaseId, now: number): LeaseRecord | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    lease.deadlineMs = now + lease.ttlMs + lease.graceMs;
    this.#deadlines.push({ lease, atMs: lease.deadlineMs });
    if (this.#deadlines.size > 64 + 4 * this.#leases.size) this.#deadlines.keep((deadline) => this.#counts(deadline));
    return lease;
  }

  remove(id: LeaseId): LeaseRecord | undefined {
    const lease = this.#leases.get(id);
    this.#leases.delete(id);
    return lease;
  }

  /** Moves a key from one lease to another. */
  move(key: string, from: LeaseId | undefined, to: LeaseId | undefined): void {
    if (from === to) return;
    if (from !== undefined) this.#leases.get(from)?.keys.delete(key);
    if (to !== undefined) this.#leases.get(to)?.keys.add(key);
  }

  /** The lease that ends next. */
  next(): LeaseRecord | undefined {
    for (;;) {
      const first = this.#deadlines.peek();
      if (first === undefined || this.#counts(first)) return first?.lease;
      this.#deadlines.pop();
    }
  }

  #counts({ lease, atMs }: Deadline): boolean {
    return lease.deadlineMs === atMs && this.#leases.get(lease.id) === lease;
  }
}
