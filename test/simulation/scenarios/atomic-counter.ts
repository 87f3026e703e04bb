/**
 * AtomicCounter: a few processes add to one number, each time another power of two, and to a second one, small numbers of
 * either sign.
 *
 * C1: what is acknowledged was added; what is read was there while it was read. C2: nothing is added twice, and nothing of
 * which it is said that it was not; in the end, the number is the sum of what was acknowledged and of some of what is in
 * doubt. CL1: in the quiet afterwards, all who add at once get it done.
 */
import { AtomicCounter } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { CountedBits } from '../lib/counted-bits.js';
import { attempt, pause } from '../lib/life.js';
import { explain, keepLease, noNotes, surelyNot } from '../lib/registers.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/n/bits';
const sumPath = '/n/sum';

/** What the second number may be, by what was said of its additions. */
interface Sum {
  least: bigint;
  most: bigint;
}

class Counting {
  readonly bits: CountedBits;
  readonly #world: SimulatedWorld;
  /** By generation. */
  readonly #sums = new Map<number, Sum>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.bits = new CountedBits(world, path);
  }

  async live(node: SimulatedNode): Promise<void> {
    const counter = new AtomicCounter(node.client, path);
    const sum = new AtomicCounter(node.client, sumPath);
    const held = keepLease(this.#world, node);
    while (node.running) {
      await pause(node, 0.1 * this.#world.ttlMs);
      if (!node.running) break;
      const dice = node.random.next();
      if (dice < 0.4) await this.add(node, counter);
      else if (dice < 0.55)
        await Promise.all([this.add(node, counter), this.add(node, counter), this.#swap(node, counter)]);
      else if (dice < 0.7) await this.#swap(node, counter);
      else if (dice < 0.85) await this.#read(node, counter);
      else await this.#addUp(node, sum);
    }
    await held;
  }

  async add(node: SimulatedNode, counter: AtomicCounter, giveUp?: number): Promise<void> {
    const note = this.bits.adding(node);
    const ended = await attempt(this.#world, node, (limits) => counter.add(note.bit, limits), giveUp);
    if ('value' in ended) {
      this.bits.added(note, ended.value);
      this.#world.sometimes('added');
    } else if (surelyNot(this.#world, 'add', ended)) this.bits.refused(note);
  }

  /** Adds by comparing; fails where others were quicker. */
  async #swap(node: SimulatedNode, counter: AtomicCounter): Promise<void> {
    const note = this.bits.adding(node);
    const expected = this.bits.value;
    const swap = (limits: object) => counter.compareAndSet(expected, expected + note.bit, limits);
    const ended = await attempt(this.#world, node, swap);
    if ('value' in ended && ended.value) {
      this.bits.added(note);
      this.#world.sometimes('swapped');
    } else if ('value' in ended || surelyNot(this.#world, 'swap', ended)) this.bits.refused(note);
  }

  async #read(node: SimulatedNode, counter: AtomicCounter): Promise<void> {
    const from = this.bits.value;
    const ended = await attempt(this.#world, node, (limits) => counter.get(limits));
    if ('value' in ended) this.bits.read(node, from, ended.value);
    else explain(this.#world, 'get', ended);
  }

  async #addUp(node: SimulatedNode, counter: AtomicCounter): Promise<void> {
    const amount = BigInt(node.random.whole(-3, 3));
    const one = node.random.chance(0.3);
    const sum = this.#sums.get(node.generation) ?? { least: 0n, most: 0n };
    this.#sums.set(node.generation, sum);
    const added = one ? 1n : amount;
    // In doubt, until it is told otherwise.
    if (added > 0n) sum.most += added;
    else sum.least += added;
    const add = (limits: object) => (one ? counter.increment(limits) : counter.add(amount, limits));
    const ended = await attempt(this.#world, node, add);
    if ('value' in ended) {
      if (added > 0n) sum.least += added;
      else sum.most += added;
    } else if (surelyNot(this.#world, 'add', ended)) {
      if (added > 0n) sum.most -= added;
      else sum.least -= added;
    }
  }

  /** All who are left add at once, and nobody gives up; then both numbers are read. */
  async check(): Promise<void> {
    const world = this.#world;
    const nodes = [world.node(), world.node(), world.node()];
    const counters = nodes.map((node) => new AtomicCounter(node.client, path));
    let left = 0;
    for (const [at, node] of nodes.entries()) {
      for (let i = 0; i < 5; i++) {
        left++;
        const counter = counters[at] as AtomicCounter;
        world.start(
          node,
          'add',
          this.add(node, counter, 0).then(() => void left--),
        );
      }
    }
    const untilMs = world.nowMs + 10_000;
    while (left > 0 && world.nowMs < untilMs) await world.sleep(20);
    if (left > 0) throw new Violation('CL1', `${left} additions have not ended after 10 seconds of quiet`);
    const [node] = nodes as [SimulatedNode];
    this.bits.read(node, this.bits.value, await new AtomicCounter(node.client, path).get());
    const found = await new AtomicCounter(node.client, sumPath).get();
    const { least, most } = this.#sums.get(node.generation) ?? { least: 0n, most: 0n };
    if (found < least || found > most) throw new Violation('C2', `${found}, and not between ${least} and ${most}`);
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  world.operator.rules = noNotes;
  const counting = new Counting(world);
  world.run(4, (node) => counting.live(node));
  await world.chaos();
  await counting.check();
}

export const atomicCounter: RecipeSimulation = {
  recipe: 'atomic-counter',
  scenario,
  sometimes: ['added', 'swapped', 'add TIMEOUT', 'add aborted', 'add UNKNOWN_OUTCOME'],
  options: { durationMs: 30_000 },
};
