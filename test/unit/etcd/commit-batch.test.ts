import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  absent,
  type Commit,
  type Guard,
  type Op,
  put,
  type Query,
  read,
  remove,
  untouched,
} from '../../../src/core/store.js';
import { CoordinationError } from '../../../src/errors.js';
import { settle } from '../../../src/testing/virtual-clock.js';
import { CommitBatch, type Waiting } from '../../../src/transport/etcd/commit-batch.js';
import { Company, footprintOf } from '../../../src/transport/etcd/footprint.js';
import { createMemoryCluster } from '../../../src/transport/memory/cluster.js';

const done: Commit = { ok: true, revision: 1n, reads: [] };

function commit(guards: Guard[], ops: Op[], otherwise: Query[] = []): Waiting {
  return { guards, ops, otherwise, timeoutMs: undefined };
}

/** What a mutex sends to join a line, and to leave it. */
const join = (path: string, ticket: string): Waiting =>
  commit(
    [absent(`${path}/${ticket}`)],
    [read({ prefix: `${path}/`, order: 'newest', limit: 1 }), put(`${path}/${ticket}`, '')],
    [{ key: `${path}/${ticket}` }],
  );
const leave = (path: string, ticket: string): Waiting => commit([], [remove(`${path}/${ticket}`)]);

/** A batch whose requests are written down, by the number of commits in each, and answered by hand. */
function recorded(
  answer: (commits: readonly Waiting[]) => Promise<readonly Commit[]> = async (all) => all.map(() => done),
) {
  const requests: number[] = [];
  const batch = new CommitBatch({
    single: async (one) => {
      requests.push(1);
      const [result] = await answer([one]);
      return result ?? done;
    },
    together: (all) => {
      requests.push(all.length);
      return answer(all);
    },
  });
  return { batch, requests };
}

const admitted = (all: readonly Waiting[]): boolean => {
  const company = new Company();
  return all.every(({ guards, ops, otherwise }) => {
    const footprint = footprintOf(guards, ops, otherwise);
    return footprint !== undefined && company.admit(footprint);
  });
};

describe('which commits may go together', () => {
  test('locks of different paths, and the releases of one', () => {
    expect(admitted([join('/a', '1'), join('/b', '1'), join('/ab', '1')])).toBe(true);
    expect(admitted([leave('/a', '1'), leave('/a', '2')])).toBe(true);
  });

  test('never two tickets of one line, whose places would be the same', () => {
    expect(admitted([join('/a', '1'), join('/a', '2')])).toBe(false);
  });

  test('never a join and a leave of one line, in either order', () => {
    expect(admitted([join('/a', '1'), leave('/a', '2')])).toBe(false);
    expect(admitted([leave('/a', '2'), join('/a', '1')])).toBe(false);
  });

  test('never two writes of one key, nor a write and a check of it', () => {
    expect(admitted([commit([], [put('/k', '1')]), commit([], [put('/k', '2')])])).toBe(false);
    expect(admitted([commit([absent('/k')], [put('/x', '')]), commit([], [put('/k', '2')])])).toBe(false);
    expect(admitted([commit([], [put('/k', '2')]), commit([], [put('/x', '')], [{ key: '/k' }])])).toBe(false);
  });

  test('never a write and a guard of the range that it is in, in either order', () => {
    const guarded = commit([untouched({ prefix: '/in/' }, 5n)], [put('/elsewhere', '')]);
    const writes = commit([], [put('/in/deep/k', '')]);
    expect(admitted([guarded, writes])).toBe(false);
    expect(admitted([writes, guarded])).toBe(false);
    expect(admitted([guarded, commit([], [put('/inn/k', '')])])).toBe(true);
  });

  test('never the deletion of a prefix', () => {
    expect(admitted([commit([], [remove({ prefix: '/a/' })])])).toBe(false);
  });

  test('only those that come to the same in whatever order they are applied', async () => {
    const key = fc.constantFrom('/a/1', '/a/2', '/b/1', '/b/c/1', '/d');
    const prefix = fc.constantFrom('/', '/a/', '/b/', '/b/c/');
    const query: fc.Arbitrary<Query> = fc.oneof(
      key.map((one) => ({ key: one })),
      prefix.map((one) => ({ prefix: one })),
    );
    const op = fc.oneof(
      fc.tuple(key, fc.string({ maxLength: 2 })).map(([one, value]) => put(one, value)),
      key.map((one) => remove(one)),
      query.map((one) => read(one)),
    );
    const unique = (ops: Op[]): boolean => {
      const writes = ops.flatMap((one) =>
        one.kind === 'put' ? [one.key] : one.kind === 'delete' ? [JSON.stringify(one)] : [],
      );
      const puts = new Set(ops.flatMap((one) => (one.kind === 'put' ? [one.key] : [])));
      const deletes = ops.flatMap((one) => (one.kind === 'delete' && 'key' in one.range ? [one.range.key] : []));
      return new Set(writes).size === writes.length && !deletes.some((one) => puts.has(one));
    };
    const any = fc
      .tuple(
        fc.array(key.map(absent), { maxLength: 1 }),
        fc.array(op, { minLength: 1, maxLength: 3 }).filter(unique),
        fc.array(query, { maxLength: 1 }),
      )
      .map(([guards, ops, otherwise]) => commit(guards, ops, otherwise));
    let together = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 3 }), any, any, async (before, a, b) => {
        if (!admitted([a, b])) return;
        together++;
        expect(await outcome([...before, a, b], [a, b])).toEqual(await outcome([...before, b, a], [a, b]));
      }),
      { numRuns: 2_000 },
    );
    expect(together).toBeGreaterThan(100);
  });
});

/** What some commits and the store came to when all were applied one after the other, leaving revisions aside. */
async function outcome(all: readonly Waiting[], of: readonly Waiting[]): Promise<unknown> {
  const cluster = createMemoryCluster();
  const store = cluster.store();
  const results = new Map<Waiting, unknown>();
  for (const one of all) {
    const { ok, reads } = await store.commit(one.guards, one.ops, { otherwise: one.otherwise });
    results.set(one, {
      ok,
      reads: reads.map((entries) => entries.map(({ key, value }) => [key, Buffer.from(value).toString()])),
    });
  }
  const state = cluster.entries().map(({ key, value }) => [key, Buffer.from(value).toString()]);
  return { results: of.map((one) => results.get(one)), state };
}

describe('sending', () => {
  test('one that is alone goes by itself, and those that come in the same turn after it go in one request', async () => {
    const { batch, requests } = recorded();
    await Promise.all(Array.from({ length: 10 }, (_, i) => batch.commit(join(`/lock-${i}`, '1'))));
    await batch.commit(join('/lock', '1'));
    expect(requests).toEqual([1, 9, 1]);
  });

  test('those that concern each other go in requests of their own', async () => {
    const { batch, requests } = recorded();
    await Promise.all(['1', '2', '3'].map((ticket) => batch.commit(join('/lock', ticket))));
    expect(requests).toEqual([1, 1, 1]);
  });

  test('those that have different times go in requests of their own', async () => {
    const { batch, requests } = recorded();
    const times = [5, 5, 10, 5, undefined, 10];
    await Promise.all(times.map((timeoutMs, i) => batch.commit({ ...join(`/lock-${i}`, '1'), timeoutMs })));
    expect(requests).toEqual([1, 2, 2, 1]);
  });

  test('at most 64 go in one request, and at most 16 requests are under way', async () => {
    const answers: (() => void)[] = [];
    const { batch, requests } = recorded(
      (all) => new Promise((resolve) => answers.push(() => resolve(all.map(() => done)))),
    );
    const all = Promise.all(Array.from({ length: 1 + 64 * 19 }, (_, i) => batch.commit(join(`/lock-${i}`, '1'))));
    await settle();
    expect(requests).toEqual([1, ...Array.from({ length: 15 }, () => 64)]);
    while (answers.length > 0) {
      answers.shift()?.();
      await settle();
    }
    expect(requests).toHaveLength(20);
    await all;
  });

  test('where one is at fault, the others are applied all the same, each by itself', async () => {
    const { batch, requests } = recorded(async (all) => {
      if (all.some(({ ops }) => ops.some((op) => op.kind === 'put' && op.key.includes('dead')))) {
        throw new CoordinationError('LEASE_NOT_FOUND', 'no such lease');
      }
      return all.map(() => done);
    });
    const results = await Promise.allSettled(
      ['/first', '/a', '/dead', '/b'].map((path) => batch.commit(join(path, '1'))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(requests).toEqual([1, 3, 1, 1, 1]);
  });

  test('an unknown outcome is that of each, with its own key, and none is sent again', async () => {
    const { batch, requests } = recorded(async () => {
      throw new CoordinationError('UNKNOWN_OUTCOME', 'no answer', { key: '/first/1' });
    });
    const results = await Promise.allSettled(['/first', '/a', '/b'].map((path) => batch.commit(join(path, '1'))));
    const keys = results.map((result) => result.status === 'rejected' && result.reason.key);
    expect(keys).toEqual(['/first/1', '/a/1', '/b/1']);
    expect(requests).toEqual([1, 2]);
  });

  test('what has a signal of its own, is large or writes nothing stays out of it', () => {
    const one = join('/a', '1');
    expect(CommitBatch.accepts(one, undefined)).toBe(true);
    expect(CommitBatch.accepts(one, { signal: new AbortController().signal })).toBe(false);
    expect(CommitBatch.accepts(one, { timeoutMs: 5 })).toBe(true);
    expect(CommitBatch.accepts(commit([], [read({ key: '/a' })]), undefined)).toBe(false);
    expect(CommitBatch.accepts(commit([], [put('/a', 'x'.repeat(5_000))]), undefined)).toBe(false);
  });
});
