import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Strategy } from '../../../src/recipes/service-registry-balance.js';
import { type Ejection, ejectionOf } from '../../../src/recipes/service-registry-ejection.js';
import type { Instance } from '../../../src/recipes/service-registry-instance.js';
import { InstancePool } from '../../../src/recipes/service-registry-pool.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

function instance(id: string, more: Partial<Instance> = {}): Instance {
  const plain = { address: 'h', port: 80, weight: 1, meta: {}, load: 0, healthy: true };
  return { id, ...plain, incarnation: 1n, revision: 1n, ...more };
}

/** Park and Miller's minimal standard, the same numbers every time. */
function seeded(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function pool(strategy: Strategy, instances: readonly Instance[], more: { ejection?: Ejection; seed?: number } = {}) {
  const clock = new VirtualClock();
  const client = { clock, random: seeded(more.seed) };
  const ejection = more.ejection ?? ejectionOf();
  const made = new InstancePool<Instance['meta']>({ client, strategy, ejection, filter: () => true });
  made.update(instances);
  const pick = (key = '', exclude: readonly string[] = []) => made.choose(key, exclude)?.instance.id;
  const out = () => [...made.ejected()].map((one) => one.instance.id).sort();
  return { pool: made, clock, pick, out };
}

function many(count: number, more: (n: number) => Partial<Instance> = () => ({})): Instance[] {
  return Array.from({ length: count }, (_, n) => instance(`i-${n}`, more(n)));
}

function tally(count: number, pick: (n: number) => string | undefined): Map<string, number> {
  const picks = new Map<string, number>();
  for (let n = 0; n < count; n++) {
    const id = pick(n) ?? 'none';
    picks.set(id, (picks.get(id) ?? 0) + 1);
  }
  return picks;
}

/** Pearson's statistic of counts against shares. */
function chiSquare(counts: ReadonlyMap<string, number>, shares: Readonly<Record<string, number>>): number {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const weights = Object.values(shares).reduce((sum, share) => sum + share, 0);
  return Object.entries(shares).reduce((sum, [id, share]) => {
    const expected = (total * share) / weights;
    return sum + ((counts.get(id) ?? 0) - expected) ** 2 / expected;
  }, 0);
}

const uneven = [instance('a', { weight: 5 }), instance('b', { weight: 3 }), instance('c', { weight: 2 })];
const shares = { a: 5, b: 3, c: 2 };

describe('round-robin', () => {
  test('gives each its share of every hundred, to within one, wherever it began', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { pick } = pool('round-robin', uneven, { seed });
      const counts = tally(100, () => pick());
      for (const [id, share] of Object.entries(shares)) {
        expect(Math.abs((counts.get(id) ?? 0) - share * 10)).toBeLessThanOrEqual(1);
      }
    }
  });

  test('is smooth: the one that has half of the weight has no more than two picks in a row', () => {
    const { pick } = pool('round-robin', uneven);
    const picks = Array.from({ length: 200 }, () => pick()).join('');
    expect(picks).not.toContain('aaa');
    expect(picks).not.toContain('bbb');
  });

  test('begins elsewhere in every client, so that clients that start at once do not all turn to the first', () => {
    const firsts = tally(300, (n) => pool('round-robin', many(10), { seed: 6_999_997 * (n + 1) }).pick());
    expect(firsts.size).toBe(10);
  });

  test('goes on where it was when an instance says something new', () => {
    const { pool: made, pick } = pool('round-robin', many(3));
    const first = [pick(), pick()];
    made.update(many(3, () => ({ load: 1, revision: 2n })));
    expect(new Set([...first, pick()]).size).toBe(3);
  });
});

describe('random', () => {
  test('gives each its share, within statistical bounds', () => {
    const { pick } = pool('random', uneven);
    // Two degrees of freedom: more than 13.8 once in a thousand times, and the numbers are the same every time.
    expect(
      chiSquare(
        tally(10_000, () => pick()),
        shares,
      ),
    ).toBeLessThan(13.8);
  });

  test('and the measure is shown to tell another distribution', () => {
    const { pick } = pool('random', uneven);
    expect(
      chiSquare(
        tally(10_000, () => pick()),
        { a: 4, b: 4, c: 2 },
      ),
    ).toBeGreaterThan(13.8);
  });
});

describe('least-loaded', () => {
  test('of two it takes the one that is less loaded, by its weight', () => {
    const busy = [instance('a', { load: 10 }), instance('b', { load: 3 })];
    expect(tally(50, () => pool('least-loaded', busy).pick()).get('b')).toBe(50);
    const strong = [instance('a', { load: 10, weight: 10 }), instance('b', { load: 3 })];
    expect(tally(50, () => pool('least-loaded', strong).pick()).get('a')).toBe(50);
  });

  test('picks in flight count, and no longer when they are released', () => {
    const { pool: made } = pool('least-loaded', many(10));
    const open = Array.from({ length: 1_000 }, () => {
      const candidate = made.choose('', []);
      if (candidate !== undefined) candidate.inFlight++;
      return candidate;
    });
    const counts = tally(1_000, (n) => open[n]?.instance.id);
    // With one random choice the fullest of ten would have about 117 of a thousand; with the better of two, hardly more than 100.
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(104);
    expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(96);
  });

  test('is no herd: not all turn to the one that said it has nothing to do', () => {
    const instances = many(10, (n) => ({ load: n === 0 ? 0 : 5 }));
    const counts = tally(1_000, (n) => pool('least-loaded', instances, { seed: n + 1 }).pick());
    expect(counts.get('i-0') ?? 0).toBeLessThan(300);
    expect(counts.get('i-0') ?? 0).toBeGreaterThan(150);
  });
});

describe('sticky', () => {
  const keys = Array.from({ length: 10_000 }, (_, n) => `user-${n}`);

  test('the same key goes to the same instance, whoever asks and in whatever order the instances came', () => {
    const one = pool('sticky', many(10), { seed: 1 });
    const other = pool('sticky', many(10).reverse(), { seed: 9 });
    for (const key of keys.slice(0, 500)) expect(one.pick(key)).toBe(other.pick(key));
  });

  test('keys are spread by weight, within statistical bounds', () => {
    const { pick } = pool('sticky', uneven);
    const counts = tally(keys.length, (n) => pick(keys[n]));
    expect(chiSquare(counts, shares)).toBeLessThan(13.8);
  });

  test('one that comes takes about its share of the keys, and moves no other', () => {
    const before = pool('sticky', many(10));
    const after = pool('sticky', many(11));
    const moved = keys.filter((key) => before.pick(key) !== after.pick(key));
    expect(moved.length / keys.length).toBeCloseTo(1 / 11, 1.9);
    expect(new Set(moved.map((key) => after.pick(key)))).toEqual(new Set(['i-10']));
  });

  test('one that goes, or is ejected, moves its own keys only, and they come back with it', () => {
    const { pool: made, pick, clock } = pool('sticky', many(10));
    const before = keys.map((key) => pick(key));
    made.failed(instance('i-3'));
    const moved = keys.filter((key, n) => pick(key) !== before[n]);
    expect(moved).toEqual(keys.filter((_, n) => before[n] === 'i-3'));
    void clock.advance(1_000);
    return clock.advance(0).then(() => expect(keys.map((key) => pick(key))).toEqual(before));
  });

  test('a heavier weight only draws keys to the one that has it', () => {
    const before = pool('sticky', many(5));
    const after = pool(
      'sticky',
      many(5, (n) => ({ weight: n === 2 ? 3 : 1 })),
    );
    const moved = keys.filter((key) => before.pick(key) !== after.pick(key));
    expect(new Set(moved.map((key) => after.pick(key)))).toEqual(new Set(['i-2']));
  });
});

describe('ejection', () => {
  test('the back-off doubles with each failure in a row, up to the cap; a success forgets them all', async () => {
    const { pool: made, clock } = pool('random', many(4), { ejection: ejectionOf({ baseMs: 100, capMs: 350 }) });
    const times: (number | undefined)[] = [];
    for (let n = 0; n < 4; n++) {
      times.push(made.failed(instance('i-0')));
      await clock.advance(350);
    }
    expect(times).toEqual([100, 200, 350, 350]);
    made.succeeded(instance('i-0'));
    expect(made.failed(instance('i-0'))).toBe(100);
    made.succeeded(instance('i-0'));
    expect(made.ejected().size).toBe(0);
  });

  test('one that failed is picked again when its time is over, and not before', async () => {
    const { pool: made, clock, pick } = pool('round-robin', many(2), { ejection: ejectionOf({ baseMs: 100 }) });
    made.failed(instance('i-0'));
    await clock.advance(99);
    expect([pick(), pick(), pick()]).toEqual(['i-1', 'i-1', 'i-1']);
    await clock.advance(1);
    expect(new Set([pick(), pick(), pick()])).toEqual(new Set(['i-0', 'i-1']));
  });

  test('calls that were under way together and all failed count as one failure', () => {
    const { pool: made } = pool('random', many(4), { ejection: ejectionOf({ baseMs: 100 }) });
    expect([1, 2, 3].map(() => made.failed(instance('i-0')))).toEqual([100, undefined, undefined]);
  });

  test('no more than the share is out: those that failed most', async () => {
    const {
      pool: made,
      clock,
      out,
    } = pool('random', many(5), { ejection: ejectionOf({ baseMs: 100, maxShare: 0.5 }) });
    made.failed(instance('i-4'));
    await clock.advance(150);
    for (const id of ['i-1', 'i-2', 'i-3', 'i-4']) made.failed(instance(id));
    expect(out()).toHaveLength(2);
    expect(out()).toContain('i-4');
  });

  test('where all are out, or all others were tried already, all count', () => {
    const { pool: made, pick } = pool('random', many(2), { ejection: ejectionOf({ maxShare: 1 }) });
    made.failed(instance('i-0'));
    expect(pick('', ['i-1'])).toBe('i-0');
    made.failed(instance('i-1'));
    expect(new Set(Array.from({ length: 50 }, () => pick()))).toEqual(new Set(['i-0', 'i-1']));
  });

  test('the only instance there is is never out, by default', () => {
    const { pool: made, out } = pool('random', many(1));
    made.failed(instance('i-0'));
    expect(out()).toEqual([]);
  });

  test('another incarnation is forgiven, and what is said of the last one is no news of it', () => {
    const { pool: made, out } = pool('random', many(4));
    made.failed(instance('i-0'));
    expect(out()).toEqual(['i-0']);
    made.update(many(4, (n) => ({ load: 1, revision: 2n, incarnation: n === 0 ? 2n : 1n })));
    expect(out()).toEqual([]);
    expect(made.failed(instance('i-0'))).toBeUndefined();
    expect(out()).toEqual([]);
  });

  test('something new that it says of itself does not forgive it', () => {
    const { pool: made, out } = pool('random', many(4));
    made.failed(instance('i-0'));
    made.update(many(4, () => ({ load: 1, revision: 2n })));
    expect(out()).toEqual(['i-0']);
  });
});

describe('whatever happens', () => {
  const id = fc.integer({ min: 0, max: 7 }).map((n) => `i-${n}`);
  const weight = fc.integer({ min: 0, max: 3 });
  const view = fc
    .uniqueArray(fc.tuple(id, weight, fc.boolean()), { selector: ([name]) => name })
    .map((all) => all.map(([name, share, healthy]) => instance(name, { weight: share, healthy })));
  const step = fc.oneof(
    fc.record({ kind: fc.constant('view' as const), view }),
    fc.record({ kind: fc.constant('fail' as const), id }),
    fc.record({ kind: fc.constant('well' as const), id }),
    fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ kind: fc.constant('pick' as const), key: fc.string(), exclude: fc.array(id, { maxLength: 3 }) }),
  );

  /** Which ids may be picked now, by the rule and not by the code. */
  function allowed(fit: readonly string[], out: readonly string[], exclude: readonly string[]): (string | undefined)[] {
    const open = fit.filter((one) => !exclude.includes(one));
    const well = open.filter((one) => !out.includes(one));
    if (well.length > 0) return well;
    return open.length > 0 ? open : [undefined];
  }

  test.each(['round-robin', 'random', 'least-loaded', 'sticky'] as const)(
    '%s picks members of the last view that are fit and not excluded, ejected ones only where nothing else is left',
    async (strategy) => {
      const share = fc.double({ min: 0, max: 1, noNaN: true });
      const holds = async (
        steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
        maxShare: number,
      ) => {
        const { pool: made, clock, pick, out } = pool(strategy, [], { ejection: ejectionOf({ maxShare }) });
        let fit: string[] = [];
        for (const one of steps) {
          if (one.kind === 'view') {
            fit = one.view.filter(({ healthy, weight: w }) => healthy && w > 0).map(({ id: name }) => name);
            made.update(one.view);
          } else if (one.kind === 'fail') made.failed(instance(one.id));
          else if (one.kind === 'well') made.succeeded(instance(one.id));
          else if (one.kind === 'time') await clock.advance(one.ms);
          else expect(allowed(fit, out(), one.exclude)).toContain(pick(one.key, one.exclude));
          expect(out().length).toBeLessThanOrEqual(Math.floor(fit.length * maxShare));
        }
      };
      await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), share, holds), { numRuns: 150 });
    },
  );

  test('a weight that is tiny or huge breaks no strategy', () => {
    const odd = [instance('a', { weight: Number.MIN_VALUE }), instance('b', { weight: 1e300 }), instance('c')];
    for (const strategy of ['round-robin', 'random', 'least-loaded', 'sticky'] as const) {
      const { pick } = pool(strategy, odd);
      for (let n = 0; n < 100; n++) expect(['a', 'b', 'c']).toContain(pick(String(n)));
    }
  });
});
