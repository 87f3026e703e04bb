/**
 * ReadWriteLock: readers and writers at one lock. Writers put two numbers whose sum is nothing, by commits that are fenced
 * by the lock; readers read the one and then the other, twice.
 *
 * R1: a writer excludes all others, by what the store says of those that were let in, and by what they believe; what a
 * reader has read does not change while it holds. R2: the tokens of what is written never go back, and a reader's is no
 * less than that of all that was written before it. R3: an attempt to become a writer waits for nobody. R4: what is
 * written is written by a ticket that says so. R5: nobody is granted what was gone before it was last looked for. R6: a
 * release takes away its own ticket only, and is true only if it did. R7: what is told of the line was so at some moment of
 * the call. R8: nothing is called lost that nobody took. RL1: nobody overtakes: a reader not a writer that waits, a writer
 * nobody. RL2: the lock can be had when all is over. RL3: who gives up is out of the line.
 */
import { decodeText, isCoordinationError, put, type ReadWriteHold, ReadWriteLock } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, type TrueRevision, Violation } from 'coterie/testing';
import { attempt, pause } from '../lib/life.js';
import { type LineLaw, Lines, type LineTicket, type LineTruth } from '../lib/lines.js';
import type { RecipeSimulation } from '../recipe.js';

const path = '/rw/it';
const [left, right] = ['/data/left', '/data/right'];

const writes = ({ says }: LineTicket): boolean => says['mode'] !== 'read';

const law: LineLaw = {
  names: {
    ...{ alone: 'R1', reentrant: 'R1', sight: 'R5', turn: 'RL1', own: 'R6', told: 'R7', lost: 'R8', left: 'RL3' },
  },
  entitled: (line) => {
    const writer = line.findIndex(writes);
    if (writer === -1) return line;
    return line.slice(0, Math.max(1, writer));
  },
  // One that was upgraded, or tries to be, says that it writes. Who is let in then is seen by the line as it is.
  together: (one, other) => !writes(one) && (!writes(other) || other.says['upgraded'] === true),
};

interface Upgrade {
  readonly node: SimulatedNode;
  readonly sinceMs: number;
}

class Stage {
  readonly world: SimulatedWorld;
  readonly lines: Lines;
  readonly line: LineTruth;
  readonly upgrades = new Set<Upgrade>();
  /** Of the last that was written, in this cluster. */
  #written = 0n;
  #generation = 1;

  constructor(world: SimulatedWorld) {
    this.world = world;
    this.lines = new Lines(world, [path], law);
    this.line = this.lines.at(path);
    world.truth.follow((revision) => this.#follow(revision));
    world.invariant('R3', () => this.#checkUpgrades());
  }

  /** The token of what was written last. */
  get written(): bigint {
    return this.#generation === this.world.truth.generation ? this.#written : 0n;
  }

  #follow({ changes, generation }: TrueRevision): void {
    if (generation !== this.#generation) this.#written = 0n;
    this.#generation = generation;
    for (const { key, after } of changes) {
      if (key !== left || after === undefined) continue;
      const token = BigInt(decodeText(after.value).split(' ')[1] ?? '');
      const ticket = this.line.line.find((other) => other.token === token);
      const others = this.line.granted.filter((other) => other.token !== token);
      if (token < this.#written) this.#fail('R2', `token ${token} has written after ${this.#written}`);
      else if (ticket === undefined || !writes(ticket))
        this.#fail('R4', `${ticket?.key ?? token} wrote, and is no writer`);
      else if (others.length > 0) this.#fail('R1', `${ticket.key} has written while ${others[0]?.key} was let in`);
      this.#written = token;
    }
  }

  #checkUpgrades(): string | undefined {
    const { quiet } = this.lines;
    for (const { node, sinceMs } of this.upgrades) {
      const fromMs = Math.max(sinceMs, quiet.sinceMs(node));
      if (node.state === 'up' && fromMs + quiet.marginMs < this.world.nowMs) return `${node.name} waits to be a writer`;
    }
    return undefined;
  }

  #fail(invariant: string, sentence: string): void {
    this.world.fail(new Violation(invariant, sentence));
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

async function checkFree({ world, lines, line }: Stage): Promise<void> {
  const node = world.node();
  lines.attend(node);
  const lock = new ReadWriteLock(node.client, path);
  const hold = await lock.acquireWrite({ timeoutMs: world.boundMs }).catch((error: unknown) => {
    throw new Violation('RL2', `it is not to be had when all is over: ${String(error)}`);
  });
  line.grant(node, hold);
  await line.release(node, hold);
}

async function act(stage: Stage, node: SimulatedNode): Promise<void> {
  const { world, line } = stage;
  if (node.random.chance(0.05)) return look(stage, node);
  const mode = node.random.pick(['read', 'read', 'write'] as const);
  const way = node.random.pick(['acquire', 'acquire', 'try', 'run'] as const);
  const lock = new ReadWriteLock(node.client, path, { onSessionLost: node.random.chance(0.2) ? 'reject' : 'rejoin' });
  const ended = await line.enter(node, async (limits) => {
    if (way === 'try') return mode === 'read' ? lock.tryAcquireRead(limits) : lock.tryAcquireWrite(limits);
    if (way === 'acquire') return mode === 'read' ? lock.acquireRead(limits) : lock.acquireWrite(limits);
    const task = async (hold: ReadWriteHold): Promise<void> => {
      await inside(stage, node, hold);
      line.leaving(hold.token);
    };
    await (mode === 'read' ? lock.read(task, limits) : lock.write(task, limits));
    return 'done';
  });
  if (!('value' in ended)) return world.sometimes(`refused ${ended.code}`);
  if (ended.value === 'done') return world.sometimes('ran');
  if (ended.value === undefined) return world.sometimes('busy');
  await inside(stage, node, ended.value);
  await line.release(node, ended.value);
}

async function inside(stage: Stage, node: SimulatedNode, hold: ReadWriteHold): Promise<void> {
  const { world, line } = stage;
  const { lease } = hold.guard as { readonly lease: string };
  // What an operator has taken away before the news of its grant was there is granted too late.
  const struck = world.operator.struckMs(hold.key, hold.token, lease) !== undefined;
  const known = node.generation === world.truth.generation && !struck;
  if (known && hold.isHeld() && hold.token < stage.written) {
    throw new Violation('R2', `${hold.key} was let in by ${hold.token} after ${stage.written} had written`);
  }
  line.grant(node, hold);
  let drop = believe(stage, node, hold, hold.mode === 'write');
  try {
    for (let i = node.random.whole(1, 3); i > 0 && !hold.signal.aborted; i--) {
      const writing = hold.mode === 'write';
      const known = writing ? await write(stage, node, hold) : await readTwice(stage, node, hold);
      // What was sent and not answered may come late.
      if (known) await pause(node, 0.1 * world.ttlMs, hold.signal);
      if (!node.random.chance(known ? 0.3 : 0.9)) continue;
      drop();
      if (hold.mode === 'write') drop = await downgrade(stage, node, hold);
      else drop = await upgrade(stage, node, hold);
    }
  } finally {
    drop();
  }
  line.checkLost(node, hold);
  world.sometimes(hold.signal.aborted ? 'lost' : 'held');
}

function believe({ world }: Stage, node: SimulatedNode, hold: ReadWriteHold, exclusive: boolean): () => void {
  return world.beliefs.add(node, hold, { invariant: 'R1', resource: path, exclusive });
}

/** Resolves to whether it is known what became of it. */
async function write({ world }: Stage, node: SimulatedNode, hold: ReadWriteHold): Promise<boolean> {
  const value = node.random.whole(1, 1_000_000);
  const ops = [put(left ?? '', `${value} ${hold.token}`), put(right ?? '', `${-value} ${hold.token}`)];
  const timeoutMs = node.random.chance(0.3) ? 0.05 * world.ttlMs : undefined;
  try {
    const { ok } = await hold.commit(ops, { timeoutMs });
    if (!ok) throw new Violation('R4', `a commit under ${hold.key} was refused, and nothing was thrown`);
    world.sometimes('wrote');
    return true;
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
    return error.code !== 'UNKNOWN_OUTCOME';
  }
}

/** What was read while it was held throughout, past all doubt. */
async function readTwice({ world }: Stage, node: SimulatedNode, hold: ReadWriteHold): Promise<true> {
  const { store } = node.client;
  const numberAt = async (key: string | undefined): Promise<number> => {
    const { entries } = await store.read({ key: key ?? '' });
    return entries[0] === undefined ? 0 : Number(decodeText(entries[0].value).split(' ')[0]);
  };
  const seen: number[] = [];
  try {
    for (let i = 0; i < 2; i++) {
      seen.push(await numberAt(left));
      await pause(node, 0.02 * world.ttlMs);
      seen.push(-(await numberAt(right)));
    }
  } catch (error) {
    if (isCoordinationError(error)) return true;
    throw error;
  }
  const { lease } = hold.guard as { lease: string };
  const struck = world.operator.struckMs(hold.key, hold.token, lease) !== undefined;
  if (struck || node.generation !== world.truth.generation || !hold.isHeld()) return true;
  world.sometimes('read');
  // No number twice: what is the same has not changed.
  if (new Set(seen).size > 1) throw new Violation('R1', `${hold.key} has read ${seen.join(', ')} while it held`);
  return true;
}

async function downgrade(stage: Stage, node: SimulatedNode, hold: ReadWriteHold): Promise<() => void> {
  const ended = attempt(stage.world, node, (limits) => hold.downgrade(limits), 0.1);
  // From the call on, it is a reader.
  const drop = believe(stage, node, hold, false);
  stage.world.sometimes('value' in (await ended) ? 'downgraded' : 'downgrade refused');
  return drop;
}

/** Until it is known to be a writer, it is a reader. */
async function upgrade(stage: Stage, node: SimulatedNode, hold: ReadWriteHold): Promise<() => void> {
  const { world, upgrades } = stage;
  const asReader = believe(stage, node, hold, false);
  const upgrading = { node, sinceMs: world.nowMs };
  upgrades.add(upgrading);
  const ended = await attempt(world, node, (limits) => hold.tryUpgrade(limits), 0.1);
  upgrades.delete(upgrading);
  asReader();
  world.sometimes('value' in ended ? `upgraded: ${ended.value}` : 'upgrade refused');
  return believe(stage, node, hold, 'value' in ended && ended.value);
}

async function look({ world, line }: Stage, node: SimulatedNode): Promise<void> {
  const lock = new ReadWriteLock(node.client, path);
  const sinceMs = world.nowMs;
  try {
    const told = (await lock.holders({ timeoutMs: world.ttlMs })).map(({ token }) => token);
    // Those that hold are the first of a line as it was.
    const isFirst = (all: readonly LineTicket[]): boolean =>
      told.length === 0 ? all.length === 0 : told.every((token, at) => all[at]?.token === token);
    line.checkTold(node, sinceMs, 'who holds', isFirst);
    const [holders, waiters] = [told, await lock.waiters({ timeoutMs: world.ttlMs })];
    line.checkTold(node, sinceMs, 'who waits', (all) => {
      return waiters.every(({ token }, at) => all[all.length - waiters.length + at]?.token === token);
    });
    world.sometimes(holders.length > 1 ? 'saw several holders' : 'looked');
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
}

export const readWriteLock: RecipeSimulation = {
  recipe: 'read-write-lock',
  scenario,
  sometimes: [
    ...['held', 'lost', 'busy', 'ran', 'wrote', 'read', 'looked', 'saw several holders'],
    ...['downgraded', 'downgrade refused', 'upgraded: true', 'upgraded: false', 'upgrade refused'],
    ...['TIMEOUT', 'aborted', 'TICKET_LOST', 'SESSION_LOST'].map((code) => `refused ${code}`),
  ],
  options: { durationMs: 30_000 },
};
