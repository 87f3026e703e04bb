/**
 * A double barrier under random faults: members that come late, give up, lose their sessions or are cut off, more of them
 * than there is room for, round after round.
 */
import { expect, test } from 'vitest';
import { sleep } from '../../../src/core/signals.js';
import { DoubleBarrier } from '../../../src/recipes/double-barrier.js';
import { attempt, type Chance, heal, healedMs, seeds, trouble } from './random-sync-world.js';
import type { Node, World } from './world.js';

const path = '/random/barrier';
const count = 3;
const workers = 4;
const attemptsEach = 5;

/** A round as the store declared it full. */
interface Full {
  readonly members: readonly string[];
  /** The revision at which it was declared. */
  readonly revision: bigint;
}

/** What one member saw of a round: when it was let in, and when it was let out. */
interface Visit {
  readonly round: number;
  readonly key: string;
  readonly enteredAt: number;
  exitedAt: number;
}

/** Follows the store itself: who was in when a round was declared full. */
class Truth {
  readonly rounds = new Map<number, Full>();
  readonly #watch;

  constructor(world: World) {
    this.#watch = world.cluster.store().watch({ prefix: `${path}/` });
  }

  async follow(): Promise<void> {
    let alive = new Set<string>();
    for await (const batch of this.#watch) {
      const puts = batch.kind === 'snapshot' ? batch.entries : batch.puts;
      if (batch.kind === 'snapshot') alive = new Set();
      else for (const key of batch.deletes) alive.delete(key);
      for (const { key, value } of puts) {
        if (key !== `${path}/round`) alive.add(key);
        else this.#note(JSON.parse(Buffer.from(value).toString()), alive, batch.revision);
      }
    }
  }

  #note(state: { round: number; members?: string[] }, alive: ReadonlySet<string>, revision: bigint): void {
    const { round, members } = state;
    if (members === undefined) return;
    const known = this.rounds.get(round);
    if (known !== undefined) {
      // A withdrawal may write it again, as it is.
      expect(members).toEqual(known.members);
      return;
    }
    expect(new Set(members).size, 'a full round has as many members as it takes').toBe(count);
    for (const key of members) expect(alive, 'each member is alive when the round is declared full').toContain(key);
    this.rounds.set(round, { members, revision });
  }

  async end(): Promise<void> {
    await this.#watch.return();
  }
}

/** One member's visits, each on a client of its own, so that its ticket tells whose it is. */
async function work(
  world: World,
  chance: Chance,
  nodes: Node[],
  visits: Visit[],
  refused: Map<string, string>,
): Promise<void> {
  for (let i = 0; i < attemptsEach; i++) {
    await sleep(world.clock, chance.int(900));
    const node = world.node();
    nodes.push(node);
    node.store.delay(chance.pick([0, 0, 0, 100, 400, 1_200, 5_000]));
    const barrier = new DoubleBarrier(node.client, path, count);
    const timeoutMs = 500 + chance.int(4_000);
    const ended = await attempt(world, chance, (options) => barrier.enter({ timeoutMs, ...options }));
    const lease = node.client.liveSession()?.lease;
    if ('failed' in ended) {
      if (lease !== undefined) refused.set(lease, ended.failed);
      continue;
    }
    const member = ended.value;
    const visit = { round: member.round, key: member.key, enteredAt: world.clock.now(), exitedAt: Number.NaN };
    visits.push(visit);
    await sleep(world.clock, chance.int(800));
    if (chance.int(8) === 0) {
      // It dies inside, without a word.
      await node.client.store.close();
      continue;
    }
    const left = await attempt(world, chance, (options) => member.leave(options));
    if (!('value' in left)) continue;
    visit.exitedAt = world.clock.now();
    const inside = world.keys().filter((key) => truthOf(world, visit.round).includes(key));
    expect(inside, 'nobody is out before all have left or died').toEqual([]);
  }
}

/** The members of a round, where it is still the last one; nobody of an older one can be in. */
function truthOf(world: World, round: number): readonly string[] {
  const entry = world.cluster.entries().find(({ key }) => key === `${path}/round`);
  const state: { round: number; members?: string[] } = JSON.parse(Buffer.from(entry?.value ?? []).toString());
  return state.round === round
    ? (state.members ?? [])
    : world.keys().filter((key) => key.startsWith(`${path}/${round}/`));
}

function judge(truth: Truth, visits: readonly Visit[], refused: ReadonlyMap<string, string>): void {
  for (const { round, key } of visits) {
    expect(truth.rounds.get(round)?.members, 'who is let in is a member of a full round').toContain(key);
  }
  for (const [round, { members }] of truth.rounds) {
    const of = visits.filter((visit) => visit.round === round);
    const exits = of.map(({ exitedAt }) => exitedAt).filter((at) => !Number.isNaN(at));
    const entries = of.map(({ enteredAt }) => enteredAt);
    expect(Math.min(...exits), 'nobody is out before all are in').toBeGreaterThanOrEqual(
      exits.length === 0 ? 0 : Math.max(...entries),
    );
    // All members have the same outcome: none of them was told that it is out, unless it gave up or died.
    for (const key of members) {
      const lease = key.slice(key.lastIndexOf('/') + 1, key.lastIndexOf('-'));
      const told = refused.get(lease);
      expect([undefined, 'aborted', 'UNKNOWN_OUTCOME', 'SESSION_LOST']).toContain(told);
    }
  }
}

test('double barrier: a full round has all its members alive, who pass together or not at all, and leave together', async () => {
  let full = 0;
  await seeds(60, async (world, chance) => {
    const truth = new Truth(world);
    const following = truth.follow();
    const [nodes, visits, refused]: [Node[], Visit[], Map<string, string>] = [[world.node()], [], new Map()];
    let over = false;
    const troubled = trouble(world, chance, nodes, () => over, 100);
    const working = Array.from({ length: workers }, () => work(world, chance, nodes, visits, refused));
    await world.clock.advance(12_000);
    over = true;
    await world.run(troubled, healedMs);
    heal(nodes);
    await world.run(Promise.all(working), healedMs);
    // All is well again, so as many as it takes get in, and out.
    await world.clock.advance(healedMs);
    const last = Array.from({ length: count }, () => new DoubleBarrier(world.node().client, path, count).enter());
    const members = await world.run(Promise.all(last), healedMs);
    await world.run(Promise.all(members.map((member) => member.leave())), healedMs);
    await truth.end();
    await following;
    judge(truth, visits, refused);
    full += truth.rounds.size - 1;
  });
  expect(full).toBeGreaterThan(0);
}, 120_000);
