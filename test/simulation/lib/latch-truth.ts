import type { Entry } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { OpenWaits } from './open-waits.js';
import { StateLog } from './state-log.js';
import { Tally } from './tally.js';

/** A latch as the store has it. */
export interface LatchState {
  readonly count: number;
  readonly left: number;
  readonly round: number;
}

/** What there was of a latch in one cluster. */
interface Life {
  readonly log: StateLog<LatchState>;
  /** Counts that left some, by how many they were; and those that left none, however many they were. */
  readonly counts: ReadonlyMap<number, Tally>;
  readonly openings: Tally;
  readonly resets: Tally;
}

const decoder = new TextDecoder();

/** How many are counted at once. */
export const steps = [1, 2, 3] as const;

/** What is really the case with one latch, and whether what its users are told is that. */
export class LatchTruth {
  readonly path: string;
  readonly count: number;
  readonly #world: SimulatedWorld;
  readonly #lives = new Map<number, Life>();
  readonly #waits: OpenWaits;

  constructor(world: SimulatedWorld, path: string, count: number) {
    this.path = path;
    this.count = count;
    this.#world = world;
    world.truth.follow((revision) => this.#follow(revision));
    this.#waits = new OpenWaits(world, 'CL1', path, (generation) => isOpen(this.of({ generation }).log.last));
  }

  /** What there was of it in the cluster that a node knows. */
  of({ generation }: Pick<SimulatedNode, 'generation'>): Life {
    const known = this.#lives.get(generation);
    if (known !== undefined) return known;
    const { path, count } = this;
    const life: Life = {
      log: new StateLog<LatchState>({ count, left: count, round: 0 }),
      counts: new Map(steps.map((by) => [by, new Tally('CD2', `${path} counted down by ${by}`)])),
      openings: new Tally('CD2', `${path} counted down to the end`),
      resets: new Tally('CD3', `${path} closed for another round`),
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
      if (!passed || log.someSince(mark, isOpen)) return;
      throw new Violation('CD1', `${node.name} has passed ${this.path}, which was closed all the time`);
    };
  }

  #follow({ revision, changes, generation }: TrueRevision): void {
    for (const { key, after } of changes) {
      if (key !== this.path) continue;
      const life = this.of({ generation });
      try {
        this.#step(life, life.log.last, after);
      } catch (error) {
        this.#world.fail(error);
      }
      if (after !== undefined) life.log.push(revision, stateOf(after));
    }
  }

  #step(life: Life, before: LatchState, after: Entry | undefined): void {
    if (after === undefined) throw new Violation('CD2', `${this.path} was deleted`);
    const { count, left, round } = stateOf(after);
    if (round === before.round + 1 && before.left === 0 && left === count) {
      life.resets.happened();
      return;
    }
    const by = before.left - left;
    if (round !== before.round || by <= 0 || left < 0) {
      const [was, is] = [before, { left, round }].map((state) => `${state.left} in round ${state.round}`);
      throw new Violation('CD2', `${this.path} went from ${was} to ${is}`);
    }
    if (left > 0) {
      const tally = life.counts.get(by);
      if (tally === undefined) throw new Violation('CD2', `${this.path} was counted down by ${by}, which nobody does`);
      tally.happened();
      return;
    }
    life.openings.happened();
  }
}

function isOpen({ left }: LatchState): boolean {
  return left === 0;
}

function stateOf({ value }: Entry): LatchState {
  return JSON.parse(decoder.decode(value)) as LatchState;
}
