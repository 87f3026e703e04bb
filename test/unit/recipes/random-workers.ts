import type { Hold } from '../../../src/core/hold.js';
import { sleep } from '../../../src/core/signals.js';
import { put } from '../../../src/core/store.js';
import { isCoordinationError } from '../../../src/errors.js';
import { Election, type Term } from '../../../src/recipes/election.js';
import { Mutex } from '../../../src/recipes/mutex.js';
import type { Node } from './random-node.js';
import { codeOf, Violation } from './random-truth.js';
import type { Belief, RandomWorld } from './random-world.js';

/** What a wait may be ended by. */
interface Limits {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What a client does all day. */
export async function work(world: RandomWorld, node: Node): Promise<void> {
  while (node.state === 'up' && !world.ending) {
    await sleep(node.process, world.dice.next() * world.ttlMs * 0.3);
    if (node.state === 'up' && !world.ending) await turn(world, node);
  }
}

async function turn(world: RandomWorld, node: Node): Promise<void> {
  const { dice, ttlMs } = world;
  const path = dice.pick(world.paths);
  const limits: Limits = dice.chance(0.4) ? { timeoutMs: 1 + dice.next() * 2 * ttlMs } : {};
  const reason = new Error('The worker changed its mind.');
  const controller = new AbortController();
  const abortMs = dice.chance(0.4) ? dice.next() * 2 * ttlMs : undefined;
  const cancel = abortMs === undefined ? () => {} : node.process.after(abortMs, () => controller.abort(reason));
  const signal = abortMs === undefined ? {} : { signal: controller.signal };
  try {
    await oneOf(world, node, path, { ...limits, ...signal });
  } catch (error) {
    world.tally.refused++;
    world.note(node, `refused ${path} ${codeOf(error)}`);
    checkRefusal(world, node, error, { ...limits, ...signal });
  } finally {
    cancel();
  }
}

/** Why a wait, or what was done under it, may have failed. */
function checkRefusal(world: RandomWorld, node: Node, error: unknown, limits: Limits): void {
  if (error instanceof Violation) throw error;
  const { signal, timeoutMs } = limits;
  if (signal?.aborted && error === signal.reason) return;
  const allowed = ['SESSION_CLOSED', 'CLOSED'].filter(() => node.state !== 'up');
  if (timeoutMs !== undefined) allowed.push('TIMEOUT');
  if (world.struck.has('deleteTicket') || world.struck.has('overwriteTicket')) allowed.push('TICKET_LOST');
  if (world.struck.has('revokeLease') || world.struck.has('revokeAll')) allowed.push('TICKET_LOST');
  if (!isCoordinationError(error) || !allowed.includes(error.code)) {
    throw new Violation(`a wait of ${node.name} ended with ${codeOf(error)}, aborted: ${signal?.aborted}`);
  }
}

async function oneOf(world: RandomWorld, node: Node, path: string, limits: Limits): Promise<void> {
  const { client } = node;
  const { dice } = world;
  if (path.startsWith('/election')) {
    const election = new Election(client, path);
    if (dice.chance(0.7)) await keep(world, node, path, await election.campaign(node.name, limits));
    else await election.lead(node.name, (term) => use(world, node, path, term), limits);
    return;
  }
  const mutex = new Mutex(client, path);
  const kind = dice.pick(['acquire', 'acquire', 'try', 'run']);
  if (kind === 'acquire') await keep(world, node, path, await mutex.acquire(limits));
  if (kind === 'run') await running(world, node, path, mutex, limits);
  if (kind === 'try') {
    const hold = await mutex.tryAcquire(limits).catch(sessionLost);
    if (hold !== undefined) await keep(world, node, path, hold);
  }
}

/** An attempt at once or not at all is not made again on another session. */
function sessionLost(error: unknown): undefined {
  if (!isCoordinationError(error, 'SESSION_LOST')) throw error;
  return undefined;
}

/** A run may end with the loss of what it ran under; that says so. */
async function running(world: RandomWorld, node: Node, path: string, mutex: Mutex, limits: Limits): Promise<void> {
  let begun = false;
  const task = (hold: Hold): Promise<void> => {
    begun = true;
    return use(world, node, path, hold);
  };
  await mutex.run(task, limits).catch((error: unknown) => {
    const codes = ['SESSION_LOST', 'TICKET_LOST', 'SESSION_CLOSED'];
    if (!begun || !isCoordinationError(error) || !codes.includes(error.code)) throw error;
  });
}

/** Uses a hold, and releases it. */
async function keep(world: RandomWorld, node: Node, path: string, hold: Hold): Promise<void> {
  const { dice, cluster, ttlMs } = world;
  await use(world, node, path, hold);
  const limits = dice.chance(0.2) ? { timeoutMs: 1 + dice.next() * ttlMs } : {};
  try {
    const released = await hold.release(limits);
    world.note(node, `released ${hold.token} ${released}`);
    const { lease: own } = hold.guard as { lease: string };
    const still = cluster.entries().some(({ key, created, lease }) => {
      return key === hold.key && created === hold.token && lease === own;
    });
    if (released && still) throw new Violation(`${hold.key} was released, and is still in line`);
    checkReleased(world, node, hold, released);
  } catch (error) {
    if (!isCoordinationError(error, 'TIMEOUT') || limits.timeoutMs === undefined) throw error;
  }
}

function checkReleased(world: RandomWorld, node: Node, hold: Hold, released: boolean): void {
  const { lease } = hold.guard as { lease: string };
  // A process whose machine slept may find its lease gone before its session does.
  const leaseGone = world.cluster.leases().every(({ id }) => id !== lease);
  if (released || leaseGone || node.over.has(lease)) return;
  if (world.operator.struckMs(hold.key, hold.token, lease) !== undefined) return;
  throw new Violation(`${hold.key} was not there to be released, though nobody took it`);
}

/** Does some work under a hold, and some idling. */
async function use(world: RandomWorld, node: Node, path: string, hold: Hold): Promise<void> {
  const { dice, ttlMs } = world;
  const belief = world.granted(node, path, hold);
  try {
    for (let i = dice.whole(0, 4); i > 0 && !hold.signal.aborted; i--) {
      if (dice.chance(0.7) && !(await increment(world, belief))) break;
      if ('proclaim' in hold && dice.chance(0.3)) await proclaim(world, hold as Term);
      const holdMs = world.ending ? 0 : dice.pick([0, 0.1, 0.5]) * ttlMs * dice.next();
      await sleep(node.process, holdMs, hold.signal).catch(() => {});
    }
  } finally {
    if (hold.signal.aborted) world.tally.lost++;
    world.beliefs.delete(belief);
  }
}

const decoder = new TextDecoder();

/** Reads, and writes one more. Resolves to whether it surely did. */
async function increment(world: RandomWorld, { node, path, hold }: Belief): Promise<boolean> {
  const key = `/count${path}`;
  const counts = world.counts.get(path) ?? { known: 0, unknown: 0 };
  world.counts.set(path, counts);
  try {
    const { entries } = await node.client.store.read({ key });
    const before = entries[0] === undefined ? 0 : Number(decoder.decode(entries[0].value).split(' ')[0]);
    counts.unknown++;
    const { ok } = await hold.commit([put(key, `${before + 1} ${hold.token}`)]);
    counts.unknown--;
    if (!ok) throw new Violation(`a commit under ${hold.key} was refused for no reason`);
    counts.known++;
    return true;
  } catch (error) {
    world.note(node, `no increment ${codeOf(error)}`);
    if (error instanceof Violation) throw error;
    return false;
  }
}

async function proclaim(world: RandomWorld, term: Term): Promise<void> {
  const value = `proclaimed ${world.trace.count} ${world.dice.next()}`;
  await term.proclaim(value).then(
    () => world.stored.push({ key: term.key, value }),
    () => {},
  );
}

/** Observes the election to the end, when it must know who leads. */
export async function follow(world: RandomWorld, node: Node): Promise<void> {
  let revision = 0n;
  try {
    for await (const seen of new Election(node.client, '/election/c').observe()) {
      if (seen.revision < revision) world.fail(new Violation('an observer was told what was before'));
      revision = seen.revision;
      const what = 'token' in seen ? String(seen.token) : 'vacancy';
      world.observed.set(node, what);
      world.note(node, `sees ${what}`);
    }
  } catch (error) {
    if (!isCoordinationError(error, 'CLOSED')) world.fail(error);
  }
}
