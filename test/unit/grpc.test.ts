/** Real channels and servers of grpc-js on this machine, with instances on the embedded store. */
import {
  credentials,
  experimental,
  Client as GrpcClient,
  Server,
  ServerCredentials,
  type ServiceConfig,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Client as CoterieClient } from '../../src/client.js';
import { type CoterieResolver, type CoterieResolverOptions, registerCoterieResolver } from '../../src/grpc.js';
import { type Client, put, ServiceRegistry } from '../../src/index.js';
import { type EmbeddedCluster, memoryCluster } from '../../src/memory.js';
import { FaultyStore } from '../../src/testing/faulty-store.js';

const path = '/services/echo';
const ends: (() => Promise<unknown> | unknown)[] = [];
let cluster: EmbeddedCluster;
let client: Client;
let registry: ServiceRegistry;

beforeEach(() => {
  cluster = memoryCluster();
  client = cluster.client();
  registry = new ServiceRegistry(client, path);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await client.close();
});

const method = {
  path: '/Echo/Who',
  requestStream: false,
  responseStream: false,
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: String,
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: String,
} as const;

/** A server that answers with its own name. */
async function serve(name: string): Promise<{ readonly port: number; kill(): void }> {
  const server = new Server();
  server.addService(
    { Who: method },
    { Who: (_: unknown, answer: (e: null, text: string) => void) => answer(null, name) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, at: number): void => (error === null ? resolve(at) : reject(error));
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), bound);
  });
  const kill = (): void => server.forceShutdown();
  ends.push(kill);
  return { port, kill };
}

async function instance(name: string) {
  const server = await serve(name);
  const registration = await registry.register({ id: name, address: '127.0.0.1', port: server.port });
  return { ...server, registration };
}

function register(options: CoterieResolverOptions = {}, by: Client = client): CoterieResolver {
  const made = registerCoterieResolver(by, options);
  ends.push(() => made.close());
  return made;
}

function channel(target = 'coterie:///echo', options = {}) {
  const made = new GrpcClient(target, credentials.createInsecure(), options);
  ends.push(() => made.close());
  const call = (deadlineMs = 5_000): Promise<string> =>
    new Promise((resolve, reject) => {
      const deadline = new Date(Date.now() + deadlineMs);
      const answer = (error: ServiceError | null, text?: string): void =>
        error === null ? resolve(text ?? '') : reject(error);
      made.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        'who?',
        { deadline },
        answer,
      );
    });
  /** Who answers a few calls, each once, and the codes of those that failed. */
  const who = async (calls = 6): Promise<string> => {
    const answers = new Set<string>();
    for (let n = 0; n < calls; n++) answers.add(await call().catch((error: ServiceError) => status[error.code] ?? ''));
    return [...answers].sort().join();
  };
  const becomes = (expected: string): Promise<void> =>
    vi.waitFor(async () => expect(await who()).toBe(expected), { timeout: 8_000, interval: 20 });
  return { call, who, becomes, close: () => made.close() };
}

describe('a channel to coterie:///service', () => {
  test('calls all instances, those that come as well, and none that left, while calls are made', async () => {
    register();
    const a = await instance('a');
    const { call, becomes } = channel();
    expect(await call()).toBe('a');
    await instance('b');
    await becomes('a,b');
    await a.registration.leave();
    await becomes('b');
  });

  test('where a server is killed, calls go to the other, before the registry knows of it', async () => {
    register();
    const a = await instance('a');
    await instance('b');
    const { becomes } = channel();
    await becomes('a,b');
    a.kill();
    await becomes('b');
    expect((await registry.instances()).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('calls none that is not healthy, has no weight, or does not pass the filter', async () => {
    register({ filter: ({ meta }) => meta['zone'] !== 'west' });
    const [a, b, c] = [await instance('a'), await instance('b'), await instance('c')];
    await instance('d');
    await a.registration.update({ healthy: false });
    await b.registration.update({ weight: 0 });
    await c.registration.update({ meta: { zone: 'west' } });
    const { becomes } = channel();
    await becomes('d');
    await a.registration.update({ healthy: true });
    await becomes('a,d');
  });

  test('fails at once with UNAVAILABLE while there is no instance, and works when there is one', async () => {
    register();
    const { call, becomes } = channel();
    await expect(call()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('0 instances of "/services/echo" known'),
    });
    const a = await instance('a');
    await becomes('a');
    await a.registration.leave();
    await becomes('UNAVAILABLE');
    await instance('b');
    await becomes('b');
  });

  test('keeps the addresses that it knows while the store is away, and after the client was closed', async () => {
    const store = new FaultyStore(cluster.store());
    const own = new CoterieClient(store);
    ends.push(() => own.close());
    const resolver = register({ checkMs: 50 }, own);
    const a = await instance('a');
    const { call, becomes } = channel();
    expect(await call()).toBe('a');
    store.partition();
    await instance('b');
    await a.registration.leave();
    for (let n = 0; n < 10; n++) expect(await call()).toBe('a');
    store.heal();
    await becomes('b');
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    await own.close();
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'CLOSED' }]));
    expect(await call()).toBe('b');
  });

  test('fails with UNAVAILABLE, and not by the deadline, where the store never answers', async () => {
    const store = new FaultyStore(cluster.store());
    store.partition();
    const own = new CoterieClient(store);
    ends.push(() => own.close());
    register({ checkMs: 50 }, own);
    await instance('a');
    const { call, becomes } = channel();
    await expect(call()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('There is no answer about "/services/echo"'),
    });
    store.heal();
    await becomes('a');
  });

  test('is told only of new addresses: what else an instance says breaks no connection', async () => {
    const told: unknown[] = [];
    const { createResolver } = experimental;
    register();
    const a = await instance('a');
    const target = { scheme: 'coterie', authority: '', path: 'echo' };
    const resolver = createResolver(target, (endpoints) => told.push(endpoints) > 0, {});
    resolver.updateResolution();
    resolver.updateResolution();
    expect(told).toEqual([]);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    await a.registration.update({ load: 3, meta: { v: 2 } });
    const b = await instance('b');
    await vi.waitFor(() => expect(told).toHaveLength(2));
    resolver.destroy();
    await b.registration.leave();
    expect(told).toHaveLength(2);
    resolver.updateResolution();
    await vi.waitFor(() => expect(told).toHaveLength(3));
    const addresses = [{ addresses: [{ host: '127.0.0.1', port: a.port }] }];
    expect(told[2]).toEqual({ ok: true, value: addresses });
    resolver.destroy();
  });

  test('what is no instance is skipped and told of', async () => {
    const resolver = register();
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    await client.store.commit([], [put(`${path}/x`, 'x')]);
    await instance('a');
    expect(await channel().call()).toBe('a');
    expect(errors).toMatchObject([{ code: 'CORRUPT_DATA' }]);
  });

  test.each(['pick_first', 'channel'] as const)(
    'with %s, one instance has all calls, and the next one takes over',
    async (config) => {
      register({ serviceConfig: config });
      const servers = new Map([
        ['a', await instance('a')],
        ['b', await instance('b')],
      ]);
      const { who, becomes } = channel();
      const first = await who();
      expect(['a', 'b']).toContain(first);
      servers.get(first)?.kill();
      await becomes(first === 'a' ? 'b' : 'a');
    },
  );

  test('a service config of the user is handed on', async () => {
    const serviceConfig = { loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] };
    register({ serviceConfig });
    await instance('a');
    await instance('b');
    await channel().becomes('a,b');
  });

  test('a service config that grpc-js can make nothing of fails calls, or means pick_first, and harms no process', async () => {
    const resolver = register({ serviceConfig: { loadBalancingConfig: [{ 'no such policy': {} }], methodConfig: [] } });
    const errors: unknown[] = [];
    resolver.events.on('error', (error) => errors.push(error));
    await instance('a');
    expect(await channel().call()).toBe('a');
    // What plain JavaScript may hand over.
    const nonsense = { loadBalancingConfig: 7 } as unknown as ServiceConfig;
    const worse = register({ name: 'worse', serviceConfig: nonsense });
    worse.events.on('error', (error) => errors.push(error));
    await expect(channel('coterie://worse/echo').call()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(errors).toEqual([expect.any(TypeError)]);
  });

  test('the instance that left while pick_first calls it is called for as long as its connection lives', async () => {
    register({ serviceConfig: 'pick_first' });
    const a = await instance('a');
    const { call, becomes } = channel();
    expect(await call()).toBe('a');
    await a.registration.leave();
    await instance('b');
    await becomes('b');
  });
});

describe('registering', () => {
  test('several clients are told apart by the authority', async () => {
    const otherCluster = memoryCluster();
    const other = otherCluster.client();
    ends.push(() => other.close());
    register();
    register({ name: 'east', prefix: '/apps' }, other);
    await instance('here');
    const there = await serve('there');
    await new ServiceRegistry(other, '/apps/team/the echo:1').register({
      id: 'x',
      address: '127.0.0.1',
      port: there.port,
    });
    expect(await channel().call()).toBe('here');
    expect(await channel('coterie:echo').call()).toBe('here');
    expect(await channel('coterie://east/team/the echo:1').call()).toBe('there');
  });

  test('a name that is taken is refused, and free again after close', async () => {
    const first = register();
    expect(() => register()).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', problem: 'taken' }));
    first.close();
    first.close();
    const second = register();
    first.close();
    await instance('a');
    expect(await channel().call()).toBe('a');
    second.close();
  });

  test('after close, old channels go on with what they know, and new ones fail until the name is registered again', async () => {
    const first = register();
    await instance('a');
    const old = channel();
    expect(await old.call()).toBe('a');
    first.close();
    const fresh = channel();
    await expect(fresh.call()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('no client is registered for coterie:///'),
    });
    expect(await old.call()).toBe('a');
    await instance('b');
    register();
    await fresh.becomes('a,b');
    await old.becomes('a,b');
  });

  test('a channel that is closed leaves no watch behind', async () => {
    const store = new FaultyStore(cluster.store());
    const own = new CoterieClient(store);
    ends.push(() => own.close());
    register({ checkMs: 10 }, own);
    await instance('a');
    const { call, close } = channel();
    expect(await call()).toBe('a');
    close();
    const { watch } = store.requests;
    // Two that are made and answered after it: time enough for a check that were still going on.
    const later = channel();
    await later.becomes('a');
    later.close();
    const after = store.requests.watch;
    await instance('b');
    expect(store.requests.watch).toBe(after);
    expect(after).toBeGreaterThan(watch);
  });

  test('bad input is refused', () => {
    const made = (options: object) => () => registerCoterieResolver(client, options);
    const coded = (code: string, field?: string) =>
      expect.objectContaining(field === undefined ? { code } : { code, field });
    expect(made({ prefix: '/services/' })).toThrow(coded('INVALID_PREFIX'));
    expect(made({ name: 'East/1' })).toThrow(coded('INVALID_OPTION', 'name'));
    expect(made({ filter: 1 })).toThrow(coded('INVALID_OPTION', 'filter'));
    expect(made({ serviceConfig: 'best' })).toThrow(coded('INVALID_OPTION', 'serviceConfig'));
    expect(made({ checkMs: 0 })).toThrow(coded('INVALID_TIMEOUT'));
    expect(made({ ttlMs: 1 })).toThrow(coded('UNKNOWN_OPTION'));
    register();
    expect(() => channel('coterie:///a/../b')).toThrow(coded('INVALID_KEY'));
  });
});
