import {
  type Client,
  decodeText,
  type Isolation,
  isCoordinationError,
  put,
  remove,
  stm,
  stmResult,
  textCodec,
} from 'coterie';
import { expect } from 'vitest';
import type { Suite, SuiteWorld } from './suite.js';

const serializable: readonly Isolation[] = ['serializable-snapshot', 'serializable'];
const checked: readonly Isolation[] = [...serializable, 'repeatable-reads'];
const all: readonly Isolation[] = [...checked, 'read-committed'];

async function write(world: SuiteWorld, values: Readonly<Record<string, unknown>>): Promise<void> {
  const ops = Object.entries(values).map(([key, value]) => put(`${world.path}${key}`, JSON.stringify(value)));
  await world.admin.commit([], ops);
}

async function valueAt(world: SuiteWorld, key: string): Promise<unknown> {
  const { entries } = await world.admin.read({ key: `${world.path}${key}` });
  return entries[0] && JSON.parse(decodeText(entries[0].value));
}

const codeOf = (error: unknown): string | undefined => (isCoordinationError(error) ? error.code : undefined);

/** Both take one from two accounts that may not both be empty, after both have looked: what serial runs never do. */
async function skew(world: SuiteWorld, clients: readonly Client[], isolation: Isolation): Promise<unknown[]> {
  const { path } = world;
  await write(world, { '/x': 1, '/y': 1 });
  let looked = 0;
  const take = (client: Client, key: string) =>
    stm(
      client,
      async (tx) => {
        const [x = 0, y = 0] = await Promise.all([tx.get<number>(`${path}/x`), tx.get<number>(`${path}/y`)]);
        looked++;
        await world.until('both have looked', () => looked >= 2);
        if (x + y > 1) tx.put(`${path}/${key}`, 0);
      },
      { isolation },
    );
  await Promise.all(['x', 'y'].map((key, at) => take(clients[at] as Client, key)));
  return [await valueAt(world, '/x'), await valueAt(world, '/y')];
}

/** What a transaction promises on every store. */
export const stmSuite: Suite = (test) => {
  test('stm: applies all that the function wrote, and resolves to what it returned', async (world) => {
    const { path } = world;
    await write(world, { '/a': 1, '/b': 'gone' });
    const client = world.client();
    const { value, revision, attempts } = await stmResult(client, async (tx) => {
      const a = await tx.get<number>(`${path}/a`);
      tx.put(`${path}/a`, (a ?? 0) + 1);
      tx.put(`${path}/c`, { made: true });
      tx.delete(`${path}/b`);
      return a;
    });
    expect([value, attempts]).toEqual([1, 1]);
    expect(await valueAt(world, '/a')).toBe(2);
    expect(await valueAt(world, '/c')).toEqual({ made: true });
    expect(await world.keys()).toEqual([`${path}/a`, `${path}/c`]);
    const { entries } = await world.admin.read({ key: `${path}/c` });
    expect(entries[0]?.modified).toBe(revision);
  });

  test('stm: a key that does not exist can be made (TestSTMPutNewKey)', async (world) => {
    const { path } = world;
    for (const isolation of all) {
      const key = `${path}/${isolation}`;
      const seen = await stm(
        world.client(),
        async (tx) => {
          const before = await tx.get(key);
          tx.put(key, 'bar');
          return before;
        },
        { isolation },
      );
      expect(seen).toBeUndefined();
      expect(await valueAt(world, `/${isolation}`)).toBe('bar');
    }
  });

  test('stm: when the function throws, nothing is applied, and it is not run again (TestSTMAbort)', async (world) => {
    const { path } = world;
    const reason = new Error('no');
    let runs = 0;
    const failing = stm(world.client(), async (tx) => {
      runs++;
      await tx.get(`${path}/k`);
      tx.put(`${path}/k`, 'baz');
      throw reason;
    });
    await expect(failing).rejects.toBe(reason);
    expect(runs).toBe(1);
    expect(await world.keys()).toEqual([]);
  });

  test('stm: many that move amounts between accounts keep the total (TestSTMConflict)', async (world) => {
    const { path } = world;
    const clients = world.clients(4);
    await write(world, Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`/acc/${i}`, 100])));
    const move = (client: Client, from: number, to: number) =>
      stm(client, async (tx) => {
        const [fromKey, toKey] = [`${path}/acc/${from}`, `${path}/acc/${to}`];
        const [a = 0, b = 0] = await Promise.all([tx.get<number>(fromKey), tx.get<number>(toKey)]);
        tx.put(fromKey, a - 1);
        tx.put(toKey, b + 1);
      });
    const moves = clients.map(async (client, at) => {
      for (let i = 0; i < 8; i++) await move(client, (at + i) % 5, (at + i + 1 + (i % 3)) % 5);
    });
    await Promise.all(moves);
    const { entries } = await world.admin.read({ prefix: `${path}/acc/` });
    expect(entries.reduce((sum, { value }) => sum + Number(decodeText(value)), 0)).toBe(500);
  });

  test('stm: of many that add to one number, each counts once', async (world) => {
    const key = `${world.path}/n`;
    const clients = world.clients(4);
    const add = (client: Client) => stm(client, async (tx) => tx.put(key, ((await tx.get<number>(key)) ?? 0) + 1));
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i < 10; i++) await add(client);
      }),
    );
    expect(await valueAt(world, '/n')).toBe(40);
  });

  test('stm: no function ever sees a torn state at the serializable levels (TestSTMSerialize)', async (world) => {
    const { path } = world;
    const [reader, writer] = world.clients(2) as [Client, Client];
    await write(world, { '/a': 0, '/b': 0 });
    let done = false;
    const writing = (async () => {
      for (let i = 1; i <= 15; i++) {
        await stm(writer, (tx) => {
          tx.put(`${path}/a`, i);
          tx.put(`${path}/b`, i);
        });
        await world.sleep(1);
      }
      done = true;
    })();
    while (!done) {
      for (const isolation of serializable) {
        await stm(
          reader,
          async (tx) => {
            const a = await tx.get(`${path}/a`);
            // Not together, or they would be of one revision at any level.
            const b = await tx.get(`${path}/b`);
            if (a !== b) throw new Error(`torn: ${a}, ${b}`);
          },
          { isolation },
        );
      }
      await world.sleep(1);
    }
    await writing;
  });

  test('stm: a key that is deleted after it was read is a conflict (TestSTMApplyOnConcurrentDeletion)', async (world) => {
    const key = `${world.path}/foo`;
    for (const isolation of checked) {
      await write(world, { '/foo': 'bar' });
      const seen: unknown[] = [];
      const { attempts } = await stmResult(
        world.client(),
        async (tx) => {
          seen.push(await tx.get(key));
          if (seen.length === 1) await world.admin.commit([], [remove(key)]);
          tx.put(`${key}2`, 'bar2');
        },
        { isolation },
      );
      expect([isolation, attempts, seen]).toEqual([isolation, 2, ['bar', undefined]]);
    }
  });

  test('stm: what was written long after what is read can be written over (TestSTMSerializableSnapshotPut)', async (world) => {
    const { path } = world;
    await write(world, { '/a': 0 });
    const client = world.client();
    for (let i = 1; i <= 3; i++) {
      const { attempts } = await stmResult(client, async (tx) => {
        await tx.get(`${path}/a`);
        tx.put(`${path}/b`, i);
      });
      expect(attempts).toBe(1);
    }
    expect(await valueAt(world, '/b')).toBe(3);
  });

  test('stm: reads an older and a newer key, writes both, and commits at the first attempt', async (world) => {
    const { path } = world;
    await write(world, { '/a': 5 });
    await write(world, { '/b': 10 });
    for (const isolation of all) {
      const { attempts } = await stmResult(
        world.client(),
        async (tx) => {
          for (const key of ['/a', '/b']) tx.put(path + key, ((await tx.get<number>(path + key)) ?? 0) + 1);
        },
        { isolation },
      );
      expect(attempts).toBe(1);
    }
    expect([await valueAt(world, '/a'), await valueAt(world, '/b')]).toEqual([9, 14]);
  });

  test('stm: a value that was changed and changed back is a conflict all the same', async (world) => {
    const { path } = world;
    for (const isolation of checked) {
      await write(world, { '/k': 'A' });
      let runs = 0;
      const { attempts } = await stmResult(
        world.client(),
        async (tx) => {
          await tx.get(`${path}/k`);
          if (++runs === 1) {
            await write(world, { '/k': 'B' });
            await write(world, { '/k': 'A' });
          }
          tx.put(`${path}/other`, runs);
        },
        { isolation },
      );
      expect([isolation, attempts]).toEqual([isolation, 2]);
    }
  });

  test('stm: write skew is kept out where reads are checked, and only there', async (world) => {
    const clients = world.clients(2);
    for (const isolation of checked) {
      const left = (await skew(world, clients, isolation)) as number[];
      expect([isolation, [...left].sort()]).toEqual([isolation, [0, 1]]);
    }
    expect(await skew(world, clients, 'read-committed')).toEqual([0, 0]);
  });

  test('stm: what is written without being read was not written by others since the first read', async (world) => {
    const { path } = world;
    const blind = async (isolation: Isolation, prefetch: readonly string[]): Promise<number> => {
      await write(world, { '/a': 0, '/b': 0 });
      let runs = 0;
      const { attempts } = await stmResult(
        world.client(),
        async (tx) => {
          await tx.get(`${path}/a`);
          if (++runs === 1) await write(world, { '/b': 'theirs' });
          tx.put(`${path}/b`, 'mine');
        },
        { isolation, prefetch },
      );
      return attempts;
    };
    const keys = [`${path}/a`, `${path}/b`];
    expect(await blind('serializable-snapshot', keys)).toBe(2);
    expect(await blind('serializable-snapshot', [])).toBe(world.admin.traits.rangeGuards ? 2 : 1);
    expect(await blind('serializable', keys)).toBe(1);
  });

  test('stm: a range has what lies under it, with the own writes of the transaction', async (world) => {
    const { path } = world;
    await write(world, { '/r/a': 1, '/r/b': 2, '/r/d/deep': 3, '/rx': 9 });
    const isolation = world.admin.traits.rangeGuards ? 'serializable-snapshot' : 'repeatable-reads';
    const seen = await stm(
      world.client(),
      async (tx) => {
        tx.put(`${path}/r/c`, 7);
        tx.delete(`${path}/r/a`);
        tx.put(`${path}/ry`, 8);
        return [...(await tx.range<number>(`${path}/r/`))];
      },
      { isolation },
    );
    expect(seen).toEqual([
      [`${path}/r/b`, 2],
      [`${path}/r/c`, 7],
      [`${path}/r/d/deep`, 3],
    ]);
  });

  test('stm: nobody adds to a range that was read, or the store says that it cannot tell', async (world) => {
    const { path } = world;
    const { rangeGuards } = world.admin.traits;
    await write(world, { '/r/1': 'row' });
    for (const isolation of all) {
      let runs = 0;
      const rows = (await world.keys(`${path}/r`)).length;
      const counted = stmResult(
        world.client(),
        async (tx) => {
          const { size } = await tx.range(`${path}/r/`);
          if (++runs === 1) await write(world, { [`/r/${isolation}`]: 'row' });
          tx.put(`${path}/count`, size);
          return size;
        },
        { isolation },
      );
      if (!serializable.includes(isolation)) {
        const { attempts, value } = await counted;
        expect([isolation, attempts, value]).toEqual([isolation, 1, rows]);
      } else if (rangeGuards) {
        const { attempts, value } = await counted;
        expect([isolation, attempts, value]).toEqual([isolation, 2, rows + 1]);
      } else {
        expect(codeOf(await counted.catch((error: unknown) => error))).toBe('UNSUPPORTED');
      }
    }
  });

  test('stm: a key that goes from a range, or is changed in it, is a conflict', async (world) => {
    const { path } = world;
    const isolation = world.admin.traits.rangeGuards ? 'serializable' : 'repeatable-reads';
    for (const change of [remove(`${path}/r/2`), put(`${path}/r/2`, '"new"')]) {
      await write(world, { '/r/1': 'row', '/r/2': 'row', '/r/3': 'row' });
      let runs = 0;
      const { attempts } = await stmResult(
        world.client(),
        async (tx) => {
          await tx.range(`${path}/r/`);
          if (++runs === 1) await world.admin.commit([], [change]);
          tx.put(`${path}/count`, runs);
        },
        { isolation },
      );
      expect(attempts).toBe(2);
    }
  });

  test('stm: deletes a range together with its other writes', async (world) => {
    const { path } = world;
    await write(world, { '/r/1': 'row', '/r/2/deep': 'row', '/rx': 'stays' });
    await stm(world.client(), (tx) => {
      tx.put(`${path}/r/3`, 'never');
      tx.deleteRange(`${path}/r/`);
      tx.put(`${path}/done`, true);
    });
    expect((await world.keys()).sort()).toEqual([`${path}/done`, `${path}/rx`]);
  });

  test('stm: gives up after so many retries, and names the keys that others changed', async (world) => {
    const { path } = world;
    await write(world, { '/still': 0 });
    let runs = 0;
    const failing = stm(
      world.client(),
      async (tx) => {
        await Promise.all([tx.get(`${path}/busy`), tx.get(`${path}/still`)]);
        await write(world, { '/busy': ++runs });
        tx.put(`${path}/out`, runs);
      },
      { maxRetries: 2 },
    );
    const error = await failing.catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'CONFLICT', keys: [`${path}/busy`] });
    expect(runs).toBe(3);
    expect(await valueAt(world, '/out')).toBeUndefined();
  });

  test('stm: what was read in one that writes nothing is of one revision, which is told', async (world) => {
    const { path } = world;
    await write(world, { '/a': 1, '/b': 1 });
    let runs = 0;
    const { value, attempts } = await stmResult(world.client(), async (tx) => {
      const a = await tx.get(`${path}/a`);
      if (++runs === 1) await write(world, { '/a': 2, '/b': 2 });
      return [a, await tx.get(`${path}/b`)];
    });
    expect([value, attempts]).toEqual([[2, 2], 2]);
  });

  test('stm: values go through the codec of the transaction or of the call', async (world) => {
    const { path } = world;
    await world.admin.commit([], [put(`${path}/t`, 'plain')]);
    const seen = await stm(
      world.client(),
      async (tx) => {
        tx.put(`${path}/u`, `${await tx.get(`${path}/t`)}!`);
        tx.put<number>(`${path}/n`, 1, { codec: { encode: (n) => Uint8Array.of(n), decode: ([n = 0]) => n } });
        return await tx.get(`${path}/u`);
      },
      { codec: textCodec },
    );
    expect(seen).toBe('plain!');
    const { entries } = await world.admin.read({ prefix: `${path}/` });
    expect(entries.map(({ value }) => decodeText(value))).toEqual(['\u0001', 'plain', 'plain!']);
  });

  test('stm: leaves nothing but what it wrote when its client is closed', async (world) => {
    const { path } = world;
    const client = world.client();
    const marker = `${path}/marks`;
    for (let i = 0; i < 3; i++) await stm(client, (tx) => tx.put(`${path}/k`, i), { marker });
    expect(await world.keys(marker)).toHaveLength(1);
    await client.close();
    expect(await world.keys()).toEqual([`${path}/k`]);
  });
};
