import { Group, type GroupView } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

function ids(members: readonly { readonly id: string }[]): string[] {
  return members.map(({ id }) => id);
}

/** The next view in which these, and nobody else, are members, from the oldest. */
async function viewOf(
  views: AsyncIterator<GroupView<unknown>>,
  wanted: readonly string[],
): Promise<GroupView<unknown>> {
  for (;;) {
    const { value, done } = await views.next();
    if (done === true) throw new Error('the views have ended');
    if (ids(value.members).join() === wanted.join()) return value;
  }
}

/** What group membership promises on every store. */
export const groupSuite: Suite = (test) => {
  test('group: who joins and leaves is seen, oldest first, with the data', async (world) => {
    const [a, b] = [new Group(world.client(), world.path), new Group(world.client(), world.path)];
    const views = b.views();
    expect((await viewOf(views, [])).joined).toEqual([]);
    const first = await a.join('one', { port: 1 });
    await viewOf(views, ['one']);
    const second = await b.join('two', { port: 2 });
    const both = await viewOf(views, ['one', 'two']);
    expect(both.joined).toEqual([{ id: 'two', incarnation: second.token, data: { port: 2 } }]);
    expect(await a.members()).toEqual(both.members);
    expect(await first.leave()).toBe(true);
    const last = await viewOf(views, ['two']);
    expect(last.left).toEqual([{ id: 'one', incarnation: first.token, data: { port: 1 } }]);
    expect(await second.leave()).toBe(true);
    await views.return(undefined);
    expect(await world.keys()).toEqual([]);
  });

  test('group: two whose names begin alike do not mix', async (world) => {
    const [one, other] = world.clients(2);
    if (one === undefined || other === undefined) throw new Error('no clients');
    const [foo, foobar] = [new Group(one, `${world.path}/foo`), new Group(other, `${world.path}/foobar`)];
    const [mine, theirs] = [await foo.join('a', 1), await foobar.join('b', 2)];
    expect([ids(await foo.members()), ids(await foobar.members())]).toEqual([['a'], ['b']]);
    await Promise.all([mine.leave(), theirs.leave()]);
  });

  test('group: an id is had once, and a crashed member goes when its lease has run out', async (world) => {
    const crashing = world.client({ ttlMs: world.shortTtlMs });
    const first = await new Group(crashing, world.path).join('one', 'a');
    const group = new Group(world.client(), world.path);
    await expect(group.join('one', 'b')).rejects.toMatchObject({ code: 'MEMBER_EXISTS' });
    const views = group.views();
    await viewOf(views, ['one']);
    await world.crash(crashing);
    expect(ids((await viewOf(views, [])).left)).toEqual(['one']);
    const second = await group.join('one', 'b');
    expect(second.token).toBeGreaterThan(first.token);
    await second.leave();
    await views.return(undefined);
  });

  test('group: who loses its session comes back as another incarnation', async (world) => {
    const client = world.client();
    const membership = await new Group(client, world.path).join('one', 'a');
    const { token, signal } = membership;
    const views = new Group(world.client(), world.path).views();
    await viewOf(views, ['one']);
    await world.admin.revoke((await client.session()).lease);
    await world.until('it is back', () => membership.isMember() && membership.token > token);
    expect(signal.aborted).toBe(true);
    // Left and back may have been told as one.
    let view = await viewOf(views, ['one']);
    while (view.members[0]?.incarnation !== membership.token) view = await viewOf(views, ['one']);
    await membership.leave();
    await views.return(undefined);
  });
};
