/**
 * PersistentKey: a few processes keep keys, some of them at the same place, and change what they say.
 *
 * K1: what somebody else keeps under a living lease is never touched. K2: who believes to have the key in the store has it.
 * K3: incarnations only grow, and an update neither makes a new one nor writes what is older. K4: a key that was stopped is not
 * there, nor in the end. KL1: in the quiet, a key that was started is there with its newest value, or somebody else's is.
 */
import { type Entry, PersistentKey } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueChange, Violation } from 'coterie/testing';
import { believe } from '../lib/beliefs.js';
import { attempt, patient, pause } from '../lib/life.js';
import type { RecipeSimulation } from '../recipe.js';

const places = ['/presence/a', '/presence/b', '/presence/c'] as const;

/** A put that turns up after its key was stopped is gone after so long: the longest pause between two looks for it, and some. */
const sweepMs = 45_000;

/** One handle. What it says is its number, and how often it has said something. */
interface Kept {
  readonly node: SimulatedNode;
  readonly key: PersistentKey<string>;
  readonly number: number;
  said: number;
  isWanted: boolean;
}

function saidBy(entry: Entry | undefined): readonly [number, number] | undefined {
  if (entry === undefined || entry.lease === undefined) return undefined;
  const [number, said] = (JSON.parse(Buffer.from(entry.value).toString()) as string).split(' ');
  return [Number(number), Number(said)];
}

class Presences {
  readonly #world: SimulatedWorld;
  readonly #kept: Kept[] = [];

  constructor(world: SimulatedWorld) {
    this.#world = world;
    world.truth.follow(({ changes }) => {
      for (const change of changes) if (change.key.startsWith('/presence/')) this.#see(change);
    });
  }

  async live(node: SimulatedNode): Promise<void> {
    while (node.running) {
      await pause(node, 0.3 * this.#world.ttlMs);
      if (node.running) await this.#keep(node);
    }
  }

  async converge(): Promise<void> {
    const untilMs = this.#world.nowMs + 90_000;
    while (this.#wrong() !== undefined && this.#world.nowMs < untilMs) await this.#world.sleep(500);
    const wrong = this.#wrong();
    if (wrong !== undefined) throw wrong;
  }

  async #keep(node: SimulatedNode): Promise<void> {
    const { random } = node;
    const onTaken = random.pick(['wait', 'reject'] as const);
    const number = this.#kept.length;
    const key = new PersistentKey<string>(node.client, random.pick(places), `${number} 0`, { onTaken });
    const kept: Kept = { node, key, number, said: 0, isWanted: false };
    this.#kept.push(kept);
    const started = await attempt(this.#world, node, (limits) => key.start(patient(this.#world, limits)));
    if (!('value' in started)) return this.#world.sometimes(`not started ${started.code}`);
    kept.isWanted = true;
    this.#world.sometimes('started');
    const forget = believe(this.#world, node, key, 'K2');
    for (let n = random.whole(0, 8); n > 0 && node.running; n--) {
      await pause(node, 0.3 * this.#world.ttlMs);
      if (random.chance(0.5)) await this.#update(kept);
    }
    if (!node.running && random.chance(0.7)) return;
    await this.#stop(kept);
    forget();
  }

  async #update(kept: Kept): Promise<void> {
    const { node, key, number } = kept;
    const { incarnation } = key;
    const said = ++kept.said;
    const updated = await attempt(this.#world, node, (limits) =>
      key.update(`${number} ${said}`, patient(this.#world, limits)),
    );
    if (!('value' in updated)) return this.#world.sometimes(`not updated ${updated.code}`);
    this.#world.sometimes(
      incarnation !== undefined && key.incarnation === incarnation ? 'updated' : 'updated after a loss',
    );
  }

  async #stop(kept: Kept): Promise<void> {
    const { node, key, number } = kept;
    kept.isWanted = false;
    const before = this.#world.truth.log.at(-1)?.revision ?? 0n;
    const stopped = await attempt(this.#world, node, (limits) => key.stop(limits), 0.1);
    this.#world.sometimes('value' in stopped ? `stopped ${stopped.value}` : `not stopped ${stopped.code}`);
    const elsewhere = node.generation !== this.#world.truth.generation;
    if (!('value' in stopped) || !stopped.value || elsewhere) return;
    const there = this.#world.truth.get(key.key);
    if (there === undefined || saidBy(there)?.[0] !== number) return;
    // A put that was never answered may turn up afterwards, and is taken away then.
    if (there.created > before) {
      this.#world.after(sweepMs, () => this.#checkSwept(kept));
      return;
    }
    throw new Violation('K4', `${key.key} of ${node.name} was stopped, and is there`);
  }

  #see({ key, before, after }: TrueChange): void {
    const [was, is] = [saidBy(before), saidBy(after)];
    if (after !== undefined && before?.created === after.created) this.#seeUpdate(key, was, is);
    else if (before !== undefined && after !== undefined)
      this.#fail('K3', `${key} has another incarnation, and was never gone`);
    if (before?.lease === undefined || was === undefined || was[0] === is?.[0]) return;
    const struck = this.#world.operator.struckMs(key, before.created, before.lease) !== undefined;
    const { lease } = before;
    const owner = this.#kept[was[0]];
    // A lease that ends takes its keys along; whether it did shows when this revision is done.
    this.#world.after(0, () => {
      const lives = this.#world.truth.leases.some(({ id }) => id === lease);
      if (
        !lives ||
        struck ||
        owner === undefined ||
        !owner.isWanted ||
        owner.node.state !== 'up' ||
        owner.node.over.has(lease)
      )
        return;
      this.#fail('K1', `${key} of ${owner.node.name} was taken away, and its lease lives`);
    });
  }

  #seeUpdate(key: string, was: readonly [number, number] | undefined, is: readonly [number, number] | undefined): void {
    if (was === undefined || is === undefined) return;
    const [last, next] = [this.#kept[was[0]], this.#kept[is[0]]];
    // Who keeps a key at a place where the same process is just taking one away sees to that itself.
    const isLeft = last?.isWanted === false && last.node === next?.node;
    if (was[0] !== is[0] && !isLeft) this.#fail('K1', `${key} of ${was[0]} was written by ${is[0]}`);
    else if (was[0] === is[0] && is[1] <= was[1]) this.#fail('K3', `${key} says ${is[1]} after ${was[1]}`);
  }

  #checkSwept({ node, key, number }: Kept): void {
    const { truth, nowMs } = this.#world;
    const told = node.state === 'up' && node.generation === truth.generation && node.disturbedMs < nowMs - 10_000;
    if (!told || saidBy(truth.get(key.key))?.[0] !== number) return;
    this.#fail('K4', `${key.key} of ${node.name} was stopped, and stays`);
  }

  /** What is not as it should be in the end. */
  #wrong(): Violation | undefined {
    const { truth } = this.#world;
    const here = this.#kept.filter(({ node }) => node.state === 'up' && node.generation === truth.generation);
    for (const { node, key, number, said, isWanted } of here) {
      const found = saidBy(truth.get(key.key));
      const isThere = found?.[0] === number;
      if (!isWanted && isThere)
        return new Violation('K4', `${key.key} of ${node.name} was stopped, and is there in the end`);
      if (!isWanted || (isThere && found[1] === said && key.isPresent())) continue;
      const others = found !== undefined && !isThere && this.#kept[found[0]]?.isWanted === true;
      if (!others)
        return new Violation('KL1', `${key.key} of ${node.name} is not there as it last said: ${found}, not ${said}`);
    }
    return undefined;
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const presences = new Presences(world);
  world.run(4, (node) => presences.live(node));
  await world.chaos();
  await presences.converge();
}

export const persistentKey: RecipeSimulation = {
  recipe: 'persistent-key',
  scenario,
  sometimes: [
    ...['started', 'present', 'updated', 'updated after a loss', 'stopped true', 'stopped false'],
    ...['not started MEMBER_EXISTS', 'not started TIMEOUT', 'not updated TIMEOUT'],
  ],
};
