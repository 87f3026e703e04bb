/**
 * Mutex: a few processes take turns on two locks and count under them, by writes that are fenced by the lock.
 *
 * M1: tokens grow from holder to holder. M3: a counted write carries the token of the holder at that revision, and none that
 * was acknowledged is lost. M4: who believes to hold, holds. M5: nobody is granted what is gone. M7: a release takes away
 * its own ticket only, and is true only if it did.
 */
import { type Hold, Mutex } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { CountedWrites } from '../lib/counted-writes.js';
import { attempt, pause } from '../lib/life.js';
import type { RecipeSimulation } from '../recipe.js';

const paths = ['/locks/a', '/locks/b'] as const;

async function scenario(world: SimulatedWorld): Promise<void> {
  const newest = new Map<string, bigint>();
  const counts = new CountedWrites(world, 'M3', (path) => world.truth.under(`${path}/`)[0]?.created);
  world.run(4, async (node) => {
    while (node.running) {
      await pause(node, 0.1 * world.ttlMs);
      if (node.running) await turn(world, node, counts, newest);
    }
  });
  await world.chaos();
  await counts.check();
}

async function turn(world: SimulatedWorld, node: SimulatedNode, counts: CountedWrites, newest: Map<string, bigint>) {
  const path = node.random.pick(paths);
  const mutex = new Mutex(node.client, path);
  const tries = node.random.chance(0.2);
  const ended = await attempt(world, node, (limits) => (tries ? mutex.tryAcquire(limits) : mutex.acquire(limits)));
  if (!('value' in ended)) return world.sometimes(`refused ${ended.code}`);
  const hold = ended.value;
  if (hold === undefined) return world.sometimes('busy');
  checkGrant(world, node, hold, newest, path);
  const drop = world.beliefs.add(node, hold, { invariant: 'M4', resource: path });
  try {
    for (let i = node.random.whole(0, 3); i > 0 && !hold.signal.aborted; i--) {
      await counts.increment(node, hold, path);
      await pause(node, 0.1 * world.ttlMs, hold.signal);
    }
  } finally {
    drop();
  }
  world.sometimes(hold.signal.aborted ? 'lost' : 'held');
  await release(world, node, hold);
}

function checkGrant(
  world: SimulatedWorld,
  node: SimulatedNode,
  hold: Hold,
  newest: Map<string, bigint>,
  path: string,
): void {
  const { lease } = hold.guard as { lease: string };
  const generation = `${node.generation} ${path}`;
  if (world.operator.struckMs(hold.key, hold.token, lease) !== undefined) return;
  if (node.generation !== world.truth.generation) return;
  if (!hold.isHeld()) throw new Violation('M5', `${hold.key} was granted when it was lost already`);
  if (hold.token <= (newest.get(generation) ?? 0n)) throw new Violation('M1', `token ${hold.token} came too late`);
  newest.set(generation, hold.token);
}

async function release(world: SimulatedWorld, node: SimulatedNode, hold: Hold): Promise<void> {
  const ended = await attempt(world, node, (limits) => hold.release(limits), 0.1);
  if (!('value' in ended)) return;
  const entry = world.truth.get(hold.key);
  // What an operator has overwritten is not ours any more.
  if (
    ended.value &&
    entry?.created === hold.token &&
    entry.lease !== undefined &&
    node.generation === world.truth.generation
  ) {
    throw new Violation('M7', `${hold.key} was released, and is still in line`);
  }
}

export const mutex: RecipeSimulation = {
  recipe: 'mutex',
  scenario,
  sometimes: ['held', 'lost', 'busy', 'refused TIMEOUT', 'refused aborted', 'refused TICKET_LOST', 'counted'],
};
