/**
 * SharedValue: a few processes set, update and delete one value, read it, and follow it.
 *
 * C1: an update is made of the value that it replaces, and what is acknowledged was made; what is read was there while it
 * was read. C2: nothing is written twice, and nothing of which it is said that it was not. C4: who follows it is shown
 * states that there were, in order, and the last one in the end.
 */
import { SharedValue } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { attempt, type Ended, pause } from '../lib/life.js';
import { explain, keepLease, noNotes, surelyNot } from '../lib/registers.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/value';

/** What is written: `by` is another one with each write, `count` one more with each update. */
interface Value {
  readonly by: number;
  readonly count: number;
  readonly set: boolean;
}

/** The value as it was from a revision on. */
interface State {
  readonly revision: bigint;
  readonly value: Value | undefined;
}

const decoder = new TextDecoder();

/** The value as the store has it, held against what was asked for. */
class Writes {
  readonly #world: SimulatedWorld;
  readonly #made = new Set<number>();
  readonly #refused = new Set<number>();
  #states: State[] = [{ revision: 0n, value: undefined }];
  #generation = 1;
  #deletes = 0;
  #deleted = 0;
  #count = 0;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    world.truth.follow((revision) => this.#follow(revision));
  }

  get last(): State {
    this.#sync();
    return this.#states.at(-1) as State;
  }

  /** A name for a write that is about to be asked for. */
  name(): number {
    return ++this.#count;
  }

  made(node: SimulatedNode, by: number): void {
    if (this.#knows(node) && !this.#made.has(by))
      throw new Violation('C1', `write ${by} is acknowledged, and not made`);
  }

  refused(node: SimulatedNode, by: number): void {
    if (!this.#knows(node)) return;
    this.#refused.add(by);
    if (this.#made.has(by)) throw new Violation('C2', `write ${by} was made, and is said not to have been`);
  }

  /** Each acknowledged delete is one that was made. */
  deleted(node: SimulatedNode): void {
    if (this.#knows(node) && ++this.#deleted > this.#deletes) throw new Violation('C1', 'nothing was deleted');
  }

  /** What was read must have been there since that state. */
  read(node: SimulatedNode, from: State, value: Value | undefined): void {
    if (!this.#knows(node)) return;
    const first = this.#states.indexOf(from);
    if (this.#states.slice(first).some((state) => state.value?.by === value?.by)) return;
    throw new Violation('C1', `the value of write ${value?.by} was read, and was not there`);
  }

  /** What somebody is shown who follows it, who was shown another state before. Returns the place of it. */
  shown(node: SimulatedNode, before: number, value: Value | undefined, revision: bigint): number {
    if (!this.#knows(node)) return -1;
    const at = this.#states.findIndex((state, n) => n > before && state.value?.by === value?.by);
    if (at === -1) throw new Violation('C4', `the value of write ${value?.by} is shown, and was not there after that`);
    // Where there is none, the revision is that of a look.
    if (value === undefined || this.#states[at]?.revision === revision) return at;
    throw new Violation('C4', `the value of write ${value.by} is said to be of revision ${revision}`);
  }

  /** Whether this is the place of the last state. */
  isLast(at: number): boolean {
    return at === this.#states.length - 1;
  }

  #knows(node: SimulatedNode): boolean {
    this.#sync();
    return node.generation === this.#generation;
  }

  #sync(generation = this.#world.truth.generation): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#states = [{ revision: 0n, value: undefined }];
    [this.#deletes, this.#deleted] = [0, 0];
    this.#made.clear();
    this.#refused.clear();
  }

  #follow({ revision, generation, changes }: TrueRevision): void {
    this.#sync(generation);
    for (const { key, after } of changes) {
      if (key !== path) continue;
      const before = this.last.value;
      const value = after === undefined ? undefined : (JSON.parse(decoder.decode(after.value)) as Value);
      this.#states.push({ revision, value });
      if (value === undefined) this.#deletes++;
      else this.#check(before, value);
    }
  }

  #check(before: Value | undefined, { by, count, set }: Value): void {
    if (!set && count !== (before?.count ?? 0) + 1) {
      this.#fail('C1', `update ${by} was made of another value than it has replaced`);
    }
    if (this.#made.has(by)) this.#fail('C2', `write ${by} was made twice`);
    if (this.#refused.has(by)) this.#fail('C2', `write ${by} was made after it was said not to be`);
    this.#made.add(by);
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }
}

/** Where somebody is who follows the value. */
interface Follower {
  readonly node: SimulatedNode;
  at: number;
}

class Sharing {
  readonly #world: SimulatedWorld;
  readonly #writes: Writes;
  readonly #followers = new Set<Follower>();
  readonly #over = new AbortController();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#writes = new Writes(world);
  }

  async live(node: SimulatedNode): Promise<void> {
    const shared = new SharedValue<Value>(node.client, path);
    const held = keepLease(this.#world, node);
    // It goes on into the quiet, so that nobody waits for its end.
    this.#follow(node, shared).catch((error: unknown) => this.#world.fail(error));
    while (node.running) {
      await pause(node, 0.1 * this.#world.ttlMs);
      if (!node.running) break;
      const dice = node.random.next();
      if (dice < 0.45) await this.#update(node, shared);
      else if (dice < 0.7) await this.#set(node, shared);
      else if (dice < 0.8) await Promise.all([this.#update(node, shared), this.#set(node, shared)]);
      else if (dice < 0.9) await this.#delete(node, shared);
      else await this.#read(node, shared);
    }
    await held;
  }

  async #update(node: SimulatedNode, shared: SharedValue<Value>): Promise<void> {
    const by = this.#writes.name();
    const change = async (value: Value | undefined): Promise<Value> => {
      if (node.random.chance(0.3)) await pause(node, 50);
      return { by, count: (value?.count ?? 0) + 1, set: false };
    };
    const ended = await attempt(this.#world, node, (limits) => shared.update(change, limits));
    this.#written(node, by, 'update', ended);
    if ('value' in ended && ended.value?.by !== by) throw new Violation('C1', 'an update came to something else');
  }

  async #set(node: SimulatedNode, shared: SharedValue<Value>): Promise<void> {
    const by = this.#writes.name();
    const value = { by, count: node.random.whole(0, 99), set: true };
    this.#written(node, by, 'set', await attempt(this.#world, node, (limits) => shared.set(value, limits)));
  }

  #written(node: SimulatedNode, by: number, what: string, ended: Ended<unknown>): void {
    if ('value' in ended) {
      this.#writes.made(node, by);
      this.#world.sometimes(what);
    } else if (surelyNot(this.#world, what, ended)) this.#writes.refused(node, by);
  }

  async #delete(node: SimulatedNode, shared: SharedValue<Value>): Promise<void> {
    const ended = await attempt(this.#world, node, (limits) => shared.delete(limits));
    if ('code' in ended) explain(this.#world, 'delete', ended);
    else if (ended.value) this.#writes.deleted(node);
  }

  async #read(node: SimulatedNode, shared: SharedValue<Value>): Promise<void> {
    const from = this.#writes.last;
    const ended = await attempt(this.#world, node, (limits) => shared.get(limits));
    if ('code' in ended) explain(this.#world, 'get', ended);
    else this.#writes.read(node, from, ended.value);
  }

  async #follow(node: SimulatedNode, shared: SharedValue<Value>): Promise<void> {
    const follower = { node, at: -1 };
    this.#followers.add(follower);
    const { signal } = this.#over;
    try {
      for await (const { value, revision } of shared.changes({ signal })) {
        follower.at = this.#writes.shown(node, follower.at, value, revision);
        this.#world.sometimes('shown');
      }
    } catch (error) {
      if (error !== signal.reason && node.state === 'up' && node.generation === this.#world.truth.generation)
        throw error;
    } finally {
      this.#followers.delete(follower);
    }
  }

  /** Everybody is shown the last state. */
  async check(): Promise<void> {
    const world = this.#world;
    const node = world.node();
    const shared = new SharedValue<Value>(node.client, path);
    // A watch that has lost an event is shown the next one; one more can still get lost.
    for (let n = 0; n < 10 && !this.#converged(); n++) {
      const by = this.#writes.name();
      await shared.set({ by, count: 0, set: true });
      this.#writes.made(node, by);
      const untilMs = world.nowMs + 2_000;
      while (!this.#converged() && world.nowMs < untilMs) await world.sleep(20);
    }
    if (!this.#converged()) throw new Violation('C4', 'one who follows the value is not shown the last state');
    this.#writes.read(node, this.#writes.last, await shared.get());
    this.#over.abort(new Error('All is done.'));
    await world.sleep(1);
  }

  #converged(): boolean {
    const { revision } = this.#writes.last;
    const live = [...this.#followers].filter(({ node: { state, generation } }) => {
      return state === 'up' && generation === this.#world.truth.generation;
    });
    return revision > 0n && live.every(({ at }) => this.#writes.isLast(at));
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  world.operator.rules = noNotes;
  const sharing = new Sharing(world);
  world.run(4, (node) => sharing.live(node));
  await world.chaos();
  await sharing.check();
}

export const sharedValue: RecipeSimulation = {
  recipe: 'shared-value',
  scenario,
  sometimes: ['update', 'set', 'shown', 'update TIMEOUT', 'set aborted', 'set UNKNOWN_OUTCOME'],
  options: { durationMs: 30_000 },
};
