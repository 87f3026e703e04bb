import { DoubleBarrier } from 'coterie';
import { expect } from 'vitest';
import { codeOf } from '../rejections.js';
import type { Suite } from './suite.js';

/** What a double barrier promises on every store. */
export const doubleBarrierSuite: Suite = (test) => {
  test('double barrier: nobody is in before all are, and nobody out before all are, round after round (TestDoubleBarrier)', async (world) => {
    const count = 4;
    const barriers = world.clients(count).map((client) => new DoubleBarrier(client, world.path, count));
    const arrived: number[] = [];
    const left: number[] = [];
    const member = async (barrier: DoubleBarrier, at: number) => {
      for (let round = 0; round < 3; round++) {
        arrived[round] = (arrived[round] ?? 0) + 1;
        const membership = await barrier.enter();
        expect(arrived[round]).toBe(count);
        expect(membership.round).toBe(round + 1);
        if (at === 0) await world.sleep(50);
        left[round] = (left[round] ?? 0) + 1;
        expect(await membership.leave()).toBe(true);
        expect(left[round]).toBe(count);
      }
    };
    await Promise.all(barriers.map(member));
    expect(await world.keys()).toEqual([`${world.path}/round`]);
  });

  test('double barrier: one too many is refused, and not kept waiting (TestDoubleBarrierTooManyClients)', async (world) => {
    const [a, b, c] = world.clients(3).map((client) => new DoubleBarrier(client, world.path, 2));
    const [first, second] = await Promise.all([a?.enter(), b?.enter()]);
    expect(c && (await codeOf(c.enter()))).toBe('TOO_MANY_MEMBERS');
    await Promise.all([first?.leave(), second?.leave()]);
    const [third, fourth] = await Promise.all([c?.enter(), a?.enter()]);
    expect(third?.round).toBe(2);
    await Promise.all([third?.leave(), fourth?.leave()]);
  });

  test('double barrier: a member that dies while others wait does not count, one that dies inside holds up nobody (TestDoubleBarrierFailover)', async (world) => {
    const { shortTtlMs, path } = world;
    const [waiter, dying] = [world.client(), world.client({ ttlMs: shortTtlMs })];
    const entering = new DoubleBarrier(waiter, path, 3).enter();
    const lost = new DoubleBarrier(dying, path, 3).enter().catch(() => 'it died');
    await world.until('two are waiting', async () => (await world.keys(`${path}/1`)).length === 2);
    await world.crash(dying);
    expect(await lost).toBe('it died');
    await world.until('its ticket is gone', async () => (await world.keys(`${path}/1`)).length === 1);
    const [third, mortal] = [world.client(), world.client({ ttlMs: shortTtlMs })];
    const [one, two, three] = await Promise.all([
      entering,
      new DoubleBarrier(third, path, 3).enter(),
      new DoubleBarrier(mortal, path, 3).enter(),
    ]);
    expect(three.isHeld()).toBe(true);
    await world.crash(mortal);
    expect(await Promise.all([one.leave(), two.leave()])).toEqual([true, true]);
  });

  test('double barrier: two whose names begin alike do not mix, nor two members of one client', async (world) => {
    const [one, other] = world.clients(2);
    if (one === undefined || other === undefined) throw new Error('no clients');
    const [foo, foobar] = [
      new DoubleBarrier(one, `${world.path}/foo`, 2),
      new DoubleBarrier(other, `${world.path}/foobar`, 2),
    ];
    const entering = foo.enter();
    const [a, b] = await Promise.all([foobar.enter(), foobar.enter()]);
    expect(await world.keys(`${world.path}/foo/1`)).toHaveLength(1);
    const [c, d] = await Promise.all([entering, foo.enter()]);
    await Promise.all([a, b, c, d].map((member) => member.leave()));
  });

  test('double barrier: as many members as the store can check at once', async (world) => {
    const most = world.admin.traits.maxOps - 4;
    const client = world.client();
    const barrier = new DoubleBarrier(client, world.path, most);
    const members = await Promise.all(Array.from({ length: most }, () => barrier.enter()));
    expect(new Set(members.map(({ token }) => token)).size).toBe(most);
    await Promise.all(members.map((member) => member.leave()));
  });
};
