import { expect, test } from 'vitest';
import type { Store } from '../../../src/core/store.js';
import { PersistentKey } from '../../../src/recipes/persistent-key.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { World } from '../recipes/world.js';

test('a key that was stopped while it looked at the store is not present again when the answer comes', async () => {
  const world = new World();
  const { client, store } = world.node();
  const key = new PersistentKey(client, '/presence', 'one');
  await world.run(key.start());
  const states: string[] = [];
  key.events.on('state', ({ kind }) => states.push(kind));
  // The answer to the update is lost, and the look that is to tell what became of it is held up.
  const read = store.read.bind(store);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  store.read = async (...args: Parameters<Store['read']>) => {
    await gate;
    return await read(...args);
  };
  store.dropAnswers({ verb: 'commit', count: 1 });
  const updated = key.update('two').catch((error: unknown) => error);
  await settle();
  const stopped = key.stop();
  await settle();
  open();
  expect(await world.run(stopped)).toBe(true);
  expect(await updated).toMatchObject({ code: 'RELEASED' });
  expect(states).toEqual(['ended']);
  expect(key.isPresent()).toBe(false);
  expect(await world.end()).toEqual({ keys: [], leases: 0, timers: 0 });
});
