import type { Entry } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { StateLog } from './state-log.js';
import { Tally } from './tally.js';

/** One that waits at the barrier. */
interface Waiting {
  readonly node: SimulatedNode;
  readonly mark: number;
}

/** What there was of a barrier in one cluster. */
interface Life {
  /** What held it up; undefined while it was down. */
  readonly log: StateLog<Entry | undefined>;
  readonly holds: Tally;
  readonly releases: Tally;
  /** Since when those may pass that have waited since then. */
  downMs: number;
}

/** What is really the case at one barrier, and whether what its users are told is that. */
export class BarrierTruth {
  readonly path: string;
  readonly #world: SimulatedWorld;
  readonly #lives = new Map<number, Life>();
  readonly #waiting = new Set<Waiting>();
  /** What has taken the barrier down: a release, unless its lease is gone. */
  #fallen: { readonly life: Life; readonly before: Entry }[] = [];

  constructor(world: SimulatedWorld, path: string) {
    this.path = path;
    this.#world = world;
    world.truth.follow((revision) => this.#follow(revision));
    world.invariant('B2', () => this.#released());
    world.invariant('BL1', () => this.#stuck());
  }

  /** What there was of it in the cluster that a node knows. */
  of({ generation }: Pick<SimulatedNode, 'generation'>): Life {
    const known = this.#lives.get(generation);
    if (known !== undefined) return known;
    const life = {
      log: new StateLog<Entry | undefined>(undefined),
      holds: new Tally('B2', `${this.path} held up`),
      releases: new Tally('B2', `${this.path} released`),
      downMs: 0,
    };
    this.#lives.set(generation, life);
    return life;
  }

  /** A node waits, from now until what is returned is called with whether it passed. */
  wait(node: SimulatedNode): (passed: boolean) => void {
    const { log } = this.of(node);
    const waiting = { node, mark: log.mark() };
    this.#waiting.add(waiting);
    return (passed) => {
      this.#waiting.delete(waiting);
      if (!passed || log.someSince(waiting.mark, isDown)) return;
      throw new Violation('B1', `${node.name} has passed ${this.path}, which was up all the time`);
    };
  }

  #follow({ revision, changes, generation, atMs }: TrueRevision): void {
    const life = this.of({ generation });
    for (const { key, before, after } of changes) {
      if (key !== this.path) continue;
      life.log.push(revision, after);
      if (before === undefined && after !== undefined) this.#tell(() => life.holds.happened());
      if (before === undefined || after !== undefined) continue;
      life.downMs = atMs;
      if (this.#world.operator.struckMs(key, before.created, before.lease) === undefined) {
        this.#fallen.push({ life, before });
      }
    }
  }

  /** What has fallen with its lease was not released. */
  #released(): undefined {
    if (this.#fallen.length === 0) return;
    const live = new Set(this.#world.truth.leases.map(({ id }) => id));
    for (const { life, before } of this.#fallen.splice(0)) {
      if (before.lease === undefined || live.has(before.lease)) life.releases.happened();
    }
  }

  /** Whoever may pass does so, as soon as news can come to it, or when it looks anyway. */
  #stuck(): string | undefined {
    const { nowMs, truth } = this.#world;
    for (const { node, mark } of this.#waiting) {
      const { log, downMs } = this.of(node);
      if (node.state !== 'up' || node.generation !== truth.generation) continue;
      if (nowMs <= Math.max(downMs, node.disturbedMs) + 18_000 || !log.someSince(mark, isDown)) continue;
      return `${node.name} still waits at ${this.path}, which was down long ago`;
    }
    return undefined;
  }

  #tell(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#world.fail(error);
    }
  }
}

export function isDown(entry: Entry | undefined): boolean {
  return entry === undefined;
}
