/**
 * Double barrier: four processes go in and out of a barrier for three, round after round, and of one for two.
 *
 * D1: a round is full with as many members as it takes, all of whom are in at that moment, and only they pass. D2: nobody is told
 * that all have left while one is in, or still goes in later. D3: one too many is refused, and nobody else is; none waits for the
 * next round. D4: all members have the same outcome: who was told that it is out helps nobody to pass. D5: the next round
 * begins when the last one is over. DL1: who waits passes when enough are alive, and the dead keep nobody in.
 */
import { type BarrierMembership, DoubleBarrier, type Session } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { attempt, type Limits, pause } from '../lib/life.js';
import { checkCode } from '../lib/outcomes.js';
import { RoundTruth } from '../lib/round-truth.js';
import { becomes, soon } from '../lib/soon.js';
import type { RecipeSimulation } from '../recipe.js';

/** The path of the one is the beginning of the other's: they must not mix. */
const barriers = [
  { path: '/barriers/a', count: 3 },
  { path: '/barriers/ab', count: 2 },
] as const;

const enterCodes = ['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME', 'TOO_MANY_MEMBERS', 'SESSION_LOST', 'TICKET_LOST'];

async function scenario(world: SimulatedWorld): Promise<void> {
  const truths = barriers.map(({ path, count }) => new RoundTruth(world, path, count));
  world.run(4, async (node) => {
    while (node.running) {
      await pause(node, 0.2 * world.ttlMs);
      if (node.running) await turn(world, node, node.random.pick([truths[0], truths[0], truths[1]] as RoundTruth[]));
    }
  });
  await world.chaos();
  for (const { rounds } of truths) if (rounds > 1) world.sometimes('several rounds');
  // Where the leader of the store died last, there is another one by then.
  await world.sleep(6_000);
  await rounds(world, truths[0] as RoundTruth);
}

/** By the session of the client, or by one of its own. */
async function turn(world: SimulatedWorld, node: SimulatedNode, truth: RoundTruth): Promise<void> {
  const { client, random } = node;
  const opened = await attempt(world, node, () => (random.chance(0.4) ? client.openSession() : client.session()));
  checkCode(world, node, 'a session', opened, ['aborted', 'TIMEOUT', 'UNAVAILABLE', 'LEASE_NOT_FOUND']);
  if (!('value' in opened)) return;
  const session = opened.value;
  const own = session !== client.liveSession();
  await visit(world, node, truth, session, own);
  if (own) await session.close();
}

async function visit(
  world: SimulatedWorld,
  node: SimulatedNode,
  truth: RoundTruth,
  session: Session,
  own: boolean,
): Promise<void> {
  const barrier = new DoubleBarrier(node.client, truth.path, truth.count, own ? { session } : {});
  const over = truth.enter(node, session.lease);
  // Nobody else need come.
  const timeoutMs = (0.3 + node.random.next()) * world.ttlMs;
  const ended = await attempt(world, node, (limits) => barrier.enter({ timeoutMs, ...limits }));
  over('value' in ended ? { membership: ended.value } : ended);
  checkCode(world, node, 'an entry', ended, enterCodes);
  if (!('value' in ended)) return;
  world.sometimes('passed');
  await stay(world, node, truth, ended.value, session);
}

async function stay(
  world: SimulatedWorld,
  node: SimulatedNode,
  truth: RoundTruth,
  membership: BarrierMembership,
  session: Session,
): Promise<void> {
  const drop = world.beliefs.add(node, membership, { invariant: 'D6', resource: truth.path, exclusive: false });
  await pause(node, node.random.pick([0.3, 0.3, 1]) * world.ttlMs, membership.signal);
  drop();
  if (membership.signal.aborted) world.sometimes('lost inside');
  const leaves = node.random.chance(0.9);
  const leave = (limits: Limits): Promise<boolean> => (leaves ? membership.leave(limits) : membership.release(limits));
  const ended = await attempt(world, node, leave, 0.2);
  checkCode(world, node, 'leaving', ended);
  if (!('value' in ended) || !ended.value) truth.blur(session.lease);
  if (!('value' in ended) || !leaves) return;
  world.sometimes('left');
  truth.left(node, membership);
}

/** When all is well: the dead do not count before a round is full, and keep nobody in after. */
async function rounds(world: SimulatedWorld, truth: RoundTruth): Promise<void> {
  const [a, b, c, d] = [world.node(), world.node(), world.node(), world.node()];
  const enter = async (node: SimulatedNode): Promise<BarrierMembership> => {
    const { lease } = await node.client.session();
    const over = truth.enter(node, lease);
    const membership = await new DoubleBarrier(node.client, truth.path, truth.count).enter();
    over({ membership });
    return membership;
  };
  const start = (node: SimulatedNode): Promise<BarrierMembership> => {
    const entering = enter(node);
    world.start(node, 'its entry', entering);
    return entering;
  };
  await becomes(world, world.boundMs, 'DL1', 'all are out', () => truth.inside === 0);
  const first = start(a);
  void start(b);
  await becomes(world, 12_000, 'DL1', 'two are in', () => truth.inside === 2);
  world.crash(b);
  await becomes(world, world.expiryMs, 'DL1', 'one is dead', () => truth.inside === 1);
  const members = await soon(world, 12_000, 'DL1', 'three pass', Promise.all([first, start(c), start(d)]));
  const [one, two, three] = members as [BarrierMembership, BarrierMembership, BarrierMembership];
  if (new Set(members.map(({ round }) => round)).size !== 1)
    throw new Violation('D1', 'three passed in several rounds');
  world.crash(d);
  const leaving = [a, c].map(async (node, at) => {
    const membership = at === 0 ? one : two;
    await membership.leave();
    truth.left(node, membership);
  });
  await soon(world, world.expiryMs + 12_000, 'DL1', `two leave without ${three.key}`, Promise.all(leaving));
}

export const doubleBarrier: RecipeSimulation = {
  recipe: 'double-barrier',
  scenario,
  sometimes: [
    ...['passed', 'left', 'lost inside', 'several rounds'],
    ...['TIMEOUT', 'aborted', 'TOO_MANY_MEMBERS', 'SESSION_LOST', 'TICKET_LOST', 'UNKNOWN_OUTCOME'].map(
      (code) => `refused ${code}`,
    ),
  ],
};
