import type { Entry, LeaseId } from '../../core/store.js';
import type { Timeline } from './scheduler.js';
import type { SeededRandom } from './seeded-random.js';
import type { SimulatedService } from './service.js';
import type { Truth } from './truth.js';

/** What an operator may do to keys, behind everybody's back. Default: what he wants to those with a lease. */
export interface OperatorRules {
  readonly mayDelete?: (entry: Entry) => boolean;
  readonly mayOverwrite?: (entry: Entry) => boolean;
}

const leased = ({ lease }: Entry): boolean => lease !== undefined;

/** One who acts on the store behind everybody's back. What was done is remembered, so that it is held against nobody else. */
export class Operator {
  readonly #service: SimulatedService;
  readonly #truth: Truth;
  readonly #timeline: Timeline;
  readonly #struckLeases = new Map<LeaseId, number>();
  readonly #struckKeys = new Map<string, Map<bigint, number>>();
  readonly #overwritten = new Set<string>();
  rules: OperatorRules = {};

  constructor(service: SimulatedService, truth: Truth, timeline: Timeline) {
    this.#service = service;
    this.#truth = truth;
    this.#timeline = timeline;
  }

  /** When the operator took this ticket, or the lease under it, from its holder; undefined where he did not. */
  struckMs(key: string, created: bigint, lease?: LeaseId): number | undefined {
    return this.#struckKeys.get(key)?.get(created) ?? (lease === undefined ? undefined : this.#struckLeases.get(lease));
  }

  /** Ends a lease. Returns whether there was such a lease. */
  expire(lease: LeaseId): boolean {
    this.#struckLeases.set(lease, this.#timeline.now());
    return this.#service.revokeLease(lease);
  }

  expireAll(): boolean {
    const { leases } = this.#truth;
    for (const { id } of leases) this.expire(id);
    return leases.length > 0;
  }

  deleteKey(key: string): void {
    this.#strike(key);
    this.#service.cluster.deleteKey(key);
  }

  overwriteKey(key: string, value: Uint8Array | string = 'overwritten'): void {
    this.#strike(key);
    this.#overwritten.add(key);
    this.#service.cluster.putKey(key, value);
  }

  /** Any one that the rules allow. Returns whether there was one. */
  deleteAny(random: SeededRandom): boolean {
    const entry = this.#any(random, this.rules.mayDelete ?? leased);
    if (entry !== undefined) this.deleteKey(entry.key);
    return entry !== undefined;
  }

  overwriteAny(random: SeededRandom): boolean {
    const entry = this.#any(random, this.rules.mayOverwrite ?? leased);
    if (entry !== undefined) this.overwriteKey(entry.key);
    return entry !== undefined;
  }

  /** @internal Another cluster, in which leases and revisions may be called alike: of that, nothing was done to any. */
  forget(): void {
    this.#struckLeases.clear();
    this.#struckKeys.clear();
    this.#overwritten.clear();
  }

  /** Takes away what only he can: what he has overwritten hangs on no lease any more. */
  tidy(): void {
    for (const key of this.#overwritten) {
      if (this.#truth.get(key)?.lease === undefined) this.deleteKey(key);
    }
    this.#overwritten.clear();
  }

  #any(random: SeededRandom, wanted: (entry: Entry) => boolean): Entry | undefined {
    const entries = this.#truth.under().filter(wanted);
    return entries.length === 0 ? undefined : random.pick(entries);
  }

  #strike(key: string): void {
    const entry = this.#truth.get(key);
    if (entry === undefined) return;
    const times = this.#struckKeys.get(key) ?? new Map<bigint, number>();
    this.#struckKeys.set(key, times.set(entry.created, this.#timeline.now()));
  }
}
