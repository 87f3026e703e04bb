import { type Client, ConfigCache, type ConfigVersion, isCoordinationError, put, remove } from 'coterie';
import { expect } from 'vitest';
import type { Suite, SuiteWorld } from './suite.js';

interface App {
  readonly db: { readonly pool: number; readonly host: string };
  readonly name: string;
}

async function seeded(world: SuiteWorld): Promise<{ path: string; client: Client }> {
  const path = `${world.path}/app`;
  const client = world.client();
  await world.admin.commit([], [put(`${path}/db/pool`, '5'), put(`${path}/db/host`, 'a'), put(`${path}/name`, 'one')]);
  return { path, client };
}

/** What a cached configuration promises on every store. */
export const configCacheSuite: Suite = (test) => {
  test('config: shows what the store holds, and every later commit as a whole', async (world) => {
    const { path, client } = await seeded(world);
    await using cache = await ConfigCache.open<App>(client, path);
    expect(cache.current).toEqual({ db: { pool: 5, host: 'a' }, name: 'one' });
    expect(cache.state).toEqual({ kind: 'fresh' });
    const seen: unknown[] = [];
    cache.onChange((next) => seen.push(next));
    const { revision } = await world.admin.commit([], [put(`${path}/db/pool`, '6'), put(`${path}/name`, 'two')]);
    await world.until('the change', () => cache.revision >= revision);
    expect(seen).toEqual([{ db: { pool: 6, host: 'a' }, name: 'two' }]);
    await world.admin.commit([], [remove(`${path}/db/pool`)]);
    await world.until('the deletion', () => cache.get('db.pool') === undefined);
    expect(cache.get('db.host')).toBe('a');
  });

  test('config: a document in one key, written in parts, exactly as compared', async (world) => {
    const path = `${world.path}/doc`;
    const [one, two] = [world.client(), world.client()];
    await using cache = await ConfigCache.open(one, path, { shape: 'node' });
    await using other = await ConfigCache.open(two, path, { shape: 'node' });
    expect(cache.current).toEqual({});
    const first = await cache.set('db.pool', 5, { ifRevision: 0n });
    await other.waitUntil(first);
    expect(other.current).toEqual({ db: { pool: 5 } });
    const second = await other.set('db.pool', 6, { ifRevision: other.explain('db.pool').revision });
    expect(second).toBeGreaterThan(first);
    const refused = await cache.set('db.pool', 7, { ifRevision: first }).catch((error: unknown) => error);
    expect(isCoordinationError(refused, 'CONFLICT')).toBe(true);
    await cache.waitUntil(second);
    expect(cache.get('db.pool')).toBe(6);
    expect(await world.keys()).toEqual([path]);
  });

  test('config: of layers, the stronger wins, and a commit to two of them is never seen by halves', async (world) => {
    const [common, path] = [`${world.path}/common`, `${world.path}/app`];
    await world.admin.commit([], [put(`${common}/n`, '0'), put(`${path}/m`, '0')]);
    const layers = [{ n: -1, extra: true }, common, path];
    await using cache = await ConfigCache.open<{ n: number; m: number }>(world.client(), path, { layers });
    const seen: { n: number; m: number }[] = [cache.current];
    cache.onChange((next) => seen.push(next));
    for (let i = 1; i <= 20; i++) await world.admin.commit([], [put(`${common}/n`, `${i}`), put(`${path}/m`, `${i}`)]);
    await world.until('the last', () => cache.current.n === 20);
    expect(seen.filter(({ n, m }) => n !== m)).toEqual([]);
    expect(cache.current).toEqual({ n: 20, m: 20, extra: true });
    expect(cache.explain('n')).toMatchObject({ from: common, value: 20 });
  });

  test('config: writes of many at once are all there in the end, and all caches agree', async (world) => {
    const path = `${world.path}/app`;
    const clients = world.clients(3);
    const caches = await Promise.all(
      clients.map((client) => ConfigCache.open<{ n: number }>(client, path, { shape: 'node' })),
    );
    const add = async (cache: ConfigCache<{ n: number }>): Promise<void> => {
      for (;;) {
        const { revision } = cache.explain('n');
        try {
          await cache.waitUntil(await cache.set('n', (cache.current.n ?? 0) + 1, { ifRevision: revision }));
          return;
        } catch (error) {
          if (!isCoordinationError(error, 'CONFLICT')) throw error;
          await world.sleep(20);
        }
      }
    };
    for (let round = 0; round < 3; round++) await Promise.all(caches.map(add));
    await world.until('all agree', () => caches.every(({ current }) => current.n === 9));
    await Promise.all(caches.map((cache) => cache.close()));
  });

  test('config: the history of a key is what the store remembers, where it does', async (world) => {
    const { path, client } = await seeded(world);
    await using cache = await ConfigCache.open<App>(client, path);
    const written = [cache.explain('db.pool').revision];
    if (!world.admin.traits.pastReads) {
      const refused = await cache.history('db.pool').catch((error: unknown) => error);
      expect(isCoordinationError(refused, 'UNSUPPORTED')).toBe(true);
      return;
    }
    for (const n of [6, 7]) {
      written.unshift((await world.admin.commit([], [put(`${path}/db/pool`, String(n))])).revision);
      await world.admin.commit([], [put(`${path}/name`, `with ${n}`)]);
    }
    const { revisions, ...rest } = await cache.history('db.pool');
    expect(rest).toEqual({ storeKey: `${path}/db/pool`, end: 'created', complete: true });
    expect(revisions.map(({ revision, value }) => [revision, value])).toEqual([
      [written[0], 7],
      [written[1], 6],
      [written[2], 5],
    ]);
    const { revision: gone } = await world.admin.commit([], [remove(`${path}/db/pool`)]);
    expect(await cache.history('db.pool')).toMatchObject({ revisions: [], end: 'absent' });
    const again = await world.admin.commit([], [put(`${path}/db/pool`, '8')]);
    expect(await cache.history('db.pool')).toMatchObject({
      revisions: [{ revision: again.revision, value: 8 }],
      end: 'created',
    });
    const before = await cache.history('db.pool', { revision: gone - 1n, limit: 2 });
    expect(before).toMatchObject({ revisions: [{ value: 7 }, { value: 6 }], end: 'limit', complete: false });
  });

  test('config: the versions of an iterator go on from one to the next, up to the newest', async (world) => {
    const { path, client } = await seeded(world);
    const cache = await ConfigCache.open<App>(client, path);
    const versions: ConfigVersion<App>[] = [];
    const reading = (async () => {
      for await (const version of cache) {
        versions.push(version);
        if (version.value.db.pool === 15) break;
      }
    })();
    for (let i = 6; i <= 15; i++) await world.admin.commit([], [put(`${path}/db/pool`, String(i))]);
    await reading;
    for (const [n, { revision, previous }] of versions.entries()) {
      const before = versions[n - 1];
      if (before === undefined) continue;
      expect(revision).toBeGreaterThan(before.revision);
      expect(previous).toBe(before.value);
    }
    await cache.close();
  });
};
