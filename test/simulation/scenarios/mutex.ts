/**
 * Mutex: a few processes take turns on two locks and count under them, by writes that are fenced by the lock; beside them
 * stand the tickets of a program that is not ours.
 *
 * M1: tokens grow from holder to holder. M2: of those that were let in, at most one is in line at each revision. M3: a
 * counted write carries the token of the holder at that revision, and none that was acknowledged is lost. M4: who believes
 * to hold, holds. M5: nobody is granted what was gone before it was last looked for. M6: nobody is served but the first in
 * line. M7: a release takes away its own ticket only, and is true only if it did. M8: a second acquisition of the same
 * process waits like any other. M9: what is told of the line was so at some moment of the call. M10: nothing is called lost
 * that nobody took. ML1: the lock can be had when all is over. ML3: who gives up is out of the line. ML4: who waits by a
 * session that has ended is told so at once.
 */
import { absent, type Hold, isCoordinationError, Mutex, type MutexOptions, put, remove, type Session } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { CountedWrites } from '../lib/counted-writes.js';
import { type Limits, pause } from '../lib/life.js';
import { type LineLaw, Lines } from '../lib/lines.js';
import type { RecipeSimulation } from '../recipe.js';

/** Some begin like others: they have nothing to do with each other all the same. */
const busy = ['/locks/a', '/locks/ab'] as const;
const quiet = '/lock';
const paths = [...busy, quiet];

const law: LineLaw = {
  names: {
    ...{ order: 'M1', alone: 'M2', sight: 'M5', turn: 'M6', own: 'M7', reentrant: 'M8', told: 'M9', lost: 'M10' },
    left: 'ML3',
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
    this.counts = new CountedWrites(world, 'M3', (path) => this.lines.at(path).line[0]?.token);
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
  await stage.counts.check();
  await checkFree(stage);
}

/** When all is over, anybody can have each of the locks. */
async function checkFree({ world, lines }: Stage): Promise<void> {
  const node = world.node();
  lines.attend(node);
  for (const path of paths) {
    const hold = await new Mutex(node.client, path).acquire({ timeoutMs: world.boundMs }).catch((error: unknown) => {
      throw new Violation('ML1', `${path} is not to be had when all is over: ${String(error)}`);
    });
    lines.at(path).grant(node, hold);
    await lines.at(path).release(node, hold);
  }
}

async function act(stage: Stage, node: SimulatedNode): Promise<void> {
  const path = node.random.pick(busy);
  const dice = node.random.next();
  if (dice < 0.05) await look(stage, node, path);
  else if (dice < 0.08) await standInLine(stage, node, path);
  else if (dice < 0.12) await turn(stage, node, quiet, {});
  else if (dice < 0.2) await waitBySession(stage, node, path);
  else await turn(stage, node, path, { onSessionLost: node.random.chance(0.2) ? 'reject' : 'rejoin' });
}

async function turn(stage: Stage, node: SimulatedNode, path: string, options: MutexOptions): Promise<void> {
  const { world, lines } = stage;
  const mutex = new Mutex(node.client, path, options);
  const line = lines.at(path);
  const way = node.random.pick(['acquire', 'acquire', 'acquire', 'try', 'run'] as const);
  const sinceMs = world.nowMs;
  const ended = await line.enter(node, async (limits) => {
    if (way === 'try') return mutex.tryAcquire(limits);
    if (way === 'acquire') return toldOfEnd(stage, node, options.session, mutex.acquire(limits));
    await runWhole(stage, node, mutex, limits);
    return 'done';
  });
  if (!('value' in ended)) return world.sometimes(`refused ${ended.code}`);
  if (ended.value === 'done') return world.sometimes('ran');
  if (ended.value === undefined) {
    line.checkTold(node, sinceMs, 'busy', ({ length }) => length > 0);
    return world.sometimes('busy');
  }
  line.grant(node, ended.value);
  await work(stage, node, ended.value, path);
  await line.release(node, ended.value);
}

/** The task of `run` cannot be told from the outside to have ended well where it did not. */
async function runWhole(stage: Stage, node: SimulatedNode, mutex: Mutex, limits: Limits): Promise<void> {
  const line = stage.lines.at(mutex.path);
  let hold: Hold | undefined;
  await mutex.run(async (held) => {
    hold = held;
    line.grant(node, held);
    await work(stage, node, held, mutex.path);
    line.leaving(held.token);
  }, limits);
  if (hold === undefined) throw new Violation('M7', 'run() came to its end without its task');
  if (node.generation === stage.world.truth.generation && line.has(hold.token)) {
    throw new Violation('M7', `${hold.key} was released at the end of run(), and is still there`);
  }
}

async function work({ world, lines, counts }: Stage, node: SimulatedNode, hold: Hold, path: string): Promise<void> {
  const line = lines.at(path);
  const drop = world.beliefs.add(node, hold, { invariant: 'M4', resource: path });
  try {
    // So long, at times, that whoever was told nothing of a loss is found out.
    const untilMs = node.random.chance(0.04) ? world.nowMs + 3 * world.ttlMs + 7_000 : 0;
    for (let i = node.random.whole(0, 3); i > 0 && !hold.signal.aborted && untilMs === 0; i--) {
      await counts.increment(node, hold, path);
      await pause(node, 0.1 * world.ttlMs, hold.signal);
    }
    while (node.running && !hold.signal.aborted && world.nowMs < untilMs) await pause(node, world.ttlMs, hold.signal);
  } finally {
    drop();
  }
  line.checkLost(node, hold);
  world.sometimes(hold.signal.aborted ? 'lost' : 'held');
}

/** A session of one's own may end, by its owner's hand too, while something waits by it. */
async function waitBySession(stage: Stage, node: SimulatedNode, path: string): Promise<void> {
  const { world } = stage;
  let session: Session;
  try {
    session = await node.client.openSession({ timeoutMs: world.ttlMs });
  } catch (error) {
    if (isCoordinationError(error)) return;
    throw error;
  }
  const end = node.clock.after(world.ttlMs * 2 * node.random.next(), () => void session.close());
  try {
    await turn(stage, node, path, { session });
  } finally {
    end();
    await session.close();
  }
}

/** Three times so long, each counted by a process that stands still for none of it, is enough for what has to be told at once. */
const toldWithinMs = 2_500;

async function toldOfEnd({ world }: Stage, node: SimulatedNode, session: Session | undefined, waiting: Promise<Hold>) {
  if (session === undefined) return waiting;
  let cancel = (): void => {};
  const late = (left: number): void => {
    if (left === 0) world.fail(new Violation('ML4', `${node.name} waits by a session that has ended`));
    else cancel = node.clock.after(toldWithinMs, () => late(left - 1));
  };
  const watch = (): void => late(3);
  if (session.signal.aborted) watch();
  else session.signal.addEventListener('abort', watch, { once: true });
  try {
    return await waiting;
  } finally {
    session.signal.removeEventListener('abort', watch);
    cancel();
  }
}

async function look({ world, lines }: Stage, node: SimulatedNode, path: string): Promise<void> {
  const mutex = new Mutex(node.client, path);
  const line = lines.at(path);
  const sinceMs = world.nowMs;
  try {
    if (node.random.chance(0.5)) {
      const holder = await mutex.holder({ timeoutMs: world.ttlMs });
      line.checkTold(node, sinceMs, 'the holder', ([first]) => first?.token === holder?.token);
    } else {
      const told = (await mutex.waiters({ timeoutMs: world.ttlMs })).map(({ token }) => token).join();
      line.checkTold(
        node,
        sinceMs,
        'who waits',
        (all) =>
          told ===
          all
            .slice(1)
            .map(({ token }) => token)
            .join(),
      );
    }
    world.sometimes('looked');
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
}

/** A ticket as the Go client writes it: without a value, and nobody keeps its lease alive. */
async function standInLine({ world }: Stage, node: SimulatedNode, path: string): Promise<void> {
  const { store } = node.client;
  try {
    const { id } = await store.grant(world.ttlMs);
    const key = `${path}/${id}`;
    await store.commit([absent(key)], [put(key, '', id)]);
    world.sometimes('a foreign ticket');
    await pause(node, 0.5 * world.ttlMs);
    if (node.random.chance(0.5)) await store.commit([], [remove(key)]);
    await store.revoke(id);
  } catch (error) {
    if (!isCoordinationError(error)) throw error;
  }
}

export const mutex: RecipeSimulation = {
  recipe: 'mutex',
  scenario,
  sometimes: [
    ...['held', 'lost', 'busy', 'counted', 'ran', 'looked', 'a foreign ticket'],
    ...['TIMEOUT', 'aborted', 'TICKET_LOST', 'SESSION_LOST', 'SESSION_CLOSED'].map((code) => `refused ${code}`),
  ],
};
