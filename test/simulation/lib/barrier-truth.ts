import type { Entry } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { OpenWaits } from './open-waits.js';
import { StateLog } from './state-log.js';
import { Tally } from './tally.js';

/** What there was of a barrier in one cluster. */
interface Life {
  /** What held it up; undefined while it was down. */
  readonly log: StateLog<Entry | undefined>;
  readonly holds: Tally;
  readonly releases: Tally;
}

/** What is really the case at one barrier, and whether what its users are told is that. */
export class BarrierTruth {
  readonly path: string;
  readonly #world: SimulatedWorld;
  readonly #lives = new Map<number, Life>();
  readonly #waits: OpenWaits;

  constructor(world: SimulatedWorld, path: string) {
    this.path = path;
    this.#world = world;
    world.truth.follow((revision) => this.#follow(revision));
    this.#waits = new OpenWaits(world, 'BL1', path, (generation) => isDown(this.of({ generation }).log.last));
  }

  /** What there was of it in the cluster that a node knows. */
  of({ generation }: Pick<SimulatedNode, 'generation'>): Life {
    const known = this.#lives.get(generation);
    if (known !== undefined) return known;
    const life = {
      log: new StateLog<Entry | undefined>(undefined),
      holds: new Tally('B2', `${this.path} held up`),
      releases: new Tally('B2', `${this.path} released`),
    };
    this.#lives.set(generation, life);
    return life;
  }

  /** A node waits, from now until what is returned is called with whether it passed. */
  wait(node: SimulatedNode): (passed: boolean) => void {
    const { log } = this.of(node);
    const mark = log.mark();
    const over = this.#waits.begin(node);
    return (passed) => {
      over();
      if (!passed || log.someSince(mark, isDown)) return;
      throw new Violation('B1', `${node.name} has passed ${this.path}, which was up all the time`);
    };
  }

  #follow({ revision, changes, generation }: TrueRevision): void {
    const change = changes.find(({ key }) => key === this.path);
    if (change === undefined) return;
    const { before, after } = change;
    const life = this.of({ generation });
    life.log.push(revision, after);
    // Neither the end of a lease nor an operator leaves a note.
    const released = changes.some(({ key, after: note }) => note !== undefined && key.startsWith(`${this.path}/ops/`));
    try {
      if (before === undefined) life.holds.happened();
      else if (after === undefined && released) life.releases.happened();
    } catch (error) {
      this.#world.fail(error);
    }
  }
}

export function isDown(entry: Entry | undefined): boolean {
  return entry === undefined;
}
