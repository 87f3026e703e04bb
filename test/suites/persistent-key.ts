import { type Client, PersistentKey, put, type Store } from 'coterie';
import { expect } from 'vitest';
import type { Suite } from './suite.js';

async function stored(store: Store, key: string): Promise<{ value: string; lease: string | undefined } | undefined> {
  const { entries } = await store.read({ key });
  return entries[0] && { value: new TextDecoder().decode(entries[0].value), lease: entries[0].lease };
}

/** What a persistent key promises on every store. */
export const persistentKeySuite: Suite = (test) => {
  const start = async (client: Client, key: string, value: string): Promise<PersistentKey> => {
    const made = new PersistentKey<unknown>(client, key, value);
    await made.start();
    return made;
  };

  test('persistent key: is put, changed and taken out, all in the same incarnation', async (world) => {
    const key = `${world.path}/me`;
    const mine = await start(world.client(), key, 'one');
    const { incarnation } = mine;
    await mine.update('two');
    expect(await stored(world.admin, key)).toMatchObject({ value: '"two"' });
    expect(mine.incarnation).toBe(incarnation);
    expect((await world.admin.read({ key })).entries[0]?.created).toBe(incarnation);
    expect(await mine.stop()).toBe(true);
    expect(await world.keys()).toEqual([]);
  });

  test('persistent key: comes back after an operator deleted it, and after one overwrote it', async (world) => {
    const key = `${world.path}/me`;
    const mine = await start(world.client(), key, 'one');
    const first = mine.incarnation ?? 0n;
    await world.admin.commit([], [{ kind: 'delete', range: { key } }]);
    await world.until('it is back', () => mine.isPresent() && (mine.incarnation ?? 0n) > first);
    const second = mine.incarnation ?? 0n;
    await world.admin.commit([], [{ kind: 'delete', range: { key } }]);
    await world.admin.commit([], [put(key, 'theirs')]);
    await world.until('it is back again', async () => {
      return (
        mine.isPresent() && (mine.incarnation ?? 0n) > second && (await stored(world.admin, key))?.value === '"one"'
      );
    });
    expect(await mine.stop()).toBe(true);
  });

  test('persistent key: comes back under the next session, and the lost one cannot take it away', async (world) => {
    const key = `${world.path}/me`;
    const client = world.client();
    const mine = await start(client, key, 'one');
    const first = mine.incarnation ?? 0n;
    await world.admin.revoke((await client.session()).lease);
    await world.until('it is back', () => mine.isPresent() && (mine.incarnation ?? 0n) > first);
    expect((await stored(world.admin, key))?.lease).toBe((await client.session()).lease);
    expect(await mine.stop()).toBe(true);
  });

  test('persistent key: one that somebody else has is not had, until he crashed and his lease ran out', async (world) => {
    const key = `${world.path}/me`;
    const other = world.client({ ttlMs: world.shortTtlMs });
    await start(other, key, 'theirs');
    const client = world.client();
    const refused = start(client, key, 'mine');
    await expect(refused).rejects.toMatchObject({ code: 'MEMBER_EXISTS' });
    const waiting = new PersistentKey<unknown>(client, key, 'mine', { onTaken: 'wait' });
    const started = waiting.start();
    await world.crash(other);
    await started;
    expect(await stored(world.admin, key)).toMatchObject({ value: '"mine"' });
    await waiting.stop();
  });
};
