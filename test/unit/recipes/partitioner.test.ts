import { describe, expect, test } from 'vitest';
import { aborted } from '../../../src/core/signals.js';
import { type Batch, put, type Store } from '../../../src/core/store.js';
import { CoordinationError } from '../../../src/errors.js';
import { Partitioner, type PartitionerOptions, type ShardTask } from '../../../src/recipes/partitioner.js';
import { assignShards } from '../../../src/recipes/partitioner-assignment.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { partitionerSuite } from '../../suites/partitioner.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type Node, ttlMs, type World, watched } from './world.js';

const path = '/work/mail';

describe('the assignment', () => {
  const named = (count: number, weight = 1) => Array.from({ length: count }, (_, n) => ({ id: `node-${n}`, weight }));
  const countOf = (owners: readonly unknown[], id: string) => owners.filter((owner) => owner === id).length;

  test('is even within five standard deviations', () => {
    for (const count of [2, 3, 10, 50]) {
      const owners = assignShards(4_096, named(count));
      const mean = 4_096 / count;
      const deviation = Math.sqrt(mean * (1 - 1 / count));
      for (const { id } of named(count)) expect(Math.abs(countOf(owners, id) - mean)).toBeLessThan(5 * deviation);
    }
  });

  test('is in proportion to the weights', () => {
    const members = [1, 2, 3, 4].map((weight) => ({ id: `w${weight}`, weight }));
    const owners = assignShards(20_000, members);
    for (const { id, weight } of members) {
      expect(Math.abs(countOf(owners, id) / 2_000 - weight)).toBeLessThan(0.25);
    }
  });

  test.each([1, 2, 9, 30])(
    "moves nothing but what becomes the newcomer's, about N/(m+1), with %i members before",
    (count) => {
      const [before, after] = [assignShards(4_096, named(count)), assignShards(4_096, named(count + 1))];
      const moved = before.flatMap((owner, shard) => (owner === after[shard] ? [] : [after[shard]]));
      expect(new Set(moved)).toEqual(new Set([`node-${count}`]));
      const mean = 4_096 / (count + 1);
      expect(Math.abs(moved.length - mean)).toBeLessThan(5 * Math.sqrt(mean));
    },
  );

  test("does not depend on the order of the members, and is nobody's where there is none", () => {
    const members = named(7);
    expect(assignShards(500, members.toReversed())).toEqual(assignShards(500, members));
    expect(assignShards(3, [])).toEqual([undefined, undefined, undefined]);
  });

  test('is the same in every version, since members of different versions have to agree', () => {
    const owners = assignShards(16, [...named(3), { id: 'größer', weight: 2 }]);
    expect(owners.map((owner) => owner?.at(-1)).join('')).toMatchInlineSnapshot(`"rr2011002rr22010"`);
  });
});

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const forever: ShardTask = async (_, signal) => {
  await aborted(signal);
};

interface Running {
  readonly node: Node;
  readonly partitioner: Partitioner;
  readonly run: ReturnType<typeof watched<never>>;
  stop(): void;
}

function start(
  id: string,
  {
    task = forever,
    shards = 16,
    node = world.node(),
    ...options
  }: Partial<PartitionerOptions> & { task?: ShardTask; node?: Node } = {},
): Running {
  const partitioner = new Partitioner(node.client, path, { shards, id, ...options });
  const controller = new AbortController();
  const run = watched(partitioner.run(task, { signal: controller.signal }));
  return { node, partitioner, run, stop: () => controller.abort(new Error('stop')) };
}

function ownedBy(...running: readonly Running[]): number[] {
  return running.flatMap(({ partitioner }) => [...partitioner.owned.keys()]).sort((a, b) => a - b);
}

const all = (shards: number): number[] => [...Array(shards).keys()];

describe('working', () => {
  test('one that is alone has all shards; stopping gives everything back before run rejects with the reason', async () => {
    const one = start('one');
    await settle();
    expect(ownedBy(one)).toEqual(all(16));
    expect(await one.partitioner.owners()).toEqual(
      all(16).map((shard) => ({ shard, id: 'one', token: one.partitioner.owned.get(shard)?.token })),
    );
    one.stop();
    await settle();
    expect(one.run).toMatchObject({ outcome: 'rejected', error: new Error('stop') });
    expect(world.keys()).toEqual([]);
    expect(ownedBy(one)).toEqual([]);
  });

  test('two share them; when one stops, the other has them all again', async () => {
    const [one, two] = [start('one'), start('two')];
    await world.clock.advance(100);
    expect(ownedBy(one, two)).toEqual(all(16));
    expect(Math.min(ownedBy(one).length, ownedBy(two).length)).toBeGreaterThan(2);
    one.stop();
    await world.clock.advance(100);
    expect(ownedBy(two)).toEqual(all(16));
    two.stop();
  });

  test('a shard that was taken for lost, because the event of its claim was, is claimed anew and not kept from everybody', async () => {
    const node = world.node();
    let losing = 0;
    const watch = node.store.watch.bind(node.store);
    node.store.watch = (...args: Parameters<Store['watch']>) => {
      const real = watch(...args);
      const next = async (): Promise<IteratorResult<Batch>> => {
        const result = await real.next();
        const claims = result.done !== true && result.value.kind === 'changes' && result.value.puts.length > 1;
        if (!claims || losing === 0) return result;
        losing--;
        return await next();
      };
      return { next, return: () => real.return(), [Symbol.asyncIterator]: () => real };
    };
    losing = 1;
    const one = start('one', { node });
    await world.clock.advance(1_000);
    expect(losing).toBe(0);
    // Another event shows a state without the claims.
    world.cluster.putKey(`${path}/elsewhere`, '');
    await world.clock.advance(1_000);
    expect(ownedBy(one)).toEqual([]);
    await world.clock.advance(75_000);
    expect(ownedBy(one)).toEqual(all(16));
    one.stop();
    await world.clock.advance(1_000);
    world.cluster.deleteKey(`${path}/elsewhere`);
  });

  test('a shard goes to the next owner only when the task on it has ended, with a greater token', async () => {
    let finish: () => void = () => {};
    const drained = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const task: ShardTask = async (_, signal) => {
      await aborted(signal);
      await drained;
    };
    const one = start('one', { task });
    await settle();
    const tokens = new Map([...one.partitioner.owned].map(([shard, { token }]) => [shard, token]));
    const two = start('two');
    await world.clock.advance(5_000);
    expect(ownedBy(one)).toEqual(all(16));
    expect(ownedBy(two)).toEqual([]);
    expect([...one.partitioner.owned.values()].every((hold) => hold.isHeld())).toBe(true);
    finish();
    await world.clock.advance(100);
    expect(ownedBy(one, two)).toEqual(all(16));
    for (const [shard, { token }] of two.partitioner.owned) expect(token).toBeGreaterThan(tokens.get(shard) ?? token);
    one.stop();
    two.stop();
  });

  test('what a crashed member had is worked on again when its lease has run out', async () => {
    const [one, two] = [start('one'), start('two')];
    await world.clock.advance(100);
    await one.node.store.close();
    await world.clock.advance(ttlMs + 100);
    expect(ownedBy(two)).toEqual(all(16));
    two.stop();
  });

  test('one that is cut off has stopped to believe in its shards before the others get them', async () => {
    const [one, two] = [start('one'), start('two')];
    await world.clock.advance(100);
    const holds = [...one.partitioner.owned.values()];
    one.node.store.partition();
    while (ownedBy(two).length < 16) {
      const believed = holds.filter((hold) => hold.isHeld()).map(({ shard }) => shard);
      expect(believed.filter((shard) => two.partitioner.owned.has(shard))).toEqual([]);
      await world.clock.advance(10);
    }
    one.node.store.heal();
    await world.clock.advance(ttlMs);
    expect(ownedBy(one, two)).toEqual(all(16));
    one.stop();
    two.stop();
  });

  test('after the loss of the session, the tasks are stopped, and begun anew under the next one', async () => {
    let [begun, ended] = [0, 0];
    const task: ShardTask = async (hold, signal) => {
      begun++;
      await aborted(signal);
      expect(hold.isHeld()).toBe(false);
      ended++;
    };
    const one = start('one', { task });
    await settle();
    world.cluster.revokeLease((await one.node.client.session()).lease);
    await world.clock.advance(ttlMs);
    expect([begun, ended]).toEqual([32, 16]);
    expect(ownedBy(one)).toEqual(all(16));
  });

  test('a task that ends by itself leaves the shard to its owner; one that fails ends the run with its error', async () => {
    const failure = new Error('disk full');
    const one = start('one', { task: () => {} });
    await world.clock.advance(100);
    expect(ownedBy(one)).toEqual(all(16));
    one.stop();
    await settle();
    const two = start('two', {
      task: async ({ shard }, signal) => {
        if (shard === 7) throw failure;
        await aborted(signal);
      },
    });
    await world.clock.advance(100);
    expect(two.run.error).toBe(failure);
    expect(world.keys()).toEqual([]);
  });

  test('what a task throws after it was told to stop is told as an error, and ends nothing; the reason itself is not', async () => {
    const one = start('one', {
      task: async (_, signal) => {
        await aborted(signal);
        signal.throwIfAborted();
      },
    });
    const errors: unknown[] = [];
    one.partitioner.events.on('error', (error) => errors.push(error));
    await settle();
    const two = start('two', {
      task: async (_, signal) => {
        await aborted(signal);
        throw new Error('clumsy');
      },
    });
    two.partitioner.events.on('error', (error) => errors.push(error));
    await world.clock.advance(100);
    expect(ownedBy(one, two)).toEqual(all(16));
    const count = ownedBy(two).length;
    two.stop();
    await world.clock.advance(100);
    expect(errors).toEqual(Array(count).fill(new Error('clumsy')));
    one.stop();
  });

  test('a hold writes only while it is held, also after an operator wrote over its key', async () => {
    const one = start('one', { shards: 2 });
    await settle();
    const hold = one.partitioner.owned.get(0);
    await hold?.commit([put('/state', '1')]);
    await world.cluster.store().commit([], [put(`${path}/shards/0`, 'one', (await one.node.client.session()).lease)]);
    await expect(hold?.commit([put('/state', '2')])).rejects.toMatchObject({ code: 'TICKET_LOST' });
    world.cluster.deleteKey('/state');
    one.stop();
  });

  test('an operator who deletes or overwrites the key of a shard takes it away for a moment', async () => {
    const one = start('one', { shards: 4 });
    await settle();
    const before = new Map(one.partitioner.owned);
    world.cluster.deleteKey(`${path}/shards/1`);
    world.cluster.putKey(`${path}/shards/2`, 'spoilt');
    await world.clock.advance(200);
    expect(ownedBy(one)).toEqual(all(4));
    for (const shard of [1, 2]) {
      expect(before.get(shard)?.signal.reason).toMatchObject({ code: 'TICKET_LOST' });
      expect(one.partitioner.owned.get(shard)?.isHeld()).toBe(true);
    }
    expect(before.get(3)?.isHeld()).toBe(true);
  });

  test('a shard that came free while its session was in doubt is claimed once that is certain', async () => {
    const one = start('one', { shards: 4 });
    await world.clock.advance(100);
    // The machine may have slept: until the store was asked, nothing is claimed.
    world.clock.stepWall(ttlMs);
    world.cluster.deleteKey(`${path}/shards/1`);
    await world.clock.advance(60_000);
    expect(ownedBy(one)).toEqual(all(4));
  });

  test.each([1, 2, 3])(
    '%i lost answers to claims leave no shard without an owner, and none with two',
    async (count) => {
      const node = world.node();
      await node.client.session();
      const one = start('one', { node, shards: 100 });
      node.store.dropAnswers({ verb: 'commit', count });
      await world.clock.advance(10_000);
      expect(ownedBy(one)).toEqual(all(100));
      expect((await one.partitioner.owners()).map(({ token }) => token)).toEqual(
        all(100).map((shard) => one.partitioner.owned.get(shard)?.token),
      );
    },
  );
});

describe('a claim that was never answered', () => {
  /** The second commit, which is the first claim, is not answered, and arrives when `arrive` is called. */
  function lateClaim(node: Node): {
    arrive: () => ReturnType<Node['store']['commit']>;
    beforeLeave?: () => Promise<unknown>;
  } {
    const commit = node.store.commit.bind(node.store);
    let commits = 0;
    const late: ReturnType<typeof lateClaim> = { arrive: () => Promise.reject(new Error('it was never sent')) };
    node.store.commit = async (guards, ops, options) => {
      commits++;
      if (commits === 3) await late.beforeLeave?.();
      if (commits !== 2) return commit(guards, ops, options);
      late.arrive = () => commit(guards, ops, options);
      throw new CoordinationError('UNKNOWN_OUTCOME', 'No answer came.');
    };
    return late;
  }

  test('claims nothing when it arrives after its member has left', async () => {
    const node = world.node();
    const late = lateClaim(node);
    const one = start('one', { node });
    await settle();
    one.stop();
    await settle();
    expect(one.run.error).toEqual(new Error('stop'));
    expect((await late.arrive()).ok).toBe(false);
    expect(world.keys()).toEqual([]);
  });

  test('is given back when it arrives while its member is leaving', async () => {
    const node = world.node();
    const late = lateClaim(node);
    let arrived = false;
    late.beforeLeave = async () => {
      arrived = (await late.arrive()).ok;
    };
    const one = start('one', { node });
    await settle();
    one.stop();
    await world.clock.advance(1_000);
    expect(arrived).toBe(true);
    expect(one.run.outcome).toBe('rejected');
    expect(world.keys()).toEqual([]);
  });
});

describe('the cost', () => {
  test('a member that is alone claims 256 shards with five commits', async () => {
    const node = world.node();
    await node.client.session();
    const before = node.store.requests;
    const one = start('one', { node, shards: 256 });
    await settle();
    expect(ownedBy(one)).toEqual(all(256));
    expect(node.store.requests.commit - before.commit).toBe(1 + 5);
    expect(node.store.requests.read).toBe(before.read);
    expect(node.store.requests.watch - before.watch).toBe(2);
  });

  test('the eleventh member costs requests in proportion to the shards that move', async () => {
    const members = all(10).map((n) => start(`node-${n}`, { shards: 256 }));
    await world.clock.advance(2_000);
    expect(ownedBy(...members)).toEqual(all(256));
    const total = () =>
      members.reduce((sum, { node }) => sum + node.store.requests.commit + node.store.requests.read, 0);
    const before = total();
    const last = start('node-10', { shards: 256 });
    await world.clock.advance(200);
    const moved = ownedBy(last).length;
    expect(ownedBy(...members, last)).toEqual(all(256));
    expect(moved).toBeGreaterThan(10);
    expect(moved).toBeLessThan(45);
    expect(total() - before).toBe(moved);
    expect(last.node.store.requests.commit).toBeLessThan(2 * moved + 2);
  });
});

describe('refused', () => {
  test('another number of shards, in the same work: LIMIT_MISMATCH for the newcomer', async () => {
    const one = start('one', { shards: 16 });
    await settle();
    const two = start('two', { shards: 17 });
    await world.clock.advance(100);
    expect(two.run.error).toMatchObject({ code: 'LIMIT_MISMATCH', field: 'shards' });
    expect(ownedBy(one)).toEqual(all(16));
  });

  test('a second run of the same, and another member of the same name', async () => {
    const one = start('one');
    await settle();
    await expect(one.partitioner.run(forever)).rejects.toMatchObject({ code: 'CONFLICT' });
    const other = start('one');
    await settle();
    expect(other.run.error).toMatchObject({ code: 'MEMBER_EXISTS' });
    one.stop();
    await settle();
    const again = start('one', { node: one.node });
    await settle();
    expect(ownedBy(again)).toEqual(all(16));
  });

  test('bad input, before anything is sent', async () => {
    const { client, store } = world.node();
    // biome-ignore lint/suspicious/noExplicitAny: bad input is the subject here.
    const bad: any[] = [
      undefined,
      {},
      { shards: 0 },
      { shards: 1.5 },
      { shards: 5_000 },
      { shards: 4, weight: 0 },
      { shards: 4, weight: 'x' },
    ];
    for (const options of bad) {
      expect(() => new Partitioner(client, path, options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    }
    const unknown: PartitionerOptions = Object.assign({ shards: 4 }, { shard: 4 });
    expect(() => new Partitioner(client, path, unknown)).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
    const badId = new Partitioner(client, path, { shards: 4, id: 'a/b' });
    await expect(badId.run(forever)).rejects.toMatchObject({ code: 'INVALID_KEY' });
    expect(store.requestCount).toBe(0);
  });

  test('a closed client ends it with CLOSED', async () => {
    const one = start('one');
    await settle();
    await world.run(one.node.client.close());
    expect(one.run.error).toMatchObject({ code: 'CLOSED' });
  });
});

onMemory(partitionerSuite);
