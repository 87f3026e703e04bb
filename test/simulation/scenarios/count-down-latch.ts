/**
 * Count-down latch: a few processes count two latches down, wait for them, ask how many are left, and close them again.
 *
 * CD1: nobody passes a latch that was closed all the time since it came. CD2: each count that is acknowledged was made, once, with
 * the result that was told, and no other was. CD3: so is each reset, and only of a latch that is open. CD4: how many are said
 * to be left were left during the question. CL1: whoever may pass passes soon.
 */
import { CountDownLatch } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { standBy, strikeByStanders } from '../lib/by-stander.js';
import { LatchTruth, steps } from '../lib/latch-truth.js';
import { attempt, pause } from '../lib/life.js';
import { checkCode, isAmbiguous } from '../lib/outcomes.js';
import { soon } from '../lib/soon.js';
import type { RecipeSimulation } from '../recipe.js';

/** The one is the beginning of the other: they must not mix. */
const paths = ['/latches/a', '/latches/ab'] as const;
const count = 8;

const writeCodes = ['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME', 'SESSION_LOST'];

/** A latch as a process has it. */
interface Used {
  readonly truth: LatchTruth;
  readonly latch: CountDownLatch;
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const truths = paths.map((path) => new LatchTruth(world, path, count));
  strikeByStanders(world);
  world.run(4, async (node) => {
    await standBy(node);
    // The same object all the time, as it has a memory of its own.
    const used = truths.map((truth) => ({ truth, latch: new CountDownLatch(node.client, truth.path, count) }));
    while (node.running) {
      await pause(node, 0.15 * world.ttlMs);
      if (node.running) await turn(world, node, node.random.pick(used));
    }
  });
  await world.chaos();
  // Where the leader of the store died last, there is another one by then.
  await world.sleep(6_000);
  await opening(world, truths[0] as LatchTruth);
}

async function turn(world: SimulatedWorld, node: SimulatedNode, used: Used): Promise<void> {
  const what = node.random.pick(['count', 'count', 'count', 'count', 'reset', 'wait', 'wait', 'look'] as const);
  if (what === 'count') await countDown(world, node, used);
  else if (what === 'reset') await reset(world, node, used);
  else if (what === 'wait') await wait(world, node, used);
  else await look(world, node, used);
}

async function countDown(world: SimulatedWorld, node: SimulatedNode, { truth, latch }: Used): Promise<void> {
  const { log, counts, openings } = truth.of(node);
  const mark = log.mark();
  const by = node.random.pick([1, 1, 1, ...steps]);
  // It may be the one that opens it, or one of those before.
  const [some, last] = [counts.get(by)?.begin(), openings.begin()];
  const ended = await attempt(world, node, (limits) => latch.countDown({ by, ...limits }));
  checkCode(world, node, 'a count', ended, writeCodes);
  if (!('value' in ended)) {
    for (const doing of [some, last]) if (!isAmbiguous(ended)) doing?.not();
    return;
  }
  const { value: left } = ended;
  world.sometimes(left === 0 ? 'counted to the end' : 'counted');
  if (!log.someSince(mark, (state) => state.left === left)) {
    throw new Violation('CD2', `${left} are said to be left of ${truth.path}, which never were meanwhile`);
  }
  // Whether one that was told 0 has opened it, or found it open, is not said.
  if (left === 0) return some?.not();
  some?.done();
  last.not();
}

async function reset(world: SimulatedWorld, node: SimulatedNode, { truth, latch }: Used): Promise<void> {
  const doing = truth.of(node).resets.begin();
  const ended = await attempt(world, node, (limits) => latch.reset(limits));
  checkCode(world, node, 'a reset', ended, writeCodes);
  if ('value' in ended && ended.value) {
    world.sometimes('reset');
    doing.done();
  } else if (isAmbiguous(ended)) doing.unknown();
  else doing.not();
}

async function wait(world: SimulatedWorld, node: SimulatedNode, { truth, latch }: Used): Promise<void> {
  const over = truth.wait(node);
  // Nobody need come to count.
  const timeoutMs = 3 * world.ttlMs;
  const ended = await attempt(world, node, (limits) => latch.wait({ timeoutMs, ...limits }));
  over('value' in ended);
  checkCode(world, node, 'a wait', ended);
  if ('value' in ended) world.sometimes('passed');
}

async function look(world: SimulatedWorld, node: SimulatedNode, { truth, latch }: Used): Promise<void> {
  const { log } = truth.of(node);
  const mark = log.mark();
  const ended = await attempt(world, node, (limits) => latch.count(limits));
  checkCode(world, node, 'a look', ended);
  if (!('value' in ended) || log.someSince(mark, ({ left }) => left === ended.value)) return;
  throw new Violation('CD4', `${ended.value} are said to be left of ${truth.path}, which never were meanwhile`);
}

/** When all is well: it is counted down to the end, and all pass that wait, also where they cannot look before the next round. */
async function opening(world: SimulatedWorld, truth: LatchTruth): Promise<void> {
  const [counter, ...waiters] = [world.node(), world.node(), world.node()] as const;
  const latch = new CountDownLatch(counter.client, truth.path, count);
  const life = truth.of({ generation: world.truth.generation });
  const reset = async (): Promise<void> => {
    const resetting = life.resets.begin();
    if (await soon(world, 5_000, 'L0', 'a reset', latch.reset())) resetting.done();
    else resetting.not();
  };
  const passing = (): Promise<unknown> => {
    const waits = waiters.map(async (node) => {
      const over = truth.wait(node);
      await new CountDownLatch(node.client, truth.path, count).wait();
      over(true);
    });
    return soon(world, 14_000, 'CL1', 'all pass', Promise.all(waits));
  };
  const countToEnd = async (): Promise<void> => {
    for (let at = life.log.last.left - 1; at >= 0; at--) {
      const doing = at > 0 ? life.counts.get(1)?.begin() : life.openings.begin();
      const told = await soon(world, 5_000, 'L0', 'a count', latch.countDown());
      if (told !== at) throw new Violation('CD2', `${told} are said to be left of ${truth.path}, where ${at} are`);
      doing?.done();
    }
  };
  await reset();
  const all = passing();
  await world.sleep(1_000);
  await countToEnd();
  await all;
  await reset();
  const blind = passing();
  await world.sleep(1_000);
  // Opened and closed again while nobody can look, and nothing tells of it afterwards.
  for (const node of waiters) world.disconnect(node, 1_500);
  await countToEnd();
  await reset();
  world.service.cluster.compact();
  await blind;
}

export const countDownLatch: RecipeSimulation = {
  recipe: 'count-down-latch',
  scenario,
  sometimes: [
    ...['counted', 'counted to the end', 'reset', 'passed'],
    ...['refused TIMEOUT', 'refused aborted', 'refused UNKNOWN_OUTCOME'],
  ],
};
