import { put, ServiceRegistry } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

/** What a service registry promises on every store. */
export const serviceRegistrySuite: Suite = (test) => {
  const at = (id: string, port = 80) => ({ id, address: '10.0.0.1', port });

  test('service registry: an instance is seen with all that it says, and gone after it left', async (world) => {
    const { path } = world;
    const registry = new ServiceRegistry(world.client(), path);
    const info = { ...at('a'), weight: 3, meta: { zone: 'east' } };
    const registration = await registry.register(info);
    const others = new ServiceRegistry(world.client(), path);
    const seen = { ...info, load: 0, healthy: true, incarnation: registration.incarnation };
    expect(await others.instances()).toMatchObject([seen]);
    await registration.update({ load: 7, healthy: false });
    expect(await others.instances()).toMatchObject([{ ...seen, load: 7, healthy: false }]);
    expect(await registration.leave()).toBe(true);
    expect(await others.instances()).toEqual([]);
  });

  test('service registry: a resolver follows instances that come, change and go', async (world) => {
    const { path } = world;
    const registry = new ServiceRegistry(world.client(), path);
    await using resolver = await new ServiceRegistry(world.client(), path).resolver();
    const ids = () => resolver.view.instances.map(({ id }) => id).join();
    expect(() => resolver.pick()).toThrow(expect.objectContaining({ code: 'NO_INSTANCE', problem: 'empty' }));
    await using a = await registry.register(at('a'));
    await using b = await registry.register(at('b'));
    await world.until('both are seen', () => ids() === 'a,b');
    expect(new Set([resolver.pick().instance.id, resolver.pick().instance.id])).toEqual(new Set(['a', 'b']));
    await a.update({ healthy: false });
    await world.until('a is not healthy', () => resolver.view.instances[0]?.healthy === false);
    expect([resolver.pick().instance.id, resolver.pick().instance.id]).toEqual(['b', 'b']);
    await b.leave();
    await world.until('b is gone', () => ids() === 'a');
    expect(() => resolver.pick()).toThrow(expect.objectContaining({ code: 'NO_INSTANCE', problem: 'none-fit' }));
  });

  test('service registry: a crashed instance goes with its lease', async (world) => {
    const { path, shortTtlMs } = world;
    const crashing = world.client({ ttlMs: shortTtlMs });
    await new ServiceRegistry(crashing, path).register(at('a'));
    await using resolver = await new ServiceRegistry(world.client(), path).resolver();
    expect(resolver.pick().instance.id).toBe('a');
    await world.crash(crashing);
    await world.until('it is gone', () => resolver.view.instances.length === 0, world.expiryMs(shortTtlMs) + 10_000);
  });

  test('service registry: an instance whose session was lost comes back as another incarnation', async (world) => {
    const { path } = world;
    const client = world.client();
    const registry = new ServiceRegistry(client, path);
    await using registration = await registry.register(at('a'));
    const first = registration.incarnation ?? 0n;
    await using resolver = await new ServiceRegistry(world.client(), path).resolver();
    await world.admin.revoke((await client.session()).lease);
    await world.until('it is seen again', () => (resolver.view.instances[0]?.incarnation ?? 0n) > first);
    expect(resolver.view.instances).toHaveLength(1);
  });

  test('service registry: what is no instance is skipped, and told of', async (world) => {
    const { path } = world;
    const registry = new ServiceRegistry(world.client(), path);
    await using _ = await registry.register(at('a'));
    const foreign = [put(`${path}/empty`, ''), put(`${path}/text`, 'x'), put(`${path}/deep/er`, '{}')];
    await world.admin.commit([], [...foreign, put(`${path}/port`, '{"address":"b","port":"80"}')]);
    await world.admin.commit([], [put(`${path}/byhand`, '{"address":"b","port":80}')]);
    const told: unknown[] = [];
    registry.events.on('error', (error) => told.push(error));
    expect((await registry.instances()).map(({ id }) => id)).toEqual(['a', 'byhand']);
    expect(told).toHaveLength(4);
    expect(told).toEqual(told.map(() => expect.objectContaining({ code: 'CORRUPT_DATA' })));
    await using resolver = await registry.resolver();
    expect(resolver.view.instances.map(({ id }) => id)).toEqual(['a', 'byhand']);
  });
};
