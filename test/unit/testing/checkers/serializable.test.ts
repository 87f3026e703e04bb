import { describe, expect, it } from 'vitest';
import {
  type Access,
  type AnomalyName,
  checkSerializable,
  type IsolationLevel,
  type Transaction,
} from '../../../../src/testing/index.js';
import { pick, seeded } from './generate.js';

const a = (key: string, value: number): Access => ({ op: 'append', key, value });
const w = (key: string, value: number): Access => ({ op: 'write', key, value });
const r = (key: string, value?: number | readonly number[] | null): Access => ({ op: 'read', key, value });

/** A transaction; all of a test overlap, if nothing else is said. */
function ok(
  accesses: readonly Access[],
  callMs = 0,
  returnMs = 100,
  process = `p${accesses.length}${callMs}`,
): Transaction {
  return { kind: 'ok', process, input: accesses, output: accesses, callMs, returnMs };
}

const aborted = (...accesses: Access[]): Transaction => ({
  kind: 'failed',
  process: 'x',
  input: accesses,
  callMs: 0,
  returnMs: 100,
});
const unknown = (...accesses: Access[]): Transaction => ({ kind: 'unknown', process: 'x', input: accesses, callMs: 0 });

const levels: readonly IsolationLevel[] = [
  'read-uncommitted',
  'read-committed',
  'snapshot',
  'serializable',
  'strict-serializable',
];

interface Case {
  readonly history: readonly Transaction[];
  readonly name: AnomalyName;
  /** The first level that keeps it out. */
  readonly level: IsolationLevel;
}

const cases: Readonly<Record<string, Case>> = {
  'writes in a circle, in lists': {
    history: [ok([a('x', 1), a('y', 1)]), ok([a('x', 2), a('y', 2)]), ok([r('x', [1, 2]), r('y', [2, 1])])],
    name: 'G0',
    level: 'read-uncommitted',
  },
  'a read of an aborted append': {
    history: [aborted(a('x', 1)), ok([r('x', [1])])],
    name: 'G1a',
    level: 'read-committed',
  },
  'a read of an aborted write': {
    history: [aborted(w('x', 1)), ok([r('x', 1)])],
    name: 'G1a',
    level: 'read-committed',
  },
  'a read of half of the appends': {
    history: [ok([a('x', 1), a('x', 2)]), ok([r('x', [1])])],
    name: 'G1b',
    level: 'read-committed',
  },
  'a read of a value that was written over': {
    history: [ok([w('x', 1), w('x', 2)]), ok([r('x', 1)])],
    name: 'G1b',
    level: 'read-committed',
  },
  'each saw what the other wrote': {
    history: [ok([a('x', 1), r('y', [1])]), ok([a('y', 1), r('x', [1])])],
    name: 'G1c',
    level: 'read-committed',
  },
  'each saw what the other wrote, in registers': {
    history: [ok([w('x', 1), r('y', 1)]), ok([w('y', 1), r('x', 1)])],
    name: 'G1c',
    level: 'read-committed',
  },
  'its own append is not there': {
    history: [ok([a('x', 1), r('x', [])])],
    name: 'internal',
    level: 'read-committed',
  },
  'its own write is not there': { history: [ok([w('x', 1), r('x', null)])], name: 'internal', level: 'read-committed' },
  'appended to an aborted one': {
    history: [aborted(a('x', 1)), ok([a('x', 2)]), ok([r('x', [1, 2])])],
    name: 'dirty-update',
    level: 'read-committed',
  },
  'two reads that differ': {
    history: [ok([a('x', 1)]), ok([r('x', []), r('x', [1])])],
    name: 'fuzzy-read',
    level: 'snapshot',
  },
  'half of what another wrote': {
    history: [ok([a('x', 1), a('y', 1)]), ok([r('x', [1]), r('y', [])]), ok([r('y', [1])])],
    name: 'G-single',
    level: 'snapshot',
  },
  'half of what another wrote, in registers': {
    history: [ok([w('x', 1), w('y', 1)]), ok([r('x', 1), r('y', null)])],
    name: 'G-single',
    level: 'snapshot',
  },
  'two updates of one version': {
    history: [ok([r('x', null), w('x', 1)]), ok([r('x', null), w('x', 2)])],
    name: 'lost-update',
    level: 'snapshot',
  },
  'two updates of one list': {
    history: [ok([r('x', []), a('x', 1)]), ok([r('x', []), a('x', 2)]), ok([r('x', [1, 2])])],
    name: 'lost-update',
    level: 'snapshot',
  },
  'a long fork: two see two writes in two orders': {
    history: [ok([w('x', 1)]), ok([w('y', 1)]), ok([r('x', 1), r('y', null)]), ok([r('x', null), r('y', 1)])],
    name: 'G-nonadjacent',
    level: 'snapshot',
  },
  'write skew': {
    history: [ok([r('x', []), a('y', 1)]), ok([r('y', []), a('x', 1)]), ok([r('x', [1]), r('y', [1])])],
    name: 'G2-item',
    level: 'serializable',
  },
  'write skew, in registers': {
    history: [ok([r('x', null), w('y', 1)]), ok([r('y', null), w('x', 1)])],
    name: 'G2-item',
    level: 'serializable',
  },
  'a stale read': {
    history: [ok([w('x', 1)], 0, 1), ok([r('x', null)], 2, 3)],
    name: 'G-single-realtime',
    level: 'strict-serializable',
  },
  'a read of what is written later': {
    history: [ok([r('x', [1])], 0, 1), ok([a('x', 1)], 2, 3)],
    name: 'G1c-realtime',
    level: 'strict-serializable',
  },
  'writes against time': {
    history: [ok([a('x', 1)], 0, 1), ok([a('x', 2)], 2, 3), ok([r('x', [2, 1])], 0, 100)],
    name: 'G0-realtime',
    level: 'strict-serializable',
  },
  'a value that nobody wrote': { history: [ok([r('x', 7)])], name: 'unwritten-read', level: 'read-uncommitted' },
  'an element twice': {
    history: [ok([a('x', 1)]), ok([r('x', [1, 1])])],
    name: 'duplicates',
    level: 'read-uncommitted',
  },
  'lists that fork': {
    history: [ok([a('x', 1)]), ok([a('x', 2)]), ok([r('x', [1])]), ok([r('x', [2])])],
    name: 'incompatible-order',
    level: 'read-uncommitted',
  },
  'values each written over the other': {
    history: [ok([r('x', 2), w('x', 1)]), ok([r('x', 1), w('x', 2)])],
    name: 'cyclic-versions',
    level: 'read-uncommitted',
  },
  'an unknown one, of which half was seen': {
    history: [unknown(w('x', 1), w('y', 1)), ok([r('x', 1), r('y', null)])],
    name: 'G-single',
    level: 'snapshot',
  },
};

const names = (found: readonly { readonly name: AnomalyName }[]) => found.map(({ name }) => name);

describe('checkSerializable', () => {
  it.each(Object.entries(cases))(
    'finds %s, at the levels that keep it out and no others',
    (_case, { history, name, level }) => {
      for (const each of levels) {
        const { verdict, anomalies, allowed } = checkSerializable(history, { level: each });
        if (levels.indexOf(each) < levels.indexOf(level)) expect(names(anomalies)).not.toContain(name);
        else
          expect({ each, verdict, anomalies: names(anomalies) }).toMatchObject({
            verdict: 'illegal',
            anomalies: expect.arrayContaining([name]),
          });
        // What needs the order of time is looked for only where that is promised.
        if (levels.indexOf(each) < levels.indexOf(level) && !name.includes('-realtime'))
          expect(names(allowed)).toContain(name);
      }
    },
  );

  it('shows a shortest circle in words', () => {
    const skew = cases['write skew, in registers']?.history ?? [];
    expect(checkSerializable(skew, { level: 'serializable' }).describe()).toBe(
      [
        'G2-item, which serializable keeps out. Each of these comes before the next, and the last before the first:',
        '    T1 = p20: [{key: "x", op: "read", value: null}, {key: "y", op: "write", value: 1}] -> [{key: "x", op: "read", value: null}, {key: "y", op: "write", value: 1}] (called 0, returned 100)',
        '    T2 = p20: [{key: "y", op: "read", value: null}, {key: "x", op: "write", value: 1}] -> [{key: "y", op: "read", value: null}, {key: "x", op: "write", value: 1}] (called 0, returned 100)',
        '  T1 read "x" without 1, which was written by T2',
        '  T2 read "y" without 1, which was written by T1',
      ].join('\n'),
    );
  });

  it('knows the order within a process where it is asked for', () => {
    const history = [ok([w('x', 1)], 0, 1, 'p'), ok([r('x', null)], 2, 3, 'p')];
    expect(checkSerializable(history, { level: 'serializable' }).verdict).toBe('legal');
    const found = checkSerializable(history, { level: 'serializable', processes: true });
    expect(names(found.anomalies)).toEqual(['G-single-process']);
  });

  it('goes by revisions where all who wrote a key tell them', () => {
    const at = (revision: bigint, ...accesses: Access[]): Transaction => ({
      ...ok(accesses),
      kind: 'ok',
      output: accesses,
      returnMs: 100,
      revision,
    });
    // Blind writes: without revisions nobody knows which came first.
    const blind = [ok([w('x', 1), w('y', 1)]), ok([w('x', 2), w('y', 2)]), ok([r('x', 2), r('y', 1)])];
    expect(checkSerializable(blind).verdict).toBe('legal');
    const told = [at(5n, w('x', 1), w('y', 1)), at(6n, w('x', 2), w('y', 2)), ok([r('x', 2), r('y', 1)])];
    expect(names(checkSerializable(told, { level: 'serializable' }).anomalies)).toEqual(['G-single']);
  });

  it('lets pass what may have been: an unknown one that nobody saw, or that all saw, and an aborted one', () => {
    const history = [unknown(a('x', 1)), aborted(a('x', 2)), ok([r('x', [])]), unknown(a('y', 1)), ok([r('y', [1])])];
    expect(checkSerializable(history)).toMatchObject({ verdict: 'legal', anomalies: [], allowed: [] });
    expect(checkSerializable([])).toMatchObject({ verdict: 'legal' });
  });

  it('refuses what it cannot take', () => {
    const refused = (history: unknown, options: unknown = {}) =>
      expect(() => checkSerializable(history as Transaction[], options as object));
    refused([ok([a('x', 1)]), ok([w('x', 2)])]).toThrow(/as a list and as a register/);
    refused([ok([{ op: 'odd' } as never])]).toThrow(expect.objectContaining({ field: 'transactions[0]' }));
    refused([{ ...ok([]), output: 'none' }]).toThrow(expect.objectContaining({ field: 'transactions[0]' }));
    refused([], { level: 'odd' }).toThrow(expect.objectContaining({ field: 'level' }));
    refused([], { levels: 1 }).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  });
});

/** A store that does one transaction after the other, each at a moment between its call and its return. */
function serial(count: number, kind: 'list' | 'register', seed: number, spoil = false): Transaction[] {
  const random = seeded(seed);
  const lists = new Map<string, number[]>();
  let older = new Map<string, number[]>();
  return Array.from({ length: count }, (_, at) => {
    if (at % 5 === 0) older = new Map([...lists].map(([key, list]) => [key, [...list]]));
    // Keys retire, so that lists stay short.
    const keys = [0, 1, 2].map((key) => `k${Math.floor(at / 50)}-${key}`);
    const from = spoil && random() < 0.1 ? older : lists;
    const accesses = Array.from({ length: 1 + Math.floor(random() * 3) }, (_each, place): Access => {
      const key = pick(random, keys);
      const list = lists.get(key) ?? [];
      lists.set(key, list);
      if (random() < 0.5) {
        const seen = from === lists ? list : (from.get(key) ?? []);
        return kind === 'list' ? r(key, [...seen]) : r(key, seen.at(-1) ?? null);
      }
      const value = at * 10 + place;
      list.push(value);
      return kind === 'list' ? a(key, value) : w(key, value);
    });
    return {
      kind: 'ok',
      process: `p${at % 20}`,
      input: accesses,
      output: accesses,
      callMs: at - random() * 5,
      returnMs: at + random() * 5,
    };
  });
}

describe('transactions that were done one after the other', () => {
  it.each(['list', 'register'] as const)(
    'are legal at the strict level, with a %s for each key; stale reads are found',
    (kind) => {
      let found = 0;
      for (let seed = 0; seed < 100; seed++) {
        const right = checkSerializable(serial(100, kind, seed));
        expect(right.describe()).toBe('Nothing was found that strict-serializable keeps out.');
        if (checkSerializable(serial(100, kind, seed, true)).verdict === 'illegal') found++;
      }
      expect(found).toBeGreaterThan(60);
    },
  );

  it('take time in proportion to their number', { timeout: 60_000 }, () => {
    const seconds = (count: number) => {
      const history = serial(count, 'list', 1);
      const startMs = performance.now();
      expect(checkSerializable(history).verdict).toBe('legal');
      return performance.now() - startMs;
    };
    seconds(5_000);
    const [small, large] = [Math.min(seconds(5_000), seconds(5_000)), seconds(50_000)];
    // Ten times as many; room for a machine that has other things to do.
    expect(large / Math.max(small, 5)).toBeLessThan(60);
    expect(large).toBeLessThan(20_000);
  });
});
