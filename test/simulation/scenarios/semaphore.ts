/**
 * Semaphore: a few processes hold some of a few permits, few or many at a time, while the limit changes.
 *
 * SM1: those that were let in, and are in line at a revision, have no more permits than there ever were, and so it is
 * believed. SM2: a hold has as many permits as were asked for. SM3: all go by one
 * limit: who gives another one is refused, who gives the first or the present one is not. SM4: who believes to hold,
 * holds. SM5: nobody is granted what was gone before it was last looked for. SM6: nobody overtakes: who is let in fits,
 * with all ahead, within the limit. SM7: a release takes away its own ticket only, and is true only if it did. SM8: what is
 * told was so at some moment of the call. SM9: nothing is called lost that nobody took. SL1: all permits can be had when
 * all is over. SL3: who gives up is out of the line.
 */
import { decodeText, isCoordinationError, type Permits, Semaphore } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { attempt, pause } from '../lib/life.js';
import { type LineLaw, Lines, type LineTicket, type LineTruth } from '../lib/lines.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/permits/it';
const limitKey = `${path}/limit`;
const initial = 3;
const greatest = 5;
/** Nobody but those who are wrong gives it; where one of them is the first of all, it is the limit. */
const wrong = 7;

/** One that does not say may have all. */
const permitsOf = ({ says }: LineTicket): number => Number(says['permits'] ?? Number.POSITIVE_INFINITY);

const sumOf = (tickets: readonly LineTicket[]): number => tickets.reduce((sum, ticket) => sum + permitsOf(ticket), 0);

/** The limit as the store has it, and as it was. */
class LimitTruth {
  readonly #world: SimulatedWorld;
  /** Since when it was what, oldest first; of this cluster. */
  #steps: { readonly fromMs: number; readonly limit: number }[] = [];
  #generation = 1;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    world.truth.follow(({ changes, generation, atMs }) => {
      if (generation !== this.#generation) this.#steps = [];
      this.#generation = generation;
      for (const { key, after } of changes) {
        if (key !== limitKey || after === undefined) continue;
        const { limit } = JSON.parse(decodeText(after.value)) as { limit: number };
        this.#steps.push({ fromMs: atMs, limit });
      }
    });
  }

  /** Undefined where nobody has said so yet. */
  get now(): number | undefined {
    return this.#generation === this.#world.truth.generation ? this.#steps.at(-1)?.limit : undefined;
  }

  /** The greatest that it ever was. */
  get most(): number {
    return this.now === undefined ? 0 : Math.max(...this.#steps.map(({ limit }) => limit));
  }

  /** Those that it was since then. */
  since(ms: number): readonly number[] {
    if (this.now === undefined) return [];
    const first = this.#steps.findLastIndex(({ fromMs }) => fromMs <= ms);
    return this.#steps.slice(Math.max(0, first)).map(({ limit }) => limit);
  }
}

class Stage {
  readonly world: SimulatedWorld;
  readonly lines: Lines;
  readonly line: LineTruth;
  readonly limit: LimitTruth;

  constructor(world: SimulatedWorld) {
    this.world = world;
    this.limit = new LimitTruth(world);
    const law: LineLaw = {
      names: {
        ...{ alone: 'SM1', reentrant: 'SM1', sight: 'SM5', turn: 'SM6', own: 'SM7', told: 'SM8', lost: 'SM9' },
        left: 'SL3',
      },
      entitled: (line) => {
        const limit = this.limit.now ?? 0;
        return line.filter((_, at) => sumOf(line.slice(0, at + 1)) <= limit);
      },
      together: () => true,
    };
    this.lines = new Lines(world, [path], law, '/line');
    this.line = this.lines.at(path);
    // A limit that grows lets in some that have been in line before.
    world.truth.follow(({ changes }) => {
      if (changes.some(({ key }) => key === limitKey)) this.line.judge();
    });
    world.invariant('SM1', () => this.#checkBeliefs());
  }

  /** Nobody is let in beyond the limit, so that there can be no more than the greatest of all limits. */
  checkSum(hold: Permits): void {
    const { most } = this.limit;
    const sum = hold.permits + sumOf(this.line.granted.filter(({ lease }) => lease !== undefined));
    if (sum > most) throw new Violation('SM1', `${sum} permits are held, where there never were more than ${most}`);
  }

  #checkBeliefs(): string | undefined {
    const { most } = this.limit;
    let sum = 0;
    for (const { node, hold } of this.world.beliefs.all) {
      if (node.state === 'crashed' || node.clock.frozen || node.clock.waking || node.clock.slept) continue;
      if (hold.signal.aborted || !this.line.has(hold.token)) continue;
      sum += (hold as typeof hold & { permits: number }).permits;
    }
    return sum > most ? `${sum} permits are believed to be held, where there never were more than ${most}` : undefined;
  }
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const stage = new Stage(world);
  world.run(4, async (node) => {
    stage.lines.attend(node);
    while (node.running) {
      await pause(node, 0.1 * world.ttlMs);
      const crowd = node.random.chance(0.1) ? 2 : 1;
      if (node.running) await Promise.all(Array.from({ length: crowd }, () => act(stage, node)));
    }
  });
  await world.chaos();
  await checkFree(stage);
}

/** When all is over, anybody can have all of them. */
async function checkFree({ world, lines, line }: Stage): Promise<void> {
  const node = world.node();
  lines.attend(node);
  const semaphore = new Semaphore(node.client, path, { permits: initial });
  const timeoutMs = world.boundMs;
  await semaphore.resize(initial, { timeoutMs });
  const hold = await semaphore.acquire(initial, { timeoutMs }).catch((error: unknown) => {
    throw new Violation('SL1', `not all are to be had when all is over: ${String(error)}`);
  });
  line.grant(node, hold);
  await line.release(node, hold);
}

async function act(stage: Stage, node: SimulatedNode): Promise<void> {
  const { random } = node;
  const permits = random.chance(0.1) ? wrong : random.chance(0.2) ? undefined : initial;
  const onSessionLost = random.chance(0.2) ? 'reject' : 'rejoin';
  const semaphore = new Semaphore(node.client, path, { permits, onSessionLost });
  const dice = random.next();
  if (dice < 0.06) await look(stage, node, semaphore, permits);
  else if (dice < 0.12) await resize(stage, node);
  else await turn(stage, node, semaphore, permits);
}

async function turn(stage: Stage, node: SimulatedNode, semaphore: Semaphore, permits: number | undefined) {
  const { world, line } = stage;
  const count = node.random.pick([1, 1, 1, 2, 3]);
  const way = node.random.pick(['acquire', 'acquire', 'try', 'run'] as const);
  const sinceMs = world.nowMs;
  const ended = await line.enter(node, async ({ info, ...limits }) => {
    if (way === 'try') return semaphore.tryAcquire(count, { info, ...limits });
    if (way === 'acquire') return semaphore.acquire(count, { info, ...limits });
    const task = async (hold: Permits): Promise<void> => {
      await inside(stage, node, hold, count, permits);
      line.leaving(hold.token);
    };
    await semaphore.run(task, { permits: count, info, ...limits });
    return 'done';
  });
  if (!('value' in ended)) {
    checkRefused(stage, node, { code: ended.code, sinceMs, count, permits });
    return world.sometimes(`refused ${ended.code}`);
  }
  if (ended.value === 'done') return world.sometimes('ran');
  if (ended.value === undefined) return world.sometimes('busy');
  await inside(stage, node, ended.value, count, permits);
  await line.release(node, ended.value);
}

interface Refusal {
  readonly code: string;
  readonly sinceMs: number;
  readonly count: number;
  readonly permits: number | undefined;
}

/** Another limit is refused, and so is more than there is; nothing else is. */
function checkRefused(stage: Stage, node: SimulatedNode, { code, sinceMs, count, permits }: Refusal): void {
  const { world, limit } = stage;
  if (code !== 'LIMIT_MISMATCH' || node.generation !== world.truth.generation) return;
  const limits = limit.since(sinceMs);
  if (limits.some((each) => each < count)) return;
  if (permits !== undefined && permits !== firstOf(stage) && limits.some((each) => each !== permits)) return;
  throw new Violation('SM3', `${count} permits were refused, though the limit never was less, and is the one given`);
}

async function inside(stage: Stage, node: SimulatedNode, hold: Permits, count: number, permits: number | undefined) {
  const { world, line } = stage;
  if (node.generation === world.truth.generation && line.has(hold.token)) stage.checkSum(hold);
  line.grant(node, hold);
  if (hold.permits !== count) throw new Violation('SM2', `${hold.permits} permits were given, and ${count} asked for`);
  // Whoever is the first of all is right, whatever he says.
  const others = world.truth.generation === node.generation && firstOf(stage) !== wrong;
  if (permits === wrong && others)
    throw new Violation('SM3', `${hold.key} was let in by another limit than that of all`);
  const drop = world.beliefs.add(node, hold, { invariant: 'SM4', resource: path, exclusive: false });
  try {
    await pause(node, 0.3 * world.ttlMs, hold.signal);
  } finally {
    drop();
  }
  line.checkLost(node, hold);
  world.sometimes(hold.signal.aborted ? 'lost' : `held ${hold.permits}`);
}

/** What the first one of all gave. */
function firstOf({ world }: Stage): number {
  const entry = world.truth.get(limitKey);
  return entry === undefined ? 0 : (JSON.parse(decodeText(entry.value)) as { initial: number }).initial;
}

async function resize({ world }: Stage, node: SimulatedNode): Promise<void> {
  const limit = node.random.whole(1, greatest);
  const semaphore = new Semaphore(node.client, path);
  const ended = await attempt(world, node, (limits) => semaphore.resize(limit, limits));
  world.sometimes('value' in ended ? 'resized' : 'resize refused');
}

async function look(stage: Stage, node: SimulatedNode, semaphore: Semaphore, permits: number | undefined) {
  const { world, line, limit } = stage;
  const sinceMs = world.nowMs;
  const timeoutMs = world.ttlMs;
  try {
    const told = await semaphore.limit({ timeoutMs });
    const before = [...limit.since(sinceMs), permits];
    if (node.generation === world.truth.generation && !before.includes(told)) {
      throw new Violation('SM8', `the limit was said to be ${told}, and was ${before.join(', ')}`);
    }
    const fromMs = world.nowMs;
    const [holders, waiters] = [await semaphore.holders({ timeoutMs }), await semaphore.waiters({ timeoutMs })];
    for (const [name, some] of Object.entries({ holders, waiters })) {
      const tokens = some.map(({ token }) => token);
      line.checkTold(node, fromMs, name, (all) =>
        tokens.every((token) => all.some((ticket) => ticket.token === token)),
      );
    }
    const left = await semaphore.available({ timeoutMs });
    if (left < 0 || left > Math.max(told, limit.most))
      throw new Violation('SM8', `${left} permits were said to be left`);
    world.sometimes('looked');
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
}

export const semaphore: RecipeSimulation = {
  recipe: 'semaphore',
  scenario,
  sometimes: [
    ...['held 1', 'held 2', 'held 3', 'lost', 'busy', 'ran', 'looked', 'resized', 'resize refused'],
    ...['TIMEOUT', 'aborted', 'TICKET_LOST', 'SESSION_LOST', 'LIMIT_MISMATCH'].map((code) => `refused ${code}`),
  ],
  options: { durationMs: 30_000 },
};
