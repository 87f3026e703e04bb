import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditedWatch } from '../../../src/core/audited-watch.js';
import { applyBatch, RangeView } from '../../../src/core/range-view.js';
import type { Batch, Entry, Store, Watch } from '../../../src/core/store.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { type Node, World } from '../recipes/world.js';

const prefix = 'audited/';
let world: World;
let node: Node;
/** How many of the next changes the server forgets to tell. */
let losing: number;
let watches: number;

/** As etcd #17529, #18089, #19179: the change was made, and no event of it ever comes. */
function forgetful(watch: Watch): Watch {
  const next = async (): Promise<IteratorResult<Batch>> => {
    for (;;) {
      const result = await watch.next();
      if (result.done === true || result.value.kind === 'snapshot' || losing === 0) return result;
      losing--;
    }
  };
  return { next, return: () => watch.return(), [Symbol.asyncIterator]: () => forgetful(watch) };
}

beforeEach(() => {
  world = new World();
  node = world.node();
  [losing, watches] = [0, 0];
  const watch = node.store.watch.bind(node.store);
  node.store.watch = (...args: Parameters<Store['watch']>) => {
    watches++;
    return forgetful(watch(...args));
  };
});

afterEach(async () => {
  expect(await world.end()).toMatchObject({ leases: 0, timers: 0 });
});

/** What one who follows the watch knows; `batches` counts what it was told. */
function follow(watch: AuditedWatch) {
  const known = { entries: new Map<string, Entry>(), batches: 0, said: (): string[] => [] };
  known.said = () => [...known.entries.values()].map(({ key, value }) => `${key}=${Buffer.from(value)}`).sort();
  const run = async (): Promise<void> => {
    for await (const batch of watch) {
      known.batches++;
      applyBatch(known.entries, batch);
    }
  };
  void run();
  return known;
}

describe('an audited watch', () => {
  test('makes good what the server never told, a put and a delete, within 75 seconds', async () => {
    world.cluster.putKey(`${prefix}a`, '1');
    world.cluster.putKey(`${prefix}b`, '1');
    const watch = new AuditedWatch(node.client, { prefix });
    const known = follow(watch);
    await world.clock.advance(10);
    losing = 2;
    world.cluster.putKey(`${prefix}a`, '2');
    world.cluster.deleteKey(`${prefix}b`);
    await world.clock.advance(25_000);
    expect(known.said()).toEqual([`${prefix}a=1`, `${prefix}b=1`]);
    await world.clock.advance(50_000);
    expect(known.said()).toEqual([`${prefix}a=2`]);
    expect(watches).toBe(2);
    await watch.return();
  });

  test('makes good a lost event also where others come all the time', async () => {
    const watch = new AuditedWatch(node.client, { prefix });
    const known = follow(watch);
    await world.clock.advance(10);
    losing = 1;
    world.cluster.putKey(`${prefix}lost`, '1');
    for (let n = 0; n < 750; n++) {
      world.cluster.putKey(`${prefix}busy`, String(n));
      await world.clock.advance(100);
    }
    expect(known.said()).toEqual([`${prefix}busy=749`, `${prefix}lost=1`]);
    await watch.return();
  });

  test('does not begin anew for what is only on its way, nor while all is well', async () => {
    const watch = new AuditedWatch(node.client, { prefix });
    const known = follow(watch);
    for (let n = 0; n < 3_000; n++) {
      world.cluster.putKey(`${prefix}${n % 7}`, String(n));
      await world.clock.advance(100);
    }
    expect(watches).toBe(1);
    expect(known.batches).toBe(3_001);
    await watch.return();
  });

  test('costs a read every 30 to 60 seconds in silence, and tells its user nothing of it', async () => {
    world.cluster.putKey(`${prefix}a`, '1');
    const watch = new AuditedWatch(node.client, { prefix });
    const known = follow(watch);
    await world.clock.advance(10);
    const before = node.store.requestCount;
    await world.clock.advance(600_000);
    const reads = node.store.requestCount - before;
    expect(reads).toBeGreaterThanOrEqual(10);
    expect(reads).toBeLessThanOrEqual(20);
    expect(known.batches).toBe(1);
    await watch.return();
  });

  test('lets one who lags behind be: what is not taken yet is not missing', async () => {
    const watch = new AuditedWatch(node.client, { prefix });
    await world.run(watch.next());
    for (let n = 0; n < 20; n++) {
      world.cluster.putKey(`${prefix}a`, String(n));
      await world.clock.advance(10_000);
    }
    expect(watches).toBe(1);
    expect((await world.run(watch.next())).value).toMatchObject({ kind: 'changes' });
    await watch.return();
  });

  test('goes on through audits that the store does not answer', async () => {
    const watch = new AuditedWatch(node.client, { prefix });
    const known = follow(watch);
    await world.clock.advance(10);
    node.store.partition();
    await world.clock.advance(200_000);
    node.store.heal();
    losing = 1;
    world.cluster.putKey(`${prefix}a`, '1');
    await world.clock.advance(150_000);
    expect(known.said()).toEqual([`${prefix}a=1`]);
    await watch.return();
  });

  test('ends in the middle of an audit without a trace', async () => {
    const watch = new AuditedWatch(node.client, { prefix });
    follow(watch);
    await world.clock.advance(10);
    node.store.delay(3_000);
    await world.clock.advance(61_000);
    await watch.return();
    await settle();
    expect(await world.run(watch.next())).toMatchObject({ done: true });
  });

  test('a view of a range, of which nobody but the server knows that an event is lost, comes to the truth', async () => {
    world.cluster.putKey(`${prefix}a`, '1');
    const view = new RangeView(node.client, { prefix }, { changed: () => {}, failed: () => {} });
    await world.clock.advance(10);
    losing = 1;
    world.cluster.deleteKey(`${prefix}a`);
    await world.clock.advance(75_000);
    expect([...view.keys()]).toEqual([]);
    view.stop();
  });
});
