/**
 * MultiMutex: a few processes take some of three locks at once, or one of them by a Mutex, and count under them by writes
 * that are fenced by all that they hold.
 *
 * MM1: tokens grow from holder to holder of each lock. MM2: of those that were let in, at most one is in each line at each
 * revision. MM3: a counted write carries the token of the holder of that lock, and none that was acknowledged is lost. MM4:
 * who believes to hold some, holds all of them. MM5: nobody is granted what was gone before it was last looked for. MM6:
 * nobody is served who is not the first in all of the lines. MM7: a release takes away its own tickets, all of them. MM8:
 * tickets of one acquisition come into being at one revision, in all of its lines. MM9: what is told to be busy is. MM10:
 * nothing is called lost that nobody took. ML1: all of them can be had when all is over. ML3: who gives up is out of all
 * lines. L0, too: nobody waits for one who waits for him.
 */
import { type Hold, MultiHold, MultiMutex, Mutex } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { CountedWrites } from '../lib/counted-writes.js';
import { pause } from '../lib/life.js';
import { type LineLaw, Lines } from '../lib/lines.js';
import type { RecipeSimulation } from '../recipe.js';

const paths = ['/many/a', '/many/b', '/many/c'] as const;

const law: LineLaw = {
  names: {
    ...{ order: 'MM1', alone: 'MM2', sight: 'MM5', turn: 'MM6', own: 'MM7', reentrant: 'MM2' },
    ...{ told: 'MM9', lost: 'MM10', left: 'ML3' },
  },
  entitled: (line) => line.slice(0, 1),
};

class Stage {
  readonly world: SimulatedWorld;
  readonly lines: Lines;
  readonly counts: CountedWrites;

  constructor(world: SimulatedWorld) {
    this.world = world;
    this.lines = new Lines(world, paths, law);
    this.counts = new CountedWrites(world, 'MM3', (path) => this.lines.at(path).line[0]?.token);
    world.truth.follow((revision) => this.#checkWhole(revision));
  }

  /** How many lines an acquisition stands in is the first part of its mark; see {@link turn}. */
  #checkWhole({ changes }: TrueRevision): void {
    const added = changes.filter(({ after, before }) => after !== undefined && after.created !== before?.created);
    for (const path of paths) {
      for (const { key, after } of added) {
        if (!key.startsWith(`${path}/`)) continue;
        const ticket = this.lines.at(path).line.find(({ token }) => token === after?.created);
        const count = ticket?.says['kind'] === 'multi-mutex' ? Number(ticket.says['label']) : 1;
        if (added.length === count) continue;
        this.world.fail(
          new Violation('MM8', `${key} came into being with ${added.length}, and not with ${count} tickets`),
        );
      }
    }
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const stage = new Stage(world);
  world.run(4, async (node) => {
    stage.lines.attend(node);
    while (node.running) {
      await pause(node, 0.1 * world.ttlMs);
      const crowd = node.random.chance(0.1) ? 2 : 1;
      if (node.running) await Promise.all(Array.from({ length: crowd }, () => turn(stage, node)));
    }
  });
  await world.chaos();
  await stage.counts.check();
  await checkFree(stage);
}

async function checkFree({ world, lines }: Stage): Promise<void> {
  const node = world.node();
  lines.attend(node);
  const all = new MultiMutex(node.client, paths, { label: String(paths.length) });
  const hold = await all.acquire({ timeoutMs: world.boundMs }).catch((error: unknown) => {
    throw new Violation('ML1', `not all are to be had when all is over: ${String(error)}`);
  });
  grant(lines, node, hold, paths);
  if (!(await hold.release())) throw new Violation('MM7', 'what was held to the end could not be released');
}

function grant(lines: Lines, node: SimulatedNode, hold: Hold, held: readonly string[]): void {
  const tickets = hold.guards as readonly { readonly key: string; readonly created: bigint }[];
  for (const [at, path] of held.entries()) {
    const { key, created } = tickets[at] ?? { key: hold.key, created: hold.token };
    lines.at(path).grant(node, hold, key, created);
    if (hold instanceof MultiHold && hold.tokens.get(path) !== created) {
      throw new Violation('MM1', `the token of ${path} was said to be ${hold.tokens.get(path)}, and is ${created}`);
    }
  }
}

async function turn(stage: Stage, node: SimulatedNode): Promise<void> {
  const { world, lines } = stage;
  // In any order: they are sorted by the recipe.
  const some = paths.filter(() => node.random.chance(0.6)).reverse();
  const chosen = some.length === 0 ? [node.random.pick(paths)] : some;
  const single = chosen.length === 1;
  const held = [...chosen].sort();
  const mutex = single
    ? new Mutex(node.client, chosen[0] ?? '')
    : new MultiMutex(node.client, chosen, { label: String(chosen.length) });
  const way = node.random.pick(['acquire', 'acquire', 'try', 'run'] as const);
  const sinceMs = world.nowMs;
  const line = lines.at(held[0] ?? '');
  const ended = await line.enter(node, async (limits) => {
    if (way === 'try') return mutex.tryAcquire(limits);
    if (way === 'acquire') return mutex.acquire(limits);
    await mutex.run(async (hold: Hold) => {
      await inside(stage, node, hold, held);
      for (const path of held) lines.at(path).leaving(hold.token);
    }, limits);
    return 'done';
  });
  if (!('value' in ended)) {
    const gaveUp = ended.code === 'TIMEOUT' || ended.code === 'aborted';
    for (const path of gaveUp ? held : []) lines.at(path).checkGivenUp(node, ended.info);
    return world.sometimes(`refused ${ended.code}`);
  }
  if (ended.value === 'done') return world.sometimes('ran');
  if (ended.value === undefined) {
    if (single) line.checkTold(node, sinceMs, 'busy', ({ length }) => length > 0);
    return world.sometimes('busy');
  }
  const hold: Hold = ended.value;
  await inside(stage, node, hold, held);
  for (const path of held) lines.at(path).leaving(hold.token);
  if (!(await line.release(node, hold))) return;
  const stays = held.find((path) => lines.at(path).has(hold.token));
  if (stays !== undefined) throw new Violation('MM7', `${held} were released, and ${stays} is still held`);
}

async function inside(stage: Stage, node: SimulatedNode, hold: Hold, held: readonly string[]): Promise<void> {
  const { world, lines, counts } = stage;
  grant(lines, node, hold, held);
  const drop = world.beliefs.add(node, hold, { invariant: 'MM4', resource: held });
  try {
    // So long, at times, that whoever was told nothing of a loss is found out.
    const untilMs = node.random.chance(0.04) ? world.nowMs + 3 * world.ttlMs + 7_000 : 0;
    for (let i = node.random.whole(0, 3); i > 0 && !hold.signal.aborted && untilMs === 0; i--) {
      await counts.increment(node, hold, node.random.pick(held));
      await pause(node, 0.1 * world.ttlMs, hold.signal);
    }
    while (node.running && !hold.signal.aborted && world.nowMs < untilMs) await pause(node, world.ttlMs, hold.signal);
  } finally {
    drop();
  }
  world.sometimes(hold.signal.aborted ? 'lost' : `held ${held.length}`);
}

export const multiMutex: RecipeSimulation = {
  recipe: 'multi-mutex',
  scenario,
  sometimes: [
    ...['held 1', 'held 2', 'held 3', 'lost', 'busy', 'ran', 'counted'],
    ...['TIMEOUT', 'aborted', 'TICKET_LOST'].map((code) => `refused ${code}`),
  ],
  options: { durationMs: 30_000 },
};
