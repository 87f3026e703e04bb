import { describe, expect, test } from 'vitest';
import { put } from '../../../src/core/store.js';
import { Group, type GroupOptions, type GroupView, type Membership } from '../../../src/recipes/group.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { groupSuite } from '../../suites/group.js';
import { onMemory } from './on-memory.js';
import { inNewWorlds, type Node, ttlMs, type World, watched } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
});

const path = '/groups/workers';

function group({ client }: Node, options: GroupOptions<unknown> = {}): Group {
  return new Group(client, path, options);
}

const ids = (members: readonly { readonly id: string }[]): string[] => members.map(({ id }) => id);

/** Everything that a group's views tell, until the signal. */
function collect(from: Group, signal: AbortSignal): GroupView<unknown>[] {
  const seen: GroupView<unknown>[] = [];
  const follow = async (): Promise<void> => {
    for await (const view of from.views({ signal })) seen.push(view);
  };
  follow().catch((error: unknown) => {
    if (error !== signal.reason) throw error;
  });
  return seen;
}

describe('join and leave', () => {
  test('a join is one commit and one watch, a leave one commit, a look at the members one read', async () => {
    const node = world.node();
    await node.client.session();
    const before = node.store.requestCount;
    const member = await group(node).join('a', { cpu: 4 });
    expect(member.isMember()).toBe(true);
    expect(node.store.requestCount - before).toBe(2);
    expect(await group(node).members()).toEqual([{ id: 'a', incarnation: member.token, data: { cpu: 4 } }]);
    expect(node.store.requestCount - before).toBe(3);
    expect(await member.leave()).toBe(true);
    expect(node.store.requestCount - before).toBe(4);
    expect(member.isMember()).toBe(false);
    expect(member.signal.aborted).toBe(true);
    expect(world.keys()).toEqual([]);
  });

  test('the same id twice is MEMBER_EXISTS, in one process as in two, and free again after a leave', async () => {
    const [a, b] = [world.node(), world.node()];
    const member = await group(a).join('x', 1);
    for (const node of [a, b]) {
      await expect(group(node).join('x', 2)).rejects.toMatchObject({ code: 'MEMBER_EXISTS', key: `${path}/x` });
    }
    expect(member.isMember()).toBe(true);
    await member.leave();
    expect((await group(b).join('x', 2)).token).toBeGreaterThan(member.token);
  });

  test('of an id that is no name is refused before anything is sent', async () => {
    const node = world.node();
    for (const id of ['', 'a/b', '..', 'a\0', undefined, 7] as unknown as string[]) {
      await expect(group(node).join(id, 1)).rejects.toMatchObject({ code: 'INVALID_KEY' });
    }
    await expect(group(node).join('a', 1n)).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    expect(node.store.requestCount).toBe(0);
  });

  test('whatever await an abort comes at, join gives a membership or leaves nothing', async () => {
    const node = world.node();
    await node.client.session();
    for (let turns = 0; turns < 40; turns++) {
      const controller = new AbortController();
      const joining = watched(group(node).join('x', 1, { signal: controller.signal }));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      controller.abort();
      await world.clock.advance(20);
      expect(joining.outcome).not.toBe('pending');
      expect(world.keys()).toHaveLength(joining.outcome === 'resolved' ? 1 : 0);
      await joining.value?.leave();
      expect(world.keys()).toEqual([]);
    }
  });

  test('the guard of an incarnation holds while it is in the group, and for no later one', async () => {
    const node = world.node();
    const member = await group(node).join('x', 1);
    const { guard } = member;
    expect((await node.client.store.commit([guard], [put('/state', 'a')])).ok).toBe(true);
    world.cluster.deleteKey(member.key);
    expect((await node.client.store.commit([guard], [put('/state', 'b')])).ok).toBe(false);
    await world.clock.advance(100);
    expect(member.isMember()).toBe(true);
    expect((await node.client.store.commit([guard], [put('/state', 'c')])).ok).toBe(false);
    expect((await node.client.store.commit([member.guard], [put('/state', 'd')])).ok).toBe(true);
    world.cluster.deleteKey('/state');
  });

  test('update joins anew with other data: the data of an incarnation never changes', async () => {
    const node = world.node();
    const member = await group(node).join('x', 1);
    const controller = new AbortController();
    const seen = collect(group(world.node()), controller.signal);
    await settle();
    const first = member.token;
    await member.update(2);
    await world.clock.advance(10);
    expect(member.token).toBeGreaterThan(first);
    const told = seen.flatMap(({ members }) => members.map(({ incarnation, data }) => [incarnation, data]));
    expect(new Map(told.map(([incarnation, data]) => [incarnation, data]))).toEqual(
      new Map([
        [first, 1],
        [member.token, 2],
      ]),
    );
    controller.abort();
  });

  test('with onSessionLost reject, a lost membership is over', async () => {
    const node = world.node();
    const member = await group(node, { onSessionLost: 'reject' }).join('x', 1);
    world.cluster.revokeLease((await node.client.session()).lease);
    await world.clock.advance(ttlMs * 2);
    expect(member.state).toMatchObject({ kind: 'ended', reason: { code: 'SESSION_LOST' } });
    expect(await member.leave()).toBe(false);
    expect(world.keys()).toEqual([]);
  });

  test('GL2: after the loss of its session it is back by itself, as a new incarnation', async () => {
    const node = world.node();
    const member = await group(node).join('x', 1);
    const { token, signal } = member;
    node.store.partition();
    await world.clock.advance(ttlMs * 2);
    expect(member.isMember()).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'SESSION_LOST' });
    expect(member.token).toBe(token);
    node.store.heal();
    await world.clock.advance(ttlMs);
    expect(member.isMember()).toBe(true);
    expect(member.token).toBeGreaterThan(token);
    expect(member.signal.aborted).toBe(false);
  });
});

describe('views', () => {
  test('begin with the present state, even of nobody, and tell every change', async () => {
    const [a, b] = [world.node(), world.node()];
    const controller = new AbortController();
    const seen = collect(group(b), controller.signal);
    await settle();
    expect(seen).toMatchObject([{ members: [], joined: [], left: [] }]);
    const one = await group(a).join('one', 1);
    await settle();
    const two = await group(a).join('two', 2);
    await settle();
    await one.leave();
    await settle();
    expect(seen.map(({ members }) => ids(members))).toEqual([[], ['one'], ['one', 'two'], ['two']]);
    expect(seen.map(({ joined }) => ids(joined))).toEqual([[], ['one'], ['two'], []]);
    expect(seen.map(({ left }) => ids(left))).toEqual([[], [], [], ['one']]);
    expect(seen[2]?.revision).toBe(two.token);
    controller.abort();
  });

  test('tell a member that left and came back as two incarnations, also where both are told at once', async () => {
    const [a, b] = [world.node(), world.node()];
    const first = await group(a).join('x', 'old');
    const views = group(b).views();
    await views.next();
    await first.leave();
    const second = await group(a).join('x', 'new');
    await settle();
    const { value } = await views.next();
    expect(value).toMatchObject({
      members: [{ id: 'x', incarnation: second.token, data: 'new' }],
      joined: [{ incarnation: second.token }],
      left: [{ incarnation: first.token, data: 'old' }],
    });
    await views.return(undefined);
  });

  test('are coalesced for a slow consumer, who is told the last state all the same', async () => {
    const [a, b] = [world.node(), world.node()];
    const views = group(b).views();
    await views.next();
    const members: Membership[] = [];
    for (let n = 0; n < 100; n++) members.push(await group(a).join(`m${n}`, n));
    for (const member of members.slice(0, 99)) await member.leave();
    await settle();
    expect((await views.next()).value).toMatchObject({ members: [{ id: 'm99' }], joined: [{ id: 'm99' }], left: [] });
    const next = watched(views.next());
    await settle();
    expect(next.outcome).toBe('pending');
    await members[99]?.leave();
    await settle();
    expect(next.value).toMatchObject({ value: { members: [], left: [{ id: 'm99' }] } });
    await views.return(undefined);
  });

  test('pass over what is no member: keys without a lease, and what lies deeper', async () => {
    const node = world.node();
    world.cluster.putKey(`${path}/durable`, '1');
    const { lease } = await node.client.session();
    await world.cluster.store().commit([], [put(`${path}/x/deeper`, '1', lease)]);
    expect(await group(node).members()).toEqual([]);
    const views = group(node).views();
    expect((await views.next()).value).toMatchObject({ members: [] });
    await views.return(undefined);
    world.cluster.deleteKey(`${path}/durable`);
  });

  test('show a member whose data is not what it should be, with the problem', async () => {
    const [a, b] = [world.node(), world.node()];
    const { lease } = await a.client.session();
    await world.cluster.store().commit([], [put(`${path}/x`, '{not json', lease)]);
    expect(await group(b).members()).toMatchObject([{ id: 'x', data: undefined, problem: { code: 'INVALID_VALUE' } }]);
    const views = group(b).views();
    expect((await views.next()).value).toMatchObject({ members: [{ problem: { code: 'INVALID_VALUE' } }] });
    await views.return(undefined);
  });

  test('end with the reason of the signal, with TIMEOUT before the first, and with CLOSED; nothing stays behind', async () => {
    const node = world.node();
    const controller = new AbortController();
    const views = group(node).views({ signal: controller.signal });
    await views.next();
    const next = watched(views.next());
    await settle();
    const reason = new Error('enough');
    controller.abort(reason);
    await settle();
    expect(next.error).toBe(reason);
    node.store.partition();
    const late = group(node).views({ timeoutMs: 100 }).next();
    await expect(world.run(late)).rejects.toMatchObject({ code: 'TIMEOUT' });
    node.store.heal();
    const closing = group(node).views();
    await closing.next();
    const last = watched(closing.next());
    await settle();
    await world.run(node.client.close());
    expect(last.error).toMatchObject({ code: 'CLOSED' });
    await expect(group(node).views().next()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('survive lost connections and compaction', async () => {
    const [a, b] = [world.node(), world.node()];
    const controller = new AbortController();
    const seen = collect(group(b), controller.signal);
    await settle();
    b.store.partition();
    const member = await group(a).join('one', 1);
    await member.leave();
    await group(a).join('two', 2);
    world.cluster.compact();
    b.store.heal();
    await settle();
    expect(ids(seen.at(-1)?.members ?? [])).toEqual(['two']);
    b.store.interrupt();
    await settle();
    expect(seen).toHaveLength(2);
    controller.abort();
  });

  test('GL1: a crash is seen when the lease runs out, and not before', async () => {
    const [a, b] = [world.node(), world.node()];
    await group(a).join('one', 1);
    const controller = new AbortController();
    const seen = collect(group(b), controller.signal);
    await settle();
    await a.store.close();
    await world.clock.advance(ttlMs - 1);
    expect(ids(seen.at(-1)?.members ?? [])).toEqual(['one']);
    await world.clock.advance(2);
    expect(ids(seen.at(-1)?.left ?? [])).toEqual(['one']);
    controller.abort();
  });
});

onMemory(groupSuite);
