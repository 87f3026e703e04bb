import { describe, expect, test } from 'vitest';
import { DoubleBarrier } from '../../../src/recipes/double-barrier.js';
import { PersistentKey } from '../../../src/recipes/persistent-key.js';
import { ServiceRegistry } from '../../../src/recipes/service-registry.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { inNewWorlds, type World } from './world.js';

let world: World;
inNewWorlds((fresh) => {
  world = fresh;
}, '/double/round');

const reason = new Error('shutting down');
const limits = { signal: AbortSignal.abort(reason) };

describe('to go, told by a signal that is aborted already, as at a shutdown', () => {
  test('a persistent key stayed, and was kept alive; now it goes without being waited for', async () => {
    const key = new PersistentKey(world.node().client, '/up/me', 'here');
    await key.start();
    await expect(key.stop(limits)).rejects.toBe(reason);
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('a registration stayed, and was called on; now it goes without being waited for', async () => {
    const instance = { id: 'one', address: '127.0.0.1', port: 80 };
    const registration = await new ServiceRegistry(world.node().client, '/service').register(instance);
    await expect(registration.leave(limits)).rejects.toBe(reason);
    await settle();
    expect(world.keys()).toEqual([]);
  });

  test('a member of a double barrier stayed in, and held all others up; now it is out', async () => {
    const { client } = world.node();
    const member = await new DoubleBarrier(client, '/double', 1).enter();
    await expect(member.leave(limits)).rejects.toBe(reason);
    await settle();
    expect(world.keys()).not.toContain(member.key);
  });
});
