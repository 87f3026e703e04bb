/** Barriers and latches. */
import { Barrier, type BarrierMembership, type Client, CountDownLatch, DoubleBarrier } from 'coterie';
import { ask, boundMs, goesOn, isTrue, later, type PointTrial, write } from './trial.js';

const barrier = (client: Client) => new Barrier(client, '/barrier');
const latch = (client: Client) => new CountDownLatch(client, '/latch', 2);
const pair = (client: Client) => new DoubleBarrier(client, '/pair', 2);

/** Another one comes after a while, and goes in with this one, or, where this one is gone, with a third one. */
const enter: PointTrial = {
  name: 'double-barrier/enter',
  of: ['DoubleBarrier.enter'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    let beside: BarrierMembership | undefined;
    later(world, other, 2_000, async (client) => {
      beside = await pair(client).enter();
    });
    const ended = await attempt(node, (limits) => pair(node.client).enter(limits));
    if ('value' in ended) {
      // The other one was let in by the same commit, and may have to hear of it yet.
      await world.sleep(5_000);
      isTrue(beside?.round === ended.value.round, 'it is in, and the other one is not');
      await ended.value.release();
    } else {
      await world.sleep(5_000);
      if (beside === undefined) {
        await goesOn(world, 'to go in with the one that is left', async (client) => {
          await (await pair(client).enter({ timeoutMs: boundMs })).release();
        });
        await world.sleep(5_000);
      }
    }
    isTrue(beside !== undefined, 'who waited was never let in');
    await beside?.release();
  },
};

const leave: PointTrial = {
  name: 'double-barrier/leave',
  of: ['BarrierMembership.leave'],
  trial: async (world, attempt) => {
    const [node, other] = [world.node(), world.node()];
    const [mine, others] = await Promise.all([pair(node.client).enter(), pair(other.client).enter()]);
    let isOut = false;
    later(world, other, 2_000, async () => {
      isOut = true;
      await others.release();
    });
    const ended = await attempt(node, (limits) => mine.leave(limits));
    if ('value' in ended) {
      isTrue(ended.value, 'it was in, and it said that it was not');
      isTrue(isOut, 'it got out before all others did');
    }
    await world.sleep(5_000);
    isTrue(world.truth.get(mine.key)?.created !== mine.token, 'it has left, and is still there');
    await goesOn(world, 'to begin the next round', async (client) => {
      const round = () => pair(client).enter({ timeoutMs: boundMs });
      for (const member of await Promise.all([round(), round()])) await member.release();
    });
  },
};

export const syncTrials: readonly PointTrial[] = [
  write({
    name: 'barrier/hold',
    of: ['Barrier.hold'],
    operation: (client, limits) => barrier(client).hold(limits),
    right: (was) => was,
    done: (client) => barrier(client).isHeld(),
  }),
  write({
    name: 'barrier/release',
    of: ['Barrier.release'],
    before: (client) => barrier(client).hold(),
    operation: (client, limits) => barrier(client).release(limits),
    right: (was) => was,
    done: async (client) => !(await barrier(client).isHeld()),
  }),
  ask({
    name: 'barrier/isHeld',
    of: ['Barrier.isHeld'],
    before: (client) => barrier(client).hold(),
    operation: (client, limits) => barrier(client).isHeld(limits),
    right: (value) => value,
  }),
  {
    name: 'barrier/wait',
    of: ['Barrier.wait'],
    trial: async (world, attempt) => {
      const [node, other] = [world.node(), world.node()];
      await barrier(other.client).hold();
      later(world, other, 2_000, (client) => barrier(client).release());
      const ended = await attempt(node, (limits) => barrier(node.client).wait(limits));
      if ('value' in ended) isTrue(world.truth.get('/barrier') === undefined, 'it was let pass, and the barrier is up');
    },
  },
  enter,
  leave,
  write({
    name: 'count-down-latch/countDown',
    of: ['CountDownLatch.countDown'],
    operation: (client, limits) => latch(client).countDown(limits),
    right: (left) => left === 1,
    done: async (client) => {
      const left = await latch(client).count();
      isTrue(left === 1 || left === 2, `it was counted once, and ${left} are left`);
      return left === 1;
    },
  }),
  write({
    name: 'count-down-latch/countDown, beside another',
    of: ['CountDownLatch.countDown'],
    rival: (client) => latch(client).countDown(),
    operation: (client, limits) => latch(client).countDown(limits),
    done: async (client) => (await latch(client).count()) === 0,
  }),
  write({
    name: 'count-down-latch/reset',
    of: ['CountDownLatch.reset'],
    before: (client) => latch(client).countDown({ by: 2 }),
    operation: (client, limits) => latch(client).reset(limits),
    right: (was) => was,
    done: async (client) => (await latch(client).count()) === 2,
  }),
  ask({
    name: 'count-down-latch/count',
    of: ['CountDownLatch.count'],
    before: (client) => latch(client).countDown(),
    operation: (client, limits) => latch(client).count(limits),
    right: (left) => left === 1,
  }),
  {
    name: 'count-down-latch/wait',
    of: ['CountDownLatch.wait'],
    trial: async (world, attempt) => {
      const [node, other] = [world.node(), world.node()];
      let isOpen = false;
      later(world, other, 1_000, async (client) => {
        await latch(client).countDown();
        await world.sleep(2_000);
        isOpen = true;
        await latch(client).countDown();
      });
      const ended = await attempt(node, (limits) => latch(node.client).wait(limits));
      if ('value' in ended) isTrue(isOpen, 'it was let pass too early');
    },
  },
];
