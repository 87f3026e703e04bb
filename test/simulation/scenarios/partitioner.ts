/**
 * Partitioner: a few processes divide shards, with different weights, and count on each, by writes that are fenced by the
 * shard.
 *
 * P1: tokens of a shard grow from owner to owner, and each count was made by the owner of that moment. P2: who believes to own
 * a shard owns it, and nobody else believes so. P3: a shard is given up only when the task on it has ended, or was lost.
 * P4: `owners` names who owned. PL1: in the quiet, every shard is worked on by one of those who take part, and all of them have
 * some. PL2: when one goes, the others keep what they had, and get what was its own.
 */
import { isCoordinationError, Partitioner, type ShardHold } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueChange, Violation } from 'coterie/testing';
import { CountedWrites } from '../lib/counted-writes.js';
import { auditMs } from '../lib/election-truth.js';
import { attempt, pause } from '../lib/life.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/work';
const shards = 12;
const keyOf = (shard: number): string => `${path}/shards/${shard}`;

/** One who takes part. */
interface Taking {
  readonly node: SimulatedNode;
  readonly partitioner: Partitioner;
  readonly stop: AbortController;
}

class Shards {
  readonly #world: SimulatedWorld;
  readonly #counts: CountedWrites;
  readonly #taking = new Set<Taking>();
  /** The tokens of those whose tasks are under way, by shard. */
  readonly #tasks = new Map<string, ShardHold>();
  readonly #tokens = new Map<string, bigint>();

  constructor(world: SimulatedWorld) {
    this.#world = world;
    this.#counts = new CountedWrites(world, 'P1', (resource) => world.truth.get(`${path}${resource}`)?.created);
    world.truth.follow(({ changes, generation }) => {
      for (const change of changes) if (change.key.startsWith(`${path}/shards/`)) this.#see(change, generation);
    });
  }

  async live(node: SimulatedNode): Promise<void> {
    while (node.running) {
      await pause(node, 0.5 * this.#world.ttlMs);
      if (node.running) await this.#takePart(node);
    }
  }

  async converge(): Promise<void> {
    await this.#until('PL1', () => this.#unowned());
    // What is still to be handed over to one who came last has been by then.
    await this.#world.sleep(2 * this.#world.expiryMs);
    await this.#allAudited();
    await this.#until('PL1', () => this.#unowned());
    await this.#counts.check();
    const [first, ...others] = this.#left();
    if (first === undefined || others.length === 0) return;
    this.#world.sometimes('shared');
    const kept = others.map(
      ({ partitioner }) => new Map([...partitioner.owned].map(([shard, { token }]) => [shard, token])),
    );
    const reason = new Error('no more');
    first.stop.abort(reason);
    this.#taking.delete(first);
    await this.#until('PL2', () => this.#unowned());
    others.forEach(({ partitioner, node }, n) => {
      for (const [shard, token] of kept[n] ?? []) {
        if (partitioner.owned.get(shard)?.token === token) continue;
        throw new Violation('PL2', `shard ${shard} of ${node.name} moved, because another one went`);
      }
    });
  }

  /** Who was not told of a member, or of its weight, divides the shards in another way until it has found that out. */
  async #allAudited(): Promise<void> {
    const audited = ({ node: { missedMs, disturbedMs } }: Taking): number =>
      missedMs === undefined ? 0 : Math.max(missedMs, disturbedMs) + auditMs;
    const untilMs = Math.max(0, ...this.#left().map(audited));
    if (untilMs > this.#world.nowMs) await this.#world.sleep(untilMs - this.#world.nowMs);
  }

  async #until(invariant: string, wrong: () => string | undefined): Promise<void> {
    const untilMs = this.#world.nowMs + 90_000;
    while (wrong() !== undefined && this.#world.nowMs < untilMs) await this.#world.sleep(500);
    const sentence = wrong();
    if (sentence !== undefined) throw new Violation(invariant, sentence);
  }

  async #takePart(node: SimulatedNode): Promise<void> {
    const { random, client } = node;
    const weight = random.pick([1, 1, 2]);
    const partitioner = new Partitioner(client, path, {
      shards,
      weight,
      id: `${node.name}-${random.whole(0, 1)}`,
      onTaken: 'wait',
    });
    const stop = new AbortController();
    const one = { node, partitioner, stop };
    this.#taking.add(one);
    let joined = false;
    partitioner.events.on('acquired', () => {
      joined = true;
    });
    const running = attempt(this.#world, node, async ({ timeoutMs }) => {
      const limits = timeoutMs === undefined ? {} : { timeoutMs };
      await partitioner
        .run((hold, signal) => this.#task(node, hold, signal), { signal: stop.signal, ...limits })
        .catch((error) => {
          if (error !== stop.signal.reason) throw error;
        });
    });
    const ended = running.then((how) => this.#world.sometimes('value' in how ? 'ended' : `not taken part ${how.code}`));
    const turns = random.whole(1, 15);
    for (let n = 0; n < turns && node.running; n++) {
      await pause(node, this.#world.ttlMs);
      if (random.chance(0.2)) await this.#checkOwners(node, partitioner);
    }
    if (!node.running && random.chance(0.8)) {
      void ended.then(() => this.#taking.delete(one));
      return;
    }
    this.#taking.delete(one);
    stop.abort(new Error('enough'));
    await ended;
    if (joined && [...this.#tasks.values()].some((hold) => partitioner.owned.has(hold.shard))) {
      throw new Violation('P3', `${node.name} has ended, and its tasks have not`);
    }
  }

  async #task(node: SimulatedNode, hold: ShardHold, signal: AbortSignal): Promise<void> {
    const { shard, token } = hold;
    const drop = this.#world.beliefs.add(node, hold, { invariant: 'P2', resource: keyOf(shard) });
    const name = `${node.generation} ${shard} ${token}`;
    this.#tasks.set(name, hold);
    this.#world.sometimes('worked');
    try {
      while (!signal.aborted) {
        await pause(node, this.#world.ttlMs, signal);
        if (!signal.aborted && node.random.chance(0.2)) await this.#counts.increment(node, hold, `/shards/${shard}`);
      }
      // Works on for a while after it was told to stop.
      await pause(node, 300);
    } finally {
      this.#world.sometimes(hold.signal.aborted ? 'lost' : 'given up');
      this.#tasks.delete(name);
      drop();
    }
  }

  async #checkOwners(node: SimulatedNode, partitioner: Partitioner): Promise<void> {
    const ended = await attempt(this.#world, node, (limits) => partitioner.owners(limits));
    if (!('value' in ended)) return;
    for (const { shard, token } of ended.value) {
      if (token <= (this.#tokens.get(`${node.generation} ${keyOf(shard)}`) ?? -1n)) continue;
      throw new Violation('P4', `${token} is said to own shard ${shard}, and never did`);
    }
    if (ended.value.length > 0) this.#world.sometimes('owners');
  }

  #see({ key, before, after }: TrueChange, generation: number): void {
    if (after !== undefined && after.created === after.modified) {
      const name = `${generation} ${key}`;
      if (after.created <= (this.#tokens.get(name) ?? -1n))
        this.#fail('P1', `token ${after.created} of ${key} came too late`);
      this.#tokens.set(name, after.created);
    }
    if (before === undefined || after?.created === before.created) return;
    const hold = this.#tasks.get(`${generation} ${key.slice(path.length + '/shards/'.length)} ${before.created}`);
    const struck = this.#world.operator.struckMs(key, before.created, before.lease) !== undefined;
    const { lease } = before;
    // A lease that ends takes its keys along; whether it did shows when this revision is done.
    this.#world.after(0, () => {
      const lives = this.#world.truth.leases.some(({ id }) => id === lease);
      const isLost = hold?.signal.aborted === true && !isCoordinationError(hold.signal.reason, 'RELEASED');
      if (hold === undefined || !lives || struck || isLost) return;
      if (!this.#tasks.has(`${generation} ${hold.shard} ${hold.token}`)) return;
      this.#fail('P3', `${key} was given up, and the task on it goes on`);
    });
  }

  #left(): Taking[] {
    const { truth } = this.#world;
    return [...this.#taking].filter(({ node }) => node.state === 'up' && node.generation === truth.generation);
  }

  #unowned(): string | undefined {
    const left = this.#left();
    if (left.length === 0) return undefined;
    for (let shard = 0; shard < shards; shard++) {
      const owners = left.filter(({ partitioner }) => partitioner.owned.get(shard)?.isHeld());
      if (owners.length !== 1) return `shard ${shard} has ${owners.length} owners of ${left.length}`;
    }
    const working = [...this.#tasks.values()].filter((hold) => hold.isHeld()).length;
    return working < shards ? `only ${working} of ${shards} shards are worked on` : undefined;
  }

  #fail(invariant: string, sentence: string): void {
    this.#world.fail(new Violation(invariant, sentence));
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const work = new Shards(world);
  world.run(4, (node) => work.live(node));
  await world.chaos();
  await work.converge();
}

export const partitioner: RecipeSimulation = {
  recipe: 'partitioner',
  scenario,
  options: { durationMs: 30_000 },
  sometimes: ['worked', 'counted', 'lost', 'given up', 'ended', 'owners', 'shared', 'not taken part TIMEOUT'],
};
