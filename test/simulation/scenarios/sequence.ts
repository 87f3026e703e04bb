/**
 * Sequence: a few processes take numbers, some of them beyond what a double can tell apart.
 *
 * C3: no number is given out twice, each object gives out growing ones, and none that the store does not have as reserved.
 * CL1: in the quiet afterwards, all who ask at once are served.
 */
import { put, Sequence } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { attempt, pause } from '../lib/life.js';
import { explain, keepLease } from '../lib/registers.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/ids';
const decoder = new TextDecoder();

class Numbers {
  readonly #world: SimulatedWorld;
  readonly #block: number;
  /** Given out, of the cluster that is. */
  readonly #given = new Set<bigint>();
  /** The first that nobody has reserved. */
  #end = 1n;
  #generation = 1;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#block = world.random.pick([1, 3, 10]);
    world.truth.follow((revision) => this.#follow(revision));
  }

  async live(node: SimulatedNode): Promise<void> {
    const sequences = [this.#open(node), this.#open(node)];
    const held = keepLease(this.#world, node);
    while (node.running) {
      await pause(node, 0.1 * this.#world.ttlMs);
      const count = node.random.chance(0.3) ? node.random.whole(2, 12) : 1;
      const next = node.random.pick(sequences);
      if (node.running) await Promise.all(Array.from({ length: count }, () => next(0.3)));
    }
    await held;
  }

  /** Takes the next number, and looks at it. */
  #open(node: SimulatedNode): (giveUp: number) => Promise<void> {
    const sequence = new Sequence(node.client, path, { block: this.#block });
    let last = 0n;
    return async (giveUp) => {
      const ended = await attempt(this.#world, node, (limits) => sequence.next(limits), giveUp);
      if ('code' in ended) return explain(this.#world, 'next', ended);
      const { value } = ended;
      if (!this.#knows(node)) return;
      if (value <= last) throw new Violation('C3', `${value} was given out after ${last}`);
      if (this.#given.has(value)) throw new Violation('C3', `${value} was given out twice`);
      if (value >= this.#end) throw new Violation('C3', `${value} was given out, and nobody has reserved it`);
      last = value;
      this.#given.add(value);
      this.#world.sometimes(value > 2n ** 53n ? 'large' : 'small');
    };
  }

  async check(): Promise<void> {
    const world = this.#world;
    let left = 0;
    for (const node of [world.node(), world.node(), world.node()]) {
      const next = this.#open(node);
      for (let i = 0; i < 20; i++) {
        left++;
        world.start(
          node,
          'next',
          next(0).then(() => void left--),
        );
      }
    }
    const untilMs = world.nowMs + 10_000;
    while (left > 0 && world.nowMs < untilMs) await world.sleep(20);
    if (left > 0) throw new Violation('CL1', `${left} calls have not ended after 10 seconds of quiet`);
  }

  #knows(node: SimulatedNode): boolean {
    this.#sync();
    return node.generation === this.#generation;
  }

  #sync(generation = this.#world.truth.generation): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#end = 1n;
    this.#given.clear();
  }

  #follow({ generation, changes }: TrueRevision): void {
    this.#sync(generation);
    for (const { key, after } of changes) {
      if (key !== path || after === undefined) continue;
      const end = BigInt(decoder.decode(after.value));
      if (end <= this.#end) this.#world.fail(new Violation('C3', `${this.#end} to ${end}: numbers are reserved again`));
      this.#end = end;
    }
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const numbers = new Numbers(world);
  // Numbers near where a double cannot tell them apart any more.
  if (world.random.chance(0.5)) await world.client().store.commit([], [put(path, String(2n ** 53n - 20n))]);
  world.run(4, (node) => numbers.live(node));
  await world.chaos();
  await numbers.check();
}

export const sequence: RecipeSimulation = {
  recipe: 'sequence',
  scenario,
  sometimes: ['small', 'large', 'next TIMEOUT', 'next aborted', 'next UNAUTHENTICATED'],
  options: { durationMs: 30_000 },
};
