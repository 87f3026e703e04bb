import { expect, test } from 'vitest';
import type { Store } from '../../../src/core/store.js';
import { Group } from '../../../src/recipes/group.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { World } from '../recipes/world.js';

test('the look for a put that was never answered does not take away what the next one of that name has put meanwhile', async () => {
  const world = new World();
  const { client, store } = world.node();
  const group = new Group<string>(client, '/group');
  await world.run(client.session());
  // Every read is held up while the gate is shut.
  const read = store.read.bind(store);
  let open = (): void => {};
  let gate = Promise.resolve();
  let looks = 0;
  const shut = (): void => {
    gate = new Promise((resolve) => {
      open = resolve;
    });
  };
  store.read = async (...args: Parameters<Store['read']>) => {
    looks++;
    await gate;
    return await read(...args);
  };
  shut();
  store.dropAnswers({ verb: 'commit', count: 1 });
  const giveUp = new AbortController();
  const first = group.join('name', 'first', { signal: giveUp.signal }).catch((error: unknown) => error);
  await settle();
  giveUp.abort(new Error('given up'));
  expect(await world.run(first)).toEqual(new Error('given up'));
  open();
  await world.clock.advance(10);
  expect(world.keys()).toEqual([]);
  // It may yet be applied, so there is another look.
  shut();
  looks = 0;
  while (looks === 0) await world.clock.advance(100);
  const member = await world.run(group.join('name', 'second'));
  open();
  await world.clock.advance(1_000);
  expect(member.isMember()).toBe(true);
  expect(member.state).toMatchObject({ kind: 'present', incarnation: member.token });
  expect(world.cluster.entries()).toMatchObject([{ key: '/group/name', created: member.token }]);
  await world.run(member.leave());
  expect(await world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
});
