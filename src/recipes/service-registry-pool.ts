import type { ClientContext } from '../core/context.js';
import { type Candidate, choosers, newCandidate, type Strategy } from './service-registry-balance.js';
import { type Ejection, ejectedOf, forgive, punish } from './service-registry-ejection.js';
import type { Instance } from './service-registry-instance.js';

/** What an {@link InstancePool} is made from. */
export interface PoolParts<Meta> {
  readonly client: Pick<ClientContext, 'clock' | 'random'>;
  readonly strategy: Strategy;
  readonly ejection: Ejection;
  /** Must not throw. */
  filter(instance: Instance<Meta>): boolean;
}

/** The instances of a view with what a resolver has learnt about them, and the choice among them. */
export class InstancePool<Meta> {
  readonly #parts: PoolParts<Meta>;
  #candidates = new Map<string, Candidate<Meta>>();
  /** Those that may be picked. */
  #fit: readonly Candidate<Meta>[] = [];

  constructor(parts: PoolParts<Meta>) {
    this.#parts = parts;
  }

  /** Takes over a view. What was learnt about an instance stays for as long as it has the same incarnation. */
  update(instances: readonly Instance<Meta>[]): void {
    const before = this.#candidates;
    this.#candidates = new Map(
      instances.map((instance) => [instance.id, this.#meet(instance, before.get(instance.id))]),
    );
    this.#fit = [...this.#candidates.values()].filter(({ leftOut }) => leftOut === undefined);
  }

  /** One of those that may be picked and are not ejected; an ejected one only where nothing else is left. */
  choose(key: string, exclude: readonly string[]): Candidate<Meta> | undefined {
    const fit = exclude.length === 0 ? this.#fit : this.#fit.filter(({ instance }) => !exclude.includes(instance.id));
    if (fit.length === 0) return undefined;
    const ejected = this.ejected();
    const well = ejected.size === 0 ? fit : fit.filter((one) => !ejected.has(one));
    const { client, strategy } = this.#parts;
    return choosers[strategy](well.length === 0 ? fit : well, client.random, key);
  }

  ejected(): ReadonlySet<Candidate<Meta>> {
    return ejectedOf(this.#fit, this.#parts.ejection, this.#parts.client.clock.now());
  }

  /** Takes note of a failure. Returns how long the instance is out from now on, undefined where this changes nothing. */
  failed(instance: Instance<Meta>): number | undefined {
    const candidate = this.#find(instance);
    const now = this.#parts.client.clock.now();
    if (candidate === undefined || candidate.ejectedUntil > now) return undefined;
    punish(candidate, this.#parts.ejection, now);
    return candidate.ejectedUntil - now;
  }

  succeeded(instance: Instance<Meta>): void {
    const candidate = this.#find(instance);
    if (candidate !== undefined) forgive(candidate);
  }

  /** How many there are, and why how many of them may not be picked, in words. */
  describe(): string {
    const counts = new Map<string, number>();
    for (const { leftOut } of this.#candidates.values()) {
      if (leftOut !== undefined) counts.set(leftOut, (counts.get(leftOut) ?? 0) + 1);
    }
    const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`);
    return [`${this.#candidates.size} known`, ...reasons].join(', ');
  }

  get size(): number {
    return this.#candidates.size;
  }

  /** What is said of an earlier life of an instance is no news of this one. */
  #find({ id, incarnation }: Instance<Meta>): Candidate<Meta> | undefined {
    const candidate = this.#candidates.get(id);
    return candidate?.instance.incarnation === incarnation ? candidate : undefined;
  }

  #meet(instance: Instance<Meta>, known: Candidate<Meta> | undefined): Candidate<Meta> {
    if (known?.instance === instance) return known;
    const same = known?.instance.incarnation === instance.incarnation ? known : undefined;
    const candidate = same ?? newCandidate(instance, this.#parts.client.random);
    candidate.instance = instance;
    candidate.leftOut = this.#reasonAgainst(instance);
    return candidate;
  }

  #reasonAgainst(instance: Instance<Meta>): Candidate<Meta>['leftOut'] {
    if (!instance.healthy) return 'unhealthy';
    if (instance.weight === 0) return 'drained';
    return this.#parts.filter(instance) ? undefined : 'filtered';
  }
}
