import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CoordinationError } from '../../../src/errors.js';
import { type BarrierMembership, DoubleBarrier } from '../../../src/recipes/double-barrier.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { codeOf } from '../../rejections.js';
import { doubleBarrierSuite } from '../../suites/double-barrier.js';
import { onMemory } from './on-memory.js';
import { type Node, ttlMs, World, watched } from './world.js';

onMemory(doubleBarrierSuite);

const path = '/barriers/phase';
const roundKey = `${path}/round`;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  expect(await world.end()).toMatchObject({ leases: 0, timers: 0 });
  expect(world.keys().filter((key) => key !== roundKey)).toEqual([]);
});

function barrier(count: number): DoubleBarrier {
  return new DoubleBarrier(world.node().client, path, count);
}

/** Keeps the nth commit from now on back until what is returned is called. */
function holdCommit({ store }: Node, nth: number): () => void {
  const commit = store.commit.bind(store);
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let sent = 0;
  vi.spyOn(store, 'commit').mockImplementation(async (...call) => {
    if (++sent === nth) await gate;
    return commit(...call);
  });
  return release;
}

/** Two that are in. */
async function pair(): Promise<[BarrierMembership, BarrierMembership]> {
  return await world.run(Promise.all([barrier(2).enter(), barrier(2).enter()]));
}

describe('entering', () => {
  test('waits until the last one is in, then lets all pass with tokens of their own', async () => {
    const waits = Array.from({ length: 4 }, () => watched(barrier(5).enter()));
    await world.clock.advance(30_000);
    expect(waits.map(({ outcome }) => outcome)).toEqual(waits.map(() => 'pending'));
    const last = await barrier(5).enter();
    await settle();
    expect(waits.map(({ outcome }) => outcome)).toEqual(waits.map(() => 'resolved'));
    const members = [last, ...waits.flatMap(({ value }) => value ?? [])];
    expect(new Set(members.map(({ token }) => token)).size).toBe(5);
    expect(members.every((member) => member.isHeld() && member.round === 1)).toBe(true);
    await world.run(Promise.all(members.map((member) => member.leave())));
  });

  test('alone, is in at once', async () => {
    const one = barrier(1);
    for (let round = 1; round < 4; round++) {
      const member = await one.enter();
      expect(member.round).toBe(round);
      expect(await member.leave()).toBe(true);
    }
  });

  test('costs two round trips, and a third for who completes the round', async () => {
    const [a, b] = [world.node(), world.node()];
    await Promise.all([a.client.session(), b.client.session()]);
    const before = [a.store.requestCount, b.store.requestCount];
    const entering = new DoubleBarrier(a.client, path, 2).enter();
    await settle();
    expect(a.store.requestCount - (before[0] ?? 0)).toBe(3);
    const second = await new DoubleBarrier(b.client, path, 2).enter();
    expect(b.store.requestCount - (before[1] ?? 0)).toBe(3);
    const first = await entering;
    expect(a.store.requestCount - (before[0] ?? 0)).toBe(4);
    await world.run(Promise.all([first.leave(), second.leave()]));
  });

  test('one that times out is out when it rejects, and does not count for the others', async () => {
    const timed = watched(barrier(3).enter({ timeoutMs: 100 }));
    const other = watched(barrier(3).enter());
    await world.clock.advance(200);
    expect(timed).toMatchObject({ outcome: 'rejected', error: { code: 'TIMEOUT' } });
    expect(world.keys()).toHaveLength(2);
    const third = watched(barrier(3).enter());
    await world.clock.advance(20_000);
    expect([other.outcome, third.outcome]).toEqual(['pending', 'pending']);
    const fourth = await barrier(3).enter();
    await settle();
    await world.run(Promise.all([other.value, third.value, fourth].map((member) => member?.leave())));
  });

  test('one that is aborted is out when it rejects', async () => {
    const aborter = new AbortController();
    const entering = watched(barrier(2).enter({ signal: aborter.signal }));
    await settle();
    aborter.abort(new Error('enough'));
    await settle();
    expect(entering).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
    expect(world.keys()).toEqual([roundKey]);
  });

  test('one whose time runs out after the round was full is in all the same', async () => {
    const { client, store } = world.node();
    const late = watched(new DoubleBarrier(client, path, 2).enter({ timeoutMs: 500 }));
    await settle();
    store.delay(800);
    const other = await barrier(2).enter();
    await world.clock.advance(5_000);
    store.delay(0);
    expect(late.outcome).toBe('resolved');
    await world.run(Promise.all([late.value?.leave(), other.leave()]));
  });

  test('one that is aborted after the round was full has left', async () => {
    const { client, store } = world.node();
    const aborter = new AbortController();
    const late = watched(new DoubleBarrier(client, path, 2).enter({ signal: aborter.signal }));
    await settle();
    store.delay(200);
    const other = await barrier(2).enter();
    aborter.abort(new Error('enough'));
    await world.clock.advance(2_000);
    expect(late).toMatchObject({ outcome: 'rejected', error: new Error('enough') });
    expect(await world.run(other.leave())).toBe(true);
  });

  test('one that was in a full round, unawares, and died, is told that it died and not that its time ran out', async () => {
    // Its next renewal is far off.
    const { client, store } = world.node({ ttlMs: 60_000 });
    const late = watched(new DoubleBarrier(client, path, 2).enter({ timeoutMs: 2_000 }));
    await settle();
    store.partition();
    const other = await barrier(2).enter();
    world.cluster.revokeLease((await client.session()).lease);
    expect(await world.run(other.leave())).toBe(true);
    await world.clock.advance(2_100);
    store.heal();
    await world.clock.advance(1_500);
    expect(late).toMatchObject({ outcome: 'rejected', error: { code: 'SESSION_LOST' } });
  });

  test('one whose session is lost rejects with it, and does not count', async () => {
    const { client } = world.node();
    const lost = watched(new DoubleBarrier(client, path, 2).enter());
    await settle();
    world.cluster.revokeLease((await client.session()).lease);
    const other = watched(barrier(2).enter());
    await world.clock.advance(ttlMs);
    expect(lost).toMatchObject({ outcome: 'rejected', error: { code: 'SESSION_LOST' } });
    expect(other.outcome).toBe('pending');
    const third = await barrier(2).enter();
    await settle();
    await world.run(Promise.all([other.value?.leave(), third.leave()]));
  });

  test('one whose ticket an operator deletes rejects with TICKET_LOST, at the latest after a TTL', async () => {
    const waiting = watched(barrier(2).enter());
    await settle();
    world.cluster.deleteKey(world.keys().find((key) => key !== roundKey) ?? '');
    await world.clock.advance(ttlMs + 100);
    expect(waiting).toMatchObject({ outcome: 'rejected', error: { code: 'TICKET_LOST' } });
  });

  test('a member that dies right as the round is declared full makes the declaration fail for all', async () => {
    const [dying, waiting] = [world.node(), world.node()];
    const dead = watched(new DoubleBarrier(dying.client, path, 3).enter());
    const other = watched(new DoubleBarrier(waiting.client, path, 3).enter());
    await settle();
    const { client, store } = world.node();
    await client.session();
    store.delay(100);
    const last = watched(new DoubleBarrier(client, path, 3).enter());
    // It has read, and put its ticket, and seen three; now the declaration is under way.
    await world.clock.advance(220);
    world.cluster.revokeLease((await dying.client.session()).lease);
    await world.clock.advance(10_000);
    expect([dead.outcome, other.outcome, last.outcome]).toEqual(['rejected', 'pending', 'pending']);
    const fourth = watched(barrier(3).enter());
    await world.clock.advance(1_000);
    expect([other.outcome, last.outcome, fourth.outcome]).toEqual(['resolved', 'resolved', 'resolved']);
    store.delay(0);
    await world.run(Promise.all([other, last, fourth].map(({ value }) => value?.leave())));
  });
});

describe('one too many', () => {
  test('is refused while the others wait to leave, and leaves no ticket', async () => {
    const [a, b] = await pair();
    expect(await codeOf(barrier(2).enter())).toBe('TOO_MANY_MEMBERS');
    const leaving = watched(a.leave());
    await settle();
    expect(await codeOf(barrier(2).enter())).toBe('TOO_MANY_MEMBERS');
    expect(leaving.outcome).toBe('pending');
    await b.leave();
    await settle();
    expect(leaving).toMatchObject({ outcome: 'resolved', value: true });
    expect(world.keys()).toEqual([roundKey]);
  });

  test('is refused at once where as many as fit have come, and the one to let them pass is slow', async () => {
    const first = watched(barrier(2).enter());
    const { client, store } = world.node();
    await client.session();
    store.delay(1_800);
    const slow = watched(new DoubleBarrier(client, path, 2).enter());
    // It has put its ticket, and does not know yet.
    await world.clock.advance(2_800);
    expect(world.keys()).toHaveLength(3);
    expect(await codeOf(barrier(2).enter())).toBe('TOO_MANY_MEMBERS');
    expect([first.outcome, slow.outcome]).toEqual(['pending', 'pending']);
    store.delay(0);
    await world.clock.advance(5_000);
    await world.run(Promise.all([first.value?.leave(), slow.value?.leave()]));
  });

  test('of many at once, as many as fit get in, and the others are refused', async () => {
    const all = Array.from({ length: 8 }, () => watched(barrier(5).enter()));
    await world.clock.advance(1_000);
    expect(all.filter(({ outcome }) => outcome === 'resolved')).toHaveLength(5);
    const refused = all.filter(({ outcome }) => outcome === 'rejected');
    expect(refused.map(({ error }) => (error as { code: string }).code)).toEqual(Array(3).fill('TOO_MANY_MEMBERS'));
    await world.run(Promise.all(all.map(({ value }) => value?.leave())));
  });
});

describe('leaving', () => {
  test('waits until all have left', async () => {
    const [a, b] = await pair();
    const leaving = watched(a.leave());
    await world.clock.advance(30_000);
    expect(leaving.outcome).toBe('pending');
    expect(b.isHeld()).toBe(true);
    await b.leave();
    await settle();
    expect(leaving.outcome).toBe('resolved');
  });

  test('is not held up by one that died', async () => {
    const { client } = world.node();
    const [dead, other] = await Promise.all([new DoubleBarrier(client, path, 2).enter(), barrier(2).enter()]);
    const leaving = watched(other.leave());
    await settle();
    world.cluster.revokeLease((await client.session()).lease);
    await world.clock.advance(ttlMs);
    expect(leaving).toMatchObject({ outcome: 'resolved', value: true });
    expect(await dead.leave()).toBe(false);
  });

  test('that times out has left, and can be waited for again', async () => {
    const [a, b] = await pair();
    const timed = watched(a.leave({ timeoutMs: 100 }));
    await world.clock.advance(200);
    expect(timed).toMatchObject({ outcome: 'rejected', error: { code: 'TIMEOUT' } });
    expect(await b.leave()).toBe(true);
    expect(await a.leave()).toBe(true);
  });

  test('release leaves without waiting, and so does the end of a block', async () => {
    const [a, b] = await pair();
    expect(await a.release()).toBe(true);
    {
      await using member = b;
      expect(member.isHeld()).toBe(true);
    }
    expect(world.keys()).toEqual([roundKey]);
  });
});

describe('rounds', () => {
  test('a full round lets nobody into the next one without its members', async () => {
    const [a, b] = await pair();
    await Promise.all([a.leave(), b.leave()]);
    const early = watched(barrier(2).enter());
    await world.clock.advance(30_000);
    expect(early.outcome).toBe('pending');
    const late = await barrier(2).enter();
    await settle();
    expect([early.value?.round, late.round]).toEqual([2, 2]);
    await world.run(Promise.all([early.value?.leave(), late.leave()]));
  });

  test('a barrier whose name begins as another one does is not mixed with it', async () => {
    const one = watched(barrier(2).enter());
    const sibling = new DoubleBarrier(world.node().client, `${path}x`, 1);
    const member = await sibling.enter();
    await world.clock.advance(1_000);
    expect(one.outcome).toBe('pending');
    await member.leave();
    const other = await barrier(2).enter();
    await settle();
    await world.run(Promise.all([one.value?.leave(), other.leave()]));
    world.cluster.deleteKey(`${path}x/round`);
  });

  test('with another count is refused while the round is filling, and may follow a finished one', async () => {
    const waiting = watched(barrier(2).enter());
    await settle();
    expect(await codeOf(barrier(3).enter())).toBe('LIMIT_MISMATCH');
    const other = await barrier(2).enter();
    await settle();
    await world.run(Promise.all([waiting.value?.leave(), other.leave()]));
    const members = await world.run(Promise.all([barrier(3).enter(), barrier(3).enter(), barrier(3).enter()]));
    await world.run(Promise.all(members.map((member) => member.leave())));
  });
});

describe('lost answers', () => {
  test.each([1, 2, 3])('%i in a row, at either end, do not keep a round from filling and emptying', async (lost) => {
    const nodes = [world.node(), world.node(), world.node()];
    const members = await world.run(
      Promise.all(
        nodes.map(({ client, store }) => {
          store.dropAnswers({ verb: 'commit', count: lost });
          return new DoubleBarrier(client, path, 3).enter();
        }),
      ),
    );
    const left = members.map((member, i) => {
      nodes[i]?.store.dropAnswers({ verb: 'commit', count: lost });
      return member.leave();
    });
    await world.run(Promise.all(left));
    await world.clock.advance(2_000);
    expect(world.keys()).toEqual([roundKey]);
  });

  test('a ticket that comes late, after its member has withdrawn, is nobody', async () => {
    const first = watched(barrier(3).enter());
    await settle();
    const { client, store } = world.node();
    await client.session();
    store.delay(20);
    const timed = watched(new DoubleBarrier(client, path, 3).enter({ timeoutMs: 3_000 }));
    await world.clock.advance(15);
    // The first attempt to put the ticket takes ten seconds to get there; what is sent after it is quicker.
    store.delay(20_000);
    await world.clock.advance(10);
    store.delay(0);
    await world.clock.advance(3_500);
    expect(timed.outcome).toBe('rejected');
    expect(world.keys()).toHaveLength(2);
    const second = watched(barrier(3).enter());
    await world.clock.advance(20_000);
    expect([first.outcome, second.outcome]).toEqual(['pending', 'pending']);
    const third = await barrier(3).enter();
    await settle();
    await world.run(Promise.all([first.value, second.value, third].map((member) => member?.leave())));
  });

  test('a timeout while the store cannot be asked says that the outcome is unknown', async () => {
    const { client, store } = world.node();
    const entering = watched(new DoubleBarrier(client, path, 2).enter({ timeoutMs: 500 }));
    await settle();
    store.partition();
    await world.clock.advance(1_600);
    expect(entering).toMatchObject({ outcome: 'rejected', error: { code: 'UNKNOWN_OUTCOME' } });
    store.heal();
    await world.clock.advance(2_000);
    expect(world.keys()).toEqual([roundKey]);
  });

  test('one that gave up unheard while the others passed does not keep them from leaving', async () => {
    const { client, store } = world.node();
    const entering = watched(new DoubleBarrier(client, path, 2).enter({ timeoutMs: 500 }));
    await settle();
    store.partition();
    await world.clock.advance(1_600);
    expect(entering.outcome).toBe('rejected');
    const other = await barrier(2).enter();
    store.heal();
    await world.clock.advance(100);
    expect(await world.run(other.leave(), 1_000)).toBe(true);
  });
});

test('bad input is refused before anything is sent', async () => {
  const { client, store } = world.node();
  for (const count of [0, -1, 1.5, 125, Number.NaN, '3' as unknown as number]) {
    expect(() => new DoubleBarrier(client, path, count)).toThrow(/count must be an integer from 1 to 124/);
  }
  expect(() => new DoubleBarrier(client, `${path}/`, 2)).toThrow(/final/);
  expect(() => new DoubleBarrier(client, path, 2, { onSessionLost: 'reject' } as object)).toThrow(/no option/);
  expect(await codeOf(new DoubleBarrier(client, path, 2).enter({ timeoutMs: 0 }))).toBe('INVALID_TIMEOUT');
  expect(store.requestCount).toBe(0);
});

test.each(['', '{}', '{"round":1,"count":2,"members":[1]}'])(
  'a round that is %j is not taken for one',
  async (value) => {
    world.cluster.putKey(roundKey, value);
    expect(await codeOf(barrier(2).enter())).toBe('CORRUPT_DATA');
  },
);

test('one too many that was a member by the time it could get out is let in, as the others have passed with it', async () => {
  const [first, second, third] = [world.node(), world.node(), world.node()];
  const entering = ({ client }: Node) => watched(new DoubleBarrier(client, path, 2).enter());
  const dying = entering(first);
  await settle();
  const declare = holdCommit(second, 2);
  const other = entering(second);
  await settle();
  const withdraw = holdCommit(third, 2);
  const last = entering(third);
  await settle();
  world.cluster.revokeLease(first.client.liveSession()?.lease ?? '');
  declare();
  await settle();
  expect([dying.outcome, other.outcome, last.outcome]).toEqual(['rejected', 'resolved', 'pending']);
  withdraw();
  await settle();
  expect(last).toMatchObject({ outcome: 'resolved', value: { round: other.value?.round } });
});

test('a ticket is taken out in the end where the store had refused that too', async () => {
  const { client, store } = world.node();
  const waiting = watched(new DoubleBarrier(client, path, 2).enter());
  await settle();
  const refusal = new CoordinationError('UNAUTHENTICATED', 'Who are you?');
  vi.spyOn(store, 'read').mockRejectedValueOnce(refusal);
  vi.spyOn(store, 'commit').mockRejectedValueOnce(refusal);
  await world.clock.advance(2 * ttlMs);
  expect(waiting).toMatchObject({ outcome: 'rejected', error: { code: 'UNAUTHENTICATED' } });
  expect(world.keys()).toEqual([roundKey]);
});
