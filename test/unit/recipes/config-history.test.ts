import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigCache } from '../../../src/recipes/config-cache.js';
import type { ConfigHistory, ConfigHistoryOptions } from '../../../src/recipes/config-history.js';
import type { ConfigOptions } from '../../../src/recipes/config-options.js';

import { codeOf } from '../../rejections.js';
import { World } from './world.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  const { leases, timers } = await world.end();
  expect({ leases, timers }).toEqual({ leases: 0, timers: 0 });
});

const path = '/config/app';

/** Writes each of the texts to the key, undefined for a deletion, and something else in between. Returns the revisions. */
function live(key: string, texts: readonly (string | undefined)[]): bigint[] {
  return texts.map((text) => {
    world.cluster.putKey('/else/where', String(text));
    return text === undefined ? world.cluster.deleteKey(key) : world.cluster.putKey(key, text);
  });
}

async function opened(options: ConfigOptions<unknown> = {}) {
  const node = world.node();
  return { cache: await world.run(ConfigCache.open(node.client, path, options)), ...node };
}

function said({ revisions }: ConfigHistory): unknown[] {
  return revisions.map(({ revision, value }) => [revision, value]);
}

describe('the history of a key', () => {
  test('is what it said since it was made, the newest first, one round trip each', async () => {
    const [a, b, c] = live(`${path}/db/pool`, ['1', 'two', '{"n":3}']);
    const { cache, store } = await opened();
    const before = store.requestCount;
    const history = await world.run(cache.history('db.pool'));
    expect(said(history)).toEqual([
      [c, { n: 3 }],
      [b, 'two'],
      [a, 1],
    ]);
    expect(history).toMatchObject({ storeKey: `${path}/db/pool`, end: 'created', complete: true });
    expect(store.requestCount - before).toBe(3);
    expect([history, history.revisions, history.revisions[0]?.value].every(Object.isFrozen)).toBe(true);
    await cache.close();
  });

  test('does not go past a deletion, but begins before one where it is told to', async () => {
    const [a, b, gone, , c] = live(`${path}/n`, ['1', '2', undefined, undefined, '3']) as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const { cache } = await opened();
    const history = await world.run(cache.history('n'));
    expect([said(history), history.end]).toEqual([[[c, 3]], 'created']);
    const absent = await world.run(cache.history('n', { revision: gone }));
    expect([said(absent), absent.end, absent.complete]).toEqual([[], 'absent', false]);
    const former = await world.run(cache.history('n', { revision: gone - 1n }));
    expect([said(former), former.end]).toEqual([
      [
        [b, 2],
        [a, 1],
      ],
      'created',
    ]);
    expect(await world.run(cache.history('never'))).toMatchObject({ revisions: [], end: 'absent' });
    await cache.close();
  });

  test('ends at the limit, by default 20, and goes on from there', async () => {
    const written = live(
      `${path}/n`,
      Array.from({ length: 25 }, (_, n) => String(n)),
    );
    const { cache } = await opened();
    const first = await world.run(cache.history('n'));
    expect([first.revisions.length, first.end, first.complete]).toEqual([20, 'limit', false]);
    const last = first.revisions.at(-1)?.revision ?? 0n;
    expect(last).toBe(written[5]);
    const rest = await world.run(cache.history('n', { revision: last - 1n, limit: 5 }));
    expect([rest.revisions.map(({ value }) => value), rest.end]).toEqual([[4, 3, 2, 1, 0], 'created']);
    await cache.close();
  });

  test('ends where the store was compacted, and says so', async () => {
    const [, , b, c] = live(`${path}/n`, ['0', '1', '2', '3']) as [bigint, bigint, bigint, bigint];
    const { cache } = await opened();
    world.cluster.compact(b);
    const history = await world.run(cache.history('n'));
    expect([said(history), history.end, history.complete]).toEqual([
      [
        [c, 3],
        [b, 2],
      ],
      'compacted',
      false,
    ]);
    const gone = await world.run(cache.history('n', { revision: b - 1n }));
    expect([said(gone), gone.end]).toEqual([[], 'compacted']);
    world.cluster.compact();
    expect(said(await world.run(cache.history('n')))).toEqual([[c, 3]]);
    await cache.close();
  });

  test('of a document has one revision for each write of it, with what lay at the path', async () => {
    const texts = ['{}', '{"db":{"pool":1}}', '{"db":{"pool":1},"n":2}', 'broken{', '{"db":{"pool":3}}'];
    const written = live(path, texts).reverse();
    const { cache } = await opened({ shape: 'node' });
    const ofPart = await world.run(cache.history('db.pool'));
    expect(said(ofPart)).toEqual([3, undefined, 1, 1, undefined].map((value, n) => [written[n], value]));
    expect(ofPart.revisions.map(({ readable }) => readable)).toEqual([true, false, true, true, true]);
    const whole = await world.run(cache.history('', { limit: 1 }));
    expect([whole.storeKey, said(whole)]).toEqual([path, [[written[0], { db: { pool: 3 } }]]]);
    await cache.close();
  });

  test('shows no secret in a print', async () => {
    live(`${path}/db/password`, ['hunter2']);
    live(`${path}/db`, ['{"password":"hunter2","host":"shown"}']);
    const { cache } = await opened({ secrets: ['db.password'] });
    for (const key of ['db', 'db.password']) {
      const history = await world.run(cache.history(key));
      expect(JSON.stringify(history.revisions[0]?.value)).toContain('hunter2');
      for (const print of [JSON.stringify(history), inspect(history, { depth: 9 })]) {
        expect(print).not.toContain('hunter2');
        expect(print).toContain(key === 'db' ? 'shown' : '[redacted]');
      }
    }
    await cache.close();
  });

  test('ends with the signal or the timeout, between two round trips and within one, and leaves nothing behind', async () => {
    live(`${path}/n`, ['1', '2', '3']);
    const { cache, store } = await opened();
    store.delay(100);
    const abort = new AbortController();
    const reason = new Error('enough');
    for (const wait of [50, 150, 250]) {
      const pending = cache.history('n', { signal: abort.signal, timeoutMs: wait }).catch((error: unknown) => error);
      await world.clock.advance(wait);
      expect(await pending).toMatchObject({ code: 'TIMEOUT' });
    }
    const pending = cache.history('n', { signal: abort.signal }).catch((error: unknown) => error);
    await world.clock.advance(150);
    abort.abort(reason);
    expect(await pending).toBe(reason);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    const before = store.requestCount;
    expect(await cache.history('n', { signal: abort.signal }).catch((error: unknown) => error)).toBe(reason);
    expect(store.requestCount).toBe(before);
    store.delay(0);
    await world.clock.advance(1_000);
    await cache.close();
  });

  test('ends where it is when the store is compacted meanwhile', async () => {
    const [, , c] = live(`${path}/n`, ['1', '2', '3']);
    const { cache, store } = await opened();
    store.delay(100);
    const pending = cache.history('n');
    await world.clock.advance(80);
    world.cluster.compact();
    const history = await world.run(pending);
    expect([said(history), history.end]).toEqual([[[c, 3]], 'compacted']);
    await cache.close();
  });

  test('is refused at once where the store keeps no past', async () => {
    live(`${path}/n`, ['1', '2']);
    const { cache, store } = await opened();
    Object.assign(store, { traits: { ...store.traits, pastReads: false } });
    const before = store.requestCount;
    expect(await codeOf(cache.history('n'))).toBe('UNSUPPORTED');
    expect(store.requestCount).toBe(before);
    await cache.close();
  });

  test('rejects with what the store says', async () => {
    live(`${path}/n`, ['1', '2']);
    const { cache, store } = await opened();
    store.dropAnswers({ verb: 'read' });
    expect(await codeOf(world.run(cache.history('n')))).toBe('UNAVAILABLE');
    await cache.close();
    expect(await codeOf(cache.history('n'))).toBe('CLOSED');
  });

  test.each<[string, string, unknown, string]>([
    ['a limit of none', 'n', { limit: 0 }, 'INVALID_OPTION'],
    ['half a limit', 'n', { limit: 1.5 }, 'INVALID_OPTION'],
    ['a revision that is none', 'n', { revision: 0n }, 'INVALID_OPTION'],
    ['a revision that is a number', 'n', { revision: 5 }, 'INVALID_OPTION'],
    ['a timeout of none', 'n', { timeoutMs: 0 }, 'INVALID_TIMEOUT'],
    ['another option', 'n', { from: 5n }, 'UNKNOWN_OPTION'],
    ['a tree as a whole', '', {}, 'INVALID_KEY'],
    ['a name with a slash', 'a/b', {}, 'INVALID_KEY'],
  ])('refuses %s before anything is sent', async (_, key, options, code) => {
    const { cache, store } = await opened();
    const before = store.requestCount;
    // Callers without types can pass anything.
    expect(await codeOf(cache.history(key, options as ConfigHistoryOptions))).toBe(code);
    expect(store.requestCount).toBe(before);
    await cache.close();
  });

  test('refuses a revision that is still to come', async () => {
    live(`${path}/n`, ['1']);
    const { cache } = await opened();
    expect(await codeOf(world.run(cache.history('n', { revision: 1_000n })))).toBe('INVALID_OPTION');
    await cache.close();
  });

  test('is, from whatever revision, what was written and is not compacted away', async () => {
    const step = fc.constantFrom<Step[]>('put', 'put', 'put', 'delete', 'other', 'compact');
    const { cache } = await opened();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 6 }), async (steps, limit) => {
        const key = `k${++runs}`;
        const model = new Model(`${path}/${key}`);
        for (const one of steps) model.take(one);
        for (const [revision] of model.lives) {
          const history = await world.run(cache.history(key, { revision, limit }));
          expect([said(history), history.end]).toEqual(model.history(revision, limit));
        }
      }),
      { numRuns: 200 },
    );
    await cache.close();
  });
});

type Step = 'put' | 'delete' | 'other' | 'compact';
/** Revisions of a key since it came to be, with what was written, the newest first. */
type Life = readonly (readonly [revision: bigint, value: number])[];

/** Lives a key, and knows what can be told of it. */
class Model {
  /** The life of the key at each revision. */
  readonly lives = new Map<bigint, Life>();
  readonly #key: string;
  #life: Life = [];
  #newest: bigint;
  #floor = 0n;

  constructor(key: string) {
    this.#key = key;
    this.#newest = world.cluster.putKey('/else/where', '');
    this.lives.set(this.#newest, []);
  }

  take(step: Step): void {
    if (step === 'compact') {
      world.cluster.compact();
      this.#floor = this.#newest;
      return;
    }
    this.#newest = this.#write(step);
    this.lives.set(this.#newest, this.#life);
  }

  history(at: bigint, limit: number): [Life, ConfigHistory['end']] {
    if (at < this.#floor) return [[], 'compacted'];
    const life = this.lives.get(at) ?? [];
    // What another write took the place of is known if that was after the compaction.
    const known = life.filter((_, n) => n === 0 || (life[n - 1]?.[0] ?? 0n) > this.#floor);
    const shown = known.slice(0, limit);
    if (shown.length === life.length) return [shown, life.length === 0 ? 'absent' : 'created'];
    return [shown, shown.length === limit ? 'limit' : 'compacted'];
  }

  #write(step: Step): bigint {
    if (step === 'delete' && this.#life.length > 0) {
      this.#life = [];
      return world.cluster.deleteKey(this.#key);
    }
    if (step !== 'put') return world.cluster.putKey('/else/where', '');
    const value = this.lives.size;
    const revision = world.cluster.putKey(this.#key, String(value));
    this.#life = [[revision, value], ...this.#life];
    return revision;
  }
}
