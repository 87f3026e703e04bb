import type { Hold } from '../../core/hold.js';
import type { LeaseId } from '../../core/store.js';
import type { Operator } from './operator.js';
import type { SimulatedNode } from './simulated-node.js';
import type { Truth } from './truth.js';
import { Violation } from './violation.js';

/** What a client believes to hold. */
export interface Belief {
  readonly node: SimulatedNode;
  readonly hold: Hold;
  /** What others must not hold at the same time, if it is exclusive; a name for each ticket. */
  readonly resources: readonly string[];
  readonly exclusive: boolean;
  /** The invariant that is broken where the store does not have it, or another believes the same. */
  readonly invariant: string;
  /** What it is held by: a ticket for each resource. */
  readonly tickets: readonly { readonly key: string; readonly created: bigint }[];
  readonly lease: LeaseId;
  readonly sinceMs: number;
  readonly lookMs: number;
}

/** How to look at a hold; see {@link Beliefs.add}. */
export interface BeliefOptions {
  readonly invariant: string;
  /** Several where it holds several things at once, in the order of `hold.guards`. */
  readonly resource: string | readonly string[];
  readonly exclusive?: boolean;
  /** How often the recipe looks anyway, for the case that an event got lost, where that is less often than the bound. */
  readonly lookMs?: number;
}

/** A look after {@link BeliefOptions.lookMs} by a clock that may be slow, and the answer to it. */
const lookSlackMs = 2_000;

/**
 * What the clients believe to hold, checked against what the store has: nobody may believe to hold what has gone to
 * another, or can. What an operator took away may be believed in until the news can have arrived.
 */
export class Beliefs {
  readonly #truth: Truth;
  readonly #operator: Operator;
  readonly #now: () => number;
  readonly #boundMs: number;
  readonly #beliefs = new Set<Belief>();
  /** Whether they are asked for at every step, which makes clients look at the clock more often than they would. */
  nosy = false;

  /** `boundMs`: how long news of a loss may take where nothing keeps it back. */
  constructor(truth: Truth, operator: Operator, now: () => number, boundMs: number) {
    this.#truth = truth;
    this.#operator = operator;
    this.#now = now;
    this.#boundMs = boundMs;
  }

  get all(): readonly Belief[] {
    return [...this.#beliefs];
  }

  /** From now on a client believes to hold this. Returns how to say that it does not any more. */
  add(
    node: SimulatedNode,
    hold: Hold,
    { invariant, resource, exclusive = true, lookMs = 0 }: BeliefOptions,
  ): () => void {
    // Every hold is guarded by its tickets, of one session.
    const tickets = hold.guards as readonly {
      readonly key: string;
      readonly created: bigint;
      readonly lease: LeaseId;
    }[];
    const lease = tickets[0]?.lease ?? '';
    const resources = typeof resource === 'string' ? [resource] : resource;
    const belief = { node, hold, resources, exclusive, invariant, tickets, lease, sinceMs: this.#now(), lookMs };
    this.#beliefs.add(belief);
    return () => this.#beliefs.delete(belief);
  }

  /** Throws a {@link Violation} where one is false. */
  check(): void {
    const holders = new Map<string, Belief>();
    for (const belief of this.#beliefs) {
      const { node } = belief;
      if (node.state === 'crashed') this.#beliefs.delete(belief);
      if (node.state === 'crashed' || node.clock.frozen || !this.#believes(belief)) continue;
      if (this.#excused(belief)) continue;
      this.#checkTrue(belief);
      this.#checkAlone(belief, holders);
    }
  }

  #believes({ node, hold }: Belief): boolean {
    // Of a sleep of the machine no timer tells; only who asks finds out.
    if (this.nosy || node.clock.slept) return hold.isHeld();
    // The timer that tells of a loss is among those that are late.
    return !node.clock.waking && !hold.signal.aborted;
  }

  /** Whether the store may have taken it back against the rules: an operator did, or all was lost. */
  #excused(belief: Belief): boolean {
    const { node, hold, sinceMs, invariant, lookMs } = belief;
    const lost = node.generation !== this.#truth.generation;
    const struckMs = lost ? this.#truth.foundedMs : this.#struckMs(belief);
    if (struckMs === undefined) return false;
    const fromMs = Math.max(struckMs, node.disturbedMs, sinceMs);
    const missed = node.missedMs !== undefined && node.missedMs >= struckMs;
    const boundMs = missed ? Math.max(this.#boundMs, lookMs + lookSlackMs) : this.#boundMs;
    if (this.#now() <= fromMs + boundMs) return true;
    throw new Violation(invariant, `${node.name} still believes to hold ${hold.key}, which was taken away long ago`);
  }

  /** When the operator first took anything from under it. */
  #struckMs({ tickets, lease }: Belief): number | undefined {
    let firstMs: number | undefined;
    for (const { key, created } of tickets) {
      const struckMs = this.#operator.struckMs(key, created, lease);
      if (struckMs !== undefined) firstMs = Math.min(struckMs, firstMs ?? struckMs);
    }
    return firstMs;
  }

  #checkTrue({ node, tickets, lease, invariant }: Belief): void {
    for (const { key, created } of tickets) {
      const entry = this.#truth.get(key);
      if (entry?.created === created && entry.lease === lease) continue;
      throw new Violation(invariant, `${node.name} believes to hold ${key}, which the store has not`);
    }
  }

  #checkAlone(belief: Belief, holders: Map<string, Belief>): void {
    const { resources, hold, invariant } = belief;
    for (const resource of resources) {
      const other = holders.get(resource);
      if (other !== undefined && (other.exclusive || belief.exclusive)) {
        throw new Violation(invariant, `${other.hold.key} and ${hold.key} are believed to be held at once`);
      }
      holders.set(resource, belief);
    }
  }
}
