/**
 * Barrier: a few processes hold two barriers up, wait at them, look at them and release them; so does the operator.
 *
 * B1: nobody passes a barrier that was up all the time since it came. B2: each hold and each release that is acknowledged was
 * made, once, and no other was. B3: what is leased hangs on a lease. B4: what is said of it was so during the question. BL1:
 * whoever may pass passes soon.
 */
import { Barrier } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { BarrierTruth, isDown } from '../lib/barrier-truth.js';
import { standBy, strikeByStanders } from '../lib/by-stander.js';
import { attempt, type Ended, pause } from '../lib/life.js';
import { checkCode, isAmbiguous } from '../lib/outcomes.js';
import { becomes, soon } from '../lib/soon.js';
import type { Doing } from '../lib/tally.js';
import type { RecipeSimulation } from '../recipe.js';

/** The one is the beginning of the other: they must not mix. */
const paths = ['/barriers/a', '/barriers/ab'] as const;

const writeCodes = ['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME', 'SESSION_LOST'];

async function scenario(world: SimulatedWorld): Promise<void> {
  const truths = paths.map((path) => new BarrierTruth(world, path));
  // An operator releases it, too.
  strikeByStanders(world, ({ key }) => paths.some((path) => path === key));
  world.run(4, async (node) => {
    await standBy(node);
    // The same object all the time, as it has a memory of its own.
    const used = truths.map((truth) => use(node, truth));
    while (node.running) {
      await pause(node, 0.15 * world.ttlMs);
      if (node.running) await turn(world, node, node.random.pick(used));
    }
  });
  await world.chaos();
  // Where the leader of the store died last, there is another one by then.
  await world.sleep(6_000);
  await opening(world, truths[0] as BarrierTruth);
}

/** A barrier as a process has it. */
interface Used {
  readonly truth: BarrierTruth;
  readonly barrier: Barrier;
  readonly leased: boolean;
}

function use(node: SimulatedNode, truth: BarrierTruth): Used {
  const leased = node.random.chance(0.4);
  return { truth, leased, barrier: new Barrier(node.client, truth.path, { leased }) };
}

async function turn(world: SimulatedWorld, node: SimulatedNode, used: Used): Promise<void> {
  const what = node.random.pick(['hold', 'hold', 'release', 'release', 'wait', 'wait', 'look'] as const);
  if (what === 'hold') await hold(world, node, used);
  else if (what === 'release') await release(world, node, used);
  else if (what === 'wait') await wait(world, node, used);
  else await look(world, node, used);
}

/** What was said of a change goes into the books. */
function settle(ended: Ended<boolean>, doing: Doing): boolean {
  const did = 'value' in ended && ended.value;
  if (did) doing.done();
  else if (isAmbiguous(ended)) doing.unknown();
  else doing.not();
  return did;
}

async function hold(world: SimulatedWorld, node: SimulatedNode, { truth, barrier, leased }: Used): Promise<void> {
  const { log, holds } = truth.of(node);
  const mark = log.mark();
  const doing = holds.begin();
  const ended = await attempt(world, node, (limits) => barrier.hold(limits));
  checkCode(world, node, 'a hold', ended, writeCodes);
  if (!settle(ended, doing)) return;
  world.sometimes(leased ? 'held up on a lease' : 'held up');
  const asAsked = log.someSince(mark, (entry) => entry !== undefined && (entry.lease !== undefined) === leased);
  if (!asAsked) throw new Violation('B3', `${truth.path} was held up ${leased ? 'without' : 'with'} a lease`);
}

async function release(world: SimulatedWorld, node: SimulatedNode, { truth, barrier }: Used): Promise<void> {
  const doing = truth.of(node).releases.begin();
  const ended = await attempt(world, node, (limits) => barrier.release(limits));
  checkCode(world, node, 'a release', ended, writeCodes);
  if (settle(ended, doing)) world.sometimes('released');
}

async function wait(world: SimulatedWorld, node: SimulatedNode, { truth, barrier }: Used): Promise<void> {
  const over = truth.wait(node);
  // Nobody else need come to release it.
  const timeoutMs = 3 * world.ttlMs;
  const ended = await attempt(world, node, (limits) => barrier.wait({ timeoutMs, ...limits }));
  over('value' in ended);
  checkCode(world, node, 'a wait', ended);
  if ('value' in ended) world.sometimes('passed');
}

async function look(world: SimulatedWorld, node: SimulatedNode, { truth, barrier }: Used): Promise<void> {
  const { log } = truth.of(node);
  const mark = log.mark();
  const ended = await attempt(world, node, (limits) => barrier.isHeld(limits));
  checkCode(world, node, 'a look', ended);
  if (!('value' in ended) || log.someSince(mark, (entry) => isDown(entry) !== ended.value)) return;
  throw new Violation(
    'B4',
    `${truth.path} was said to be ${ended.value ? 'up' : 'down'}, which it never was meanwhile`,
  );
}

/** When all is well: a release lets all pass that wait, and so does the death of a holder whose barrier is leased. */
async function opening(world: SimulatedWorld, truth: BarrierTruth): Promise<void> {
  const [holder, other, ...waiters] = [world.node(), world.node(), world.node(), world.node()] as const;
  const passing = (boundMs: number): Promise<unknown> => {
    const waits = waiters.map(async (node) => {
      const over = truth.wait(node);
      await new Barrier(node.client, truth.path).wait();
      over(true);
    });
    return soon(world, boundMs, 'BL1', 'all pass', Promise.all(waits));
  };
  const bound = (what: string, promise: Promise<unknown>): Promise<unknown> => soon(world, 5_000, 'L0', what, promise);
  const { holds, releases } = truth.of({ generation: world.truth.generation });
  const release = async (): Promise<void> => {
    const releasing = releases.begin();
    if (await new Barrier(other.client, truth.path).release()) releasing.done();
    else releasing.not();
  };
  const hold = async (leased: boolean): Promise<void> => {
    const holding = holds.begin();
    if (await new Barrier(holder.client, truth.path, { leased }).hold()) holding.done();
    else holding.not();
  };
  await bound('a release', release());
  await bound('a hold', hold(false));
  await becomes(world, 1_000, 'B2', 'it is up', () => !isDown(world.truth.get(truth.path)));
  const all = passing(10_000);
  await world.sleep(1_000);
  await bound('a release', release());
  await all;
  await bound('a hold', hold(false));
  const blind = passing(10_000);
  await world.sleep(1_000);
  // Released and held up anew while nobody can look, and nothing tells of it afterwards.
  for (const node of waiters) world.disconnect(node, 1_000);
  await bound('a release', release());
  await bound('a hold', hold(false));
  world.service.cluster.compact();
  await blind;
  await bound('a release', release());
  await bound('a hold', hold(true));
  const after = passing(world.expiryMs + 12_000);
  world.crash(holder);
  await after;
}

export const barrier: RecipeSimulation = {
  recipe: 'barrier',
  scenario,
  sometimes: [
    'held up',
    'held up on a lease',
    'released',
    'passed',
    ...['TIMEOUT', 'aborted'].map((code) => `refused ${code}`),
  ],
};
