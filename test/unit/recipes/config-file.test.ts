import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../../src/client.js';
import { isCoordinationError } from '../../../src/errors.js';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import { fileText, parseFile, readSnapshot } from '../../../src/recipes/config-file.js';
import type { ConfigOptions } from '../../../src/recipes/config-options.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import { MemoryCluster } from '../../../src/transport/memory/cluster.js';

// Files take real time, so these tests are on the real clock; they wait for nothing but conditions.
const path = '/config/app';
const subject = { paths: [path], shape: 'tree' };

let folder: string;
let file: string;
let cluster: MemoryCluster;
let closing: (() => Promise<void>)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coterie-config-'));
  file = join(folder, 'last.json');
  cluster = new MemoryCluster();
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  await rm(folder, { recursive: true });
});

async function opened(options: ConfigOptions<unknown> = {}, cut = false) {
  const store = new FaultyStore(cluster.store());
  if (cut) store.partition();
  const client = new Client(store);
  closing.push(() => {
    store.heal();
    return client.close();
  });
  const errors: unknown[] = [];
  const timeoutMs = cut ? 20 : 5_000;
  const onError = (error: unknown): void => void errors.push(error);
  const cache = await ConfigCache.open(client, path, { snapshotFile: file, timeoutMs, onError, ...options });
  closing.unshift(() => cache.close());
  return { cache, store, errors };
}

async function saved(values: Record<string, string>): Promise<string> {
  for (const [key, text] of Object.entries(values)) cluster.putKey(`${path}/${key}`, text);
  const { cache } = await opened();
  await cache.close();
  return await readFile(file, 'utf8');
}

describe('the snapshot file', () => {
  test('is for its owner alone, and is what a start without the store begins with', async () => {
    await saved({ 'db/pool': '5', name: 'x' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['last.json']);
    const { cache, store, errors } = await opened({ layers: [{ extra: 1 }, path] }, true);
    expect(cache.current).toEqual({ db: { pool: 5 }, name: 'x', extra: 1 });
    expect(Object.isFrozen(cache.get('db'))).toBe(true);
    expect(cache).toMatchObject({ source: 'snapshot', revision: 3n, state: { kind: 'stale' } });
    expect(cache.staleSince).toBeLessThanOrEqual(Date.now());
    expect(errors).toEqual([]);
    const before = cache.current;
    const changes: unknown[] = [];
    cache.onChange((next) => changes.push(next));
    store.heal();
    await expect.poll(() => cache.state.kind).toBe('fresh');
    expect(cache.source).toBe('store');
    expect(cache.current).toBe(before);
    cluster.putKey(`${path}/name`, 'y');
    await expect.poll(() => cache.get('name')).toBe('y');
    expect(cache.get('db')).toBe((before as { db: unknown }).db);
    expect(changes).toHaveLength(1);
  });

  test('cut off at any byte, or with any byte changed, is never taken for whole', async () => {
    const text = await saved({ 'db/pool': '5' });
    const whole = await parseFile(file, text, subject);
    expect(whole).toMatchObject({ revision: 2n, layers: [{ db: { pool: 5 } }] });
    for (let length = 0; length < text.length; length++) {
      await expect(parseFile(file, text.slice(0, length), subject)).rejects.toMatchObject({ code: 'CORRUPT_DATA' });
      const changed = `${text.slice(0, length)}${text[length] === 'x' ? 'y' : 'x'}${text.slice(length + 1)}`;
      await expect(parseFile(file, changed, subject)).rejects.toMatchObject({ code: 'CORRUPT_DATA' });
    }
    for (const more of ['\n', 'x', text]) {
      await expect(parseFile(file, text + more, subject)).rejects.toMatchObject({ code: 'CORRUPT_DATA' });
    }
  });

  test('that is torn, foreign, or may be written by others is ignored, with an event', async () => {
    const text = await saved({ n: '1' });
    const other = await fileText(
      { paths: ['/config/other'], shape: 'tree' },
      { revision: 1n, savedMs: 0, layers: [{}] },
    );
    for (const content of ['', 'null\n', text.slice(0, -9), other]) {
      await writeFile(file, content);
      const { cache, errors } = await opened({ layers: [{ n: 0 }, path] }, true);
      expect(cache).toMatchObject({ current: { n: 0 }, source: 'defaults' });
      expect(errors.some((error) => isCoordinationError(error, 'CORRUPT_DATA'))).toBe(true);
    }
    await writeFile(file, text);
    await chmod(file, 0o620);
    await expect(readSnapshot(file, subject)).rejects.toMatchObject({ code: 'CORRUPT_DATA' });
    await rm(file);
    expect(await readSnapshot(file, subject)).toBeUndefined();
    await expect(opened({}, true)).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('that does not pass the schema of today is not used', async () => {
    await saved({ n: '1' });
    const validate = (value: unknown) => {
      const { n } = value as { n: number };
      return n > 1 ? { value } : { issues: [{ message: 'too small', path: ['n'] }] };
    };
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const;
    await expect(opened({ schema }, true)).rejects.toMatchObject({ code: 'TIMEOUT' });
    // Nor is what the store holds, where it is there.
    await expect(opened({ schema })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  test('stands in for a store that was emptied, or holds what is not valid', async () => {
    await saved({ n: '1' });
    cluster.deleteKey(`${path}/n`);
    const { cache } = await opened();
    expect(cache).toMatchObject({ current: { n: 1 }, source: 'snapshot', state: { kind: 'invalid' } });
    expect(cache.rejected).toMatchObject({ reason: 'empty' });
    const { cache: trusting } = await opened({ onEmpty: 'accept' });
    expect(trusting).toMatchObject({ current: {}, source: 'defaults' });
  });

  test('holds the last good value, not the one that was refused after it', async () => {
    const validate = (value: unknown) => {
      const { n } = value as { n: number };
      return n > 0 ? { value } : { issues: [{ message: 'too small' }] };
    };
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const;
    cluster.putKey(`${path}/n`, '1');
    const { cache } = await opened({ schema });
    cluster.putKey(`${path}/n`, '2');
    await expect.poll(() => cache.get('n')).toBe(2);
    cluster.putKey(`${path}/n`, '-1');
    await expect.poll(() => cache.state.kind).toBe('invalid');
    await cache.close();
    expect((await readSnapshot(file, subject))?.layers).toEqual([{ n: 2 }]);
  });

  test('that cannot be written is told of, and harms nobody', async () => {
    cluster.putKey(`${path}/n`, '1');
    const { cache, errors } = await opened({ snapshotFile: join(folder, 'no', 'such', 'folder.json') });
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    expect(errors[0]).toMatchObject({ code: 'UNAVAILABLE', field: 'snapshotFile' });
    await mkdir(file);
    const { cache: other, errors: more } = await opened();
    await expect.poll(() => more.length).toBeGreaterThan(0);
    expect([cache.current, other.current]).toEqual([{ n: 1 }, { n: 1 }]);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('is not written with what JSON would change', async () => {
    const odd = [Number.NaN, new Date(0), 5n, undefined, { toJSON: () => 1 }];
    for (const value of odd) {
      const content = { revision: 1n, savedMs: 0, layers: [{ list: [value] }] };
      await expect(fileText(subject, content)).rejects.toThrow(TypeError);
    }
  });

  test('written over and over by several is always one of theirs, whole', async () => {
    cluster.putKey(`${path}/n`, '0');
    const several = await Promise.all([opened(), opened(), opened()]);
    for (let n = 1; n <= 30; n++) {
      cluster.putKey(`${path}/n`, String(n));
      const found = await readSnapshot(file, subject);
      expect(found === undefined || found.layers.length === 1).toBe(true);
    }
    await Promise.all(several.map(({ cache }) => cache.close()));
    expect((await readSnapshot(file, subject))?.layers).toEqual([{ n: 30 }]);
    expect(await readdir(folder)).toEqual(['last.json']);
  });
});
