import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inRange } from '../../../src/core/checks.js';
import { compareKeys } from '../../../src/core/keys.js';
import type { Guard, Op, Query, Range } from '../../../src/core/store.js';
import type { Version } from '../../../src/transport/memory/history.js';
import { KeyIndex } from '../../../src/transport/memory/key-index.js';
import { apply, emptyState } from '../../../src/transport/memory/state.js';

type Plain = Pick<Version, 'key' | 'created' | 'modified' | 'lease'> & { readonly text: string };

/** The store as one would explain it: one plain map, copied for each revision. */
class Model {
  revisions: Map<string, Plain>[] = [new Map(), new Map()];

  get revision(): number {
    return this.revisions.length - 1;
  }

  get now(): Map<string, Plain> {
    return this.revisions[this.revision] as Map<string, Plain>;
  }

  find(query: Query, map: Map<string, Plain> = this.now): Plain[] {
    const { createdBefore = 2n ** 62n, order = 'key', limit = Number.POSITIVE_INFINITY } = query;
    const found = [...map.values()].filter(
      ({ key, created }) => inRange(query, key) && BigInt(created) < createdBefore,
    );
    const byKey = (a: Plain, b: Plain): number => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
    const sign = order === 'oldest' ? 1 : order === 'newest' ? -1 : 0;
    return found.sort((a, b) => sign * (a.created - b.created) || byKey(a, b)).slice(0, limit);
  }

  holds(guard: Guard): boolean {
    if (guard.kind === 'untouched') {
      return this.find(guard).every(({ modified }) => BigInt(modified) <= guard.revision);
    }
    const entry = this.now.get(guard.key);
    if (guard.kind === 'absent') return entry === undefined;
    if (guard.kind === 'unchanged') return entry !== undefined && BigInt(entry.modified) === guard.modified;
    return entry !== undefined && BigInt(entry.created) === guard.created && entry.lease === guard.lease;
  }

  commit(guards: readonly Guard[], ops: readonly Op[], otherwise: readonly Query[]) {
    if (!guards.every((guard) => this.holds(guard))) {
      return { ok: false, revision: this.revision, reads: otherwise.map((query) => this.find(query)) };
    }
    const [next, modified] = [new Map(this.now), this.revision + 1];
    const reads: Plain[][] = [];
    let changed = false;
    for (const op of ops) {
      if (op.kind === 'read') reads.push(this.find(op.query, next));
      if (op.kind === 'delete') for (const { key } of this.find(op.range, next)) changed = next.delete(key) || changed;
      if (op.kind !== 'put') continue;
      const created = next.get(op.key)?.created ?? modified;
      next.set(op.key, { key: op.key, created, modified, lease: op.lease, text: Buffer.from(op.value).toString() });
      changed = true;
    }
    if (changed) this.revisions.push(next);
    return { ok: true, revision: this.revision, reads };
  }
}

const names = ['a', 'a/', 'a/b', 'a/c', 'ab/c', 'b/\u00e9', 'b/\uffff', 'b/\u{1f600}'];
const key = fc.constantFrom(...names);
const range: fc.Arbitrary<Range> = fc.oneof(
  key.map((one) => ({ key: one })),
  fc.constantFrom('a/', 'b/', 'ab/').map((prefix) => ({ prefix })),
);
const revision = fc.bigInt({ min: 0n, max: 30n });
const query: fc.Arbitrary<Query> = fc
  .tuple(
    range,
    fc.record(
      {
        order: fc.constantFrom('key', 'oldest', 'newest'),
        limit: fc.integer({ min: 1, max: 4 }),
        createdBefore: revision,
      },
      { requiredKeys: [] },
    ),
  )
  .map(([where, how]) => ({ ...where, ...how }));
const guard: fc.Arbitrary<Guard> = fc.oneof(
  fc.record({ kind: fc.constant('absent'), key }),
  fc.record({ kind: fc.constant('unchanged'), key, modified: revision }),
  fc.record({ kind: fc.constant('held'), key, created: revision, lease: fc.constant('l') }),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put'), key, value: fc.uint8Array({ maxLength: 3 }) }) },
  fc.record({ kind: fc.constant('put'), key, value: fc.uint8Array({ maxLength: 3 }), lease: fc.constant('l') }),
  fc.record({ kind: fc.constant('delete'), range }),
  fc.record({ kind: fc.constant('read'), query }),
);

/** As the contract wants it: a put and another put or delete of one key never meet. */
function onceEach(ops: readonly Op[]): Op[] {
  const kept: Op[] = [];
  for (const next of ops) {
    const clashes = kept.some((one) => {
      if (one.kind === 'read' || next.kind === 'read') return false;
      if (one.kind === 'put') return next.kind === 'put' ? one.key === next.key : inRange(next.range, one.key);
      return next.kind === 'put' && inRange(one.range, next.key);
    });
    if (!clashes) kept.push(next);
  }
  return kept;
}

const commit = fc.record({
  guards: fc.array(guard, { maxLength: 1 }),
  ops: fc.array(op, { maxLength: 6 }).map(onceEach),
  otherwise: fc.array(query, { maxLength: 2 }),
});

function plain({ key: name, created, modified, lease, value }: Version): Plain {
  return { key: name, created, modified, lease, text: Buffer.from(value).toString() };
}

describe('the state machine', () => {
  it('agrees with a plain map on every commit, and on every revision of the past', () => {
    fc.assert(
      fc.property(
        fc.array(commit, { maxLength: 30 }),
        fc.array(query, { minLength: 3, maxLength: 3 }),
        (commits, queries) => {
          const [state, model] = [emptyState(), new Model()];
          apply(state, 'grant', { lease: 'l', ttlMs: 1_000 }, 0);
          for (const request of commits) {
            const { outcome } = apply(state, 'commit', request, 0);
            const expected = model.commit(request.guards, request.ops, request.otherwise);
            if ('error' in outcome) throw outcome.error;
            const { reads, ...rest } = outcome.response;
            expect({ ...rest, reads: reads.map((versions) => versions.map(plain)) }).toEqual(expected);
          }
          for (let past = 1; past <= model.revision; past++) {
            for (const one of [...queries, { prefix: 'a/' }, { prefix: 'b/' }]) {
              const { outcome } = apply(state, 'readAt', { query: one, revision: past }, 0);
              const found = 'response' in outcome ? outcome.response.versions.map(plain) : undefined;
              expect(found).toEqual(model.find(one, model.revisions[past]));
            }
          }
          const leased = [...model.now.values()].filter(({ lease }) => lease !== undefined).map((entry) => entry.key);
          expect([...(state.leases.get('l')?.keys ?? [])].sort()).toEqual(leased.sort());
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('KeyIndex', () => {
  it('stays in the order of bytes over thousands of insertions and deletions', () => {
    const index = new KeyIndex<string>();
    const expected = new Set<string>();
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let n = 0; n < 30_000; n++) {
      const name = `p${random(20)}/${random(500)}`;
      const grow = n < 15_000 ? 3 : 1;
      if (random(4) < grow) {
        index.set(name, name);
        expected.add(name);
      } else {
        index.delete(name);
        expected.delete(name);
      }
    }
    const sorted = [...expected].sort(compareKeys);
    expect(index.size).toBe(expected.size);
    expect(index.all()).toEqual(sorted);
    for (let p = 0; p < 22; p++) {
      expect(index.in({ prefix: `p${p}/` })).toEqual(sorted.filter((name) => name.startsWith(`p${p}/`)));
    }
    for (const name of sorted) index.delete(name);
    expect([index.size, index.all(), index.in({ prefix: 'p1/' })]).toEqual([0, [], []]);
  });

  it('takes ascending and descending runs of keys', () => {
    const names = Array.from({ length: 5_000 }, (_, n) => `/${String(n).padStart(5, '0')}`);
    for (const order of [names, [...names].reverse()]) {
      const index = new KeyIndex<string>();
      for (const name of order) index.set(name, name);
      expect(index.in({ prefix: '/' })).toEqual(names);
    }
  });
});
