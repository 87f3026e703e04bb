import { type Op, put, remove, type Store } from '../../core/store.js';
import { same } from './assert.js';
import { entriesOf, Replica, texts, withStore, write } from './tools.js';
import type { ContractCase, ContractWorld } from './world.js';

const writers = 4;
const keysEach = 5;

/** Writes and deletes a few keys over and over, always two at once which must never be seen apart. */
async function scribble(store: Store, prefix: string, rounds: number, between: () => Promise<void>): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    const [left, right] = [`${prefix}${n % keysEach}/left`, `${prefix}${n % keysEach}/right`];
    const ops: Op[] = n % 3 === 2 ? [remove(left), remove(right)] : [put(left, String(n)), put(right, String(n))];
    await write(store, ...ops);
    await between();
  }
}

function checkPairs({ entries }: Replica, prefix: string): void {
  for (const key of entries.keys()) {
    if (!key.startsWith(prefix)) continue;
    const twin = key.endsWith('left') ? key.replace(/left$/, 'right') : key.replace(/right$/, 'left');
    same(entries.get(twin)?.modified, entries.get(key)?.modified, 'the changes of one commit are never seen apart');
  }
}

interface Disturbance {
  readonly rounds: number;
  disturb(world: ContractWorld, watching: Store): Promise<void>;
}

/** Several clients write, one watches; whatever happens meanwhile, what it saw must add up to what is there. */
async function converge(world: ContractWorld, { rounds, disturb }: Disturbance): Promise<void> {
  const watching = await world.open();
  const stores = await Promise.all(Array.from({ length: writers }, () => world.open()));
  const data = `${world.prefix}data/`;
  const end = `${world.prefix}end`;
  const replica = new Replica(world, watching, { prefix: world.prefix });
  const seen = replica.untilKey(end, (state) => checkPairs(state, data));
  const writing = stores.map((store, n) => {
    const between = async (): Promise<void> => (n === 0 ? disturb(world, watching) : undefined);
    return scribble(store, `${data}${n}-`, rounds, between);
  });
  await Promise.all(writing);
  await write(stores[0] as Store, put(end, ''));
  await seen;
  const expected = texts(await entriesOf(watching, { prefix: world.prefix })).sort();
  same(replica.sorted(), expected, 'what the watch told adds up to what a read finds');
  await replica.end();
}

export const watchLoadCases: readonly ContractCase[] = [
  {
    name: 'watch: loses nothing and doubles nothing while several clients write',
    run: (world) => converge(world, { rounds: 40, disturb: async () => {} }),
  },
  {
    name: 'watch: loses nothing and doubles nothing over broken connections',
    needs: 'interrupt',
    run: (world) => {
      let writes = 0;
      const disturb = async (_: ContractWorld, watching: Store): Promise<void> => {
        if (++writes % 10 === 5) await world.interrupt?.(watching);
      };
      return converge(world, { rounds: 40, disturb });
    },
  },
  {
    name: 'watch: goes on when the history is compacted',
    run: (world) => {
      let writes = 0;
      const disturb = async (): Promise<void> => {
        if (++writes % 10 === 5) await world.compact();
      };
      return converge(world, { rounds: 30, disturb });
    },
  },
  {
    name: 'watch: ends up right when the connection breaks and the history is compacted meanwhile',
    needs: 'interrupt',
    run: (world) => {
      let writes = 0;
      const disturb = async (_: ContractWorld, watching: Store): Promise<void> => {
        if (++writes % 10 !== 5) return;
        const interrupting = world.interrupt?.(watching);
        await world.compact();
        await interrupting;
      };
      return converge(world, { rounds: 40, disturb });
    },
  },
  {
    name: 'watch: shows what happened while the cluster was silent, once it is back',
    needs: 'stall',
    run: async (world) => {
      const [watching, writer] = [await world.open(), await world.open()];
      const replica = new Replica(world, watching, { prefix: world.prefix });
      await write(writer, put(`${world.prefix}old`, ''));
      await replica.untilKey(`${world.prefix}old`);
      const resume = await world.stall?.(watching);
      await write(writer, put(`${world.prefix}new`, ''), remove(`${world.prefix}old`));
      await resume?.();
      await replica.untilKey(`${world.prefix}new`);
      same([...replica.entries.keys()], [`${world.prefix}new`], 'the state is the present one');
      await replica.end();
    },
  },
  withStore('watch: a thousand at once on one client each see their key', async (store, world) => {
    const keys = Array.from({ length: 1_000 }, (_, n) => `${world.prefix}${n}`);
    const replicas = keys.map((key) => new Replica(world, store, { key }));
    await Promise.all(replicas.map((replica) => replica.until(() => true)));
    const writing: Promise<bigint>[] = [];
    for (let at = 0; at < keys.length; at += 50) {
      writing.push(write(store, ...keys.slice(at, at + 50).map((key) => put(key, key))));
    }
    await Promise.all(writing);
    await Promise.all(replicas.map((replica, n) => replica.untilKey(keys[n] as string)));
    same(
      replicas.every(({ entries }) => entries.size === 1),
      true,
      'and no other',
    );
    await Promise.all(replicas.map((replica) => replica.end()));
  }),
];
