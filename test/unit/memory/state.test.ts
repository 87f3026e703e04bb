import { describe, expect, it } from 'vitest';
import { absent, type Op, put, type Query, remove } from '../../../src/core/store.js';
import type { HistoryLimits, Version } from '../../../src/transport/memory/history.js';
import {
  apply,
  emptyState,
  type Kind,
  type Requests,
  type Responses,
  type State,
} from '../../../src/transport/memory/state.js';

function ask<K extends Kind>(state: State, kind: K, request: Requests[K], now = 0): Responses[K] {
  const { outcome } = apply(state, kind, request, now);
  if ('error' in outcome) throw outcome.error;
  return outcome.response;
}

function write(state: State, ...ops: Op[]): number {
  return ask(state, 'commit', { guards: [], ops, otherwise: [] }).revision;
}

const decoder = new TextDecoder();

function texts(versions: readonly Version[] | undefined): string[] | undefined {
  return versions?.map(({ key, value }) => `${key}=${decoder.decode(value)}`);
}

function at(state: State, revision: number, query: Query = { prefix: '/' }): string[] | undefined {
  return texts(ask(state, 'readAt', { query, revision }).versions);
}

/** /a is written, written again, deleted and written once more: revisions 2 to 5; /b is there from 3 on. */
function lived(limits?: HistoryLimits): State {
  const state = emptyState(limits);
  write(state, put('/a', '1'));
  write(state, put('/a', '2'), put('/b', 'b'));
  write(state, remove('/a'));
  write(state, put('/a', '3'));
  return state;
}

describe('revisions', () => {
  it('begin at 1, as in etcd, and grow by one with each commit that changes something', () => {
    const state = emptyState();
    expect(ask(state, 'read', { query: { prefix: '/' } }).revision).toBe(1);
    expect(write(state, put('/a', ''), put('/b', ''))).toBe(2);
    expect(write(state, remove('/c'))).toBe(2);
    expect(ask(state, 'commit', { guards: [absent('/a')], ops: [put('/z', '')], otherwise: [] }).revision).toBe(2);
    expect(write(state, remove({ prefix: '/' }))).toBe(3);
  });

  it('count how often a key was written in this life', () => {
    const state = lived();
    expect(state.keys.get('/a')).toMatchObject({ created: 5, modified: 5, version: 1 });
    write(state, put('/a', ''));
    expect(state.keys.get('/a')).toMatchObject({ created: 5, modified: 6, version: 2 });
  });
});

describe('the past', () => {
  it('can be read at every revision that is kept', () => {
    const state = lived();
    expect([1, 2, 3, 4, 5].map((revision) => at(state, revision))).toEqual([
      [],
      ['/a=1'],
      ['/a=2', '/b=b'],
      ['/b=b'],
      ['/a=3', '/b=b'],
    ]);
  });

  it('is read in the order and to the limit of the query', () => {
    const state = lived();
    expect(at(state, 3, { prefix: '/', order: 'newest', limit: 1 })).toEqual(['/b=b']);
    expect(at(state, 2, { key: '/b' })).toEqual([]);
  });

  it('cannot be read where it is compacted or has not been yet', () => {
    const state = lived();
    ask(state, 'compact', { revision: 3 });
    expect(() => at(state, 2)).toThrow(expect.objectContaining({ code: 'COMPACTED' }));
    expect(at(state, 3)).toEqual(['/a=2', '/b=b']);
    expect(() => at(state, 6)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(state.history.since(2)).toBeUndefined();
    expect(state.history.since(3)?.map(({ revision }) => revision)).toEqual([4, 5]);
  });

  it('tells what changed since a revision, with what was there before', () => {
    const [first, second] = lived().history.since(3) ?? [];
    expect(first).toMatchObject({ revision: 4, changes: [{ key: '/a', next: undefined, previous: { modified: 3 } }] });
    expect(second).toMatchObject({ revision: 5, changes: [{ key: '/a', previous: undefined, next: { created: 5 } }] });
  });

  it('is nothing after a compaction up to the present, which stays readable', () => {
    const state = lived();
    ask(state, 'compact', { revision: 100 });
    expect(at(state, 5)).toEqual(['/a=3', '/b=b']);
    expect(state.history.since(5)).toEqual([]);
    write(state, put('/c', ''));
    expect(state.history.since(5)).toHaveLength(1);
  });

  it('is kept for the last 10,000 revisions and for no more', () => {
    const state = emptyState();
    for (let n = 0; n < 25_000; n++) write(state, put(`/${n % 10}`, ''));
    expect(state.history.floor).toBe(25_001 - 10_000);
    expect(state.history.since(state.history.floor)).toHaveLength(10_000);
    expect(state.history.since(state.history.floor - 1)).toBeUndefined();
  });

  it('is kept for fewer revisions where they are large', () => {
    const state = emptyState({ bytes: 10_000 });
    for (let n = 0; n < 100; n++) write(state, put('/a', new Uint8Array(900)));
    expect(state.history.since(state.history.floor)?.length).toBe(9);
  });
});

describe('leases', () => {
  function leased(ttls: readonly number[]): State {
    const state = emptyState();
    ttls.forEach((ttlMs, n) => {
      ask(state, 'grant', { lease: `l${n}`, ttlMs });
      write(state, put(`/${n}/a`, '', `l${n}`), put(`/${n}/b`, '', `l${n}`));
    });
    return state;
  }

  it('end exactly at their deadline, not a moment earlier', () => {
    const state = leased([100]);
    expect(ask(state, 'read', { query: { prefix: '/' } }, 99.999).versions).toHaveLength(2);
    expect(ask(state, 'read', { query: { prefix: '/' } }, 100).versions).toHaveLength(0);
    expect(state.leases.all()).toEqual([]);
  });

  it('end in the order of their deadlines, each in one revision, before the request is looked at', () => {
    const state = leased([300, 100, 200, 100]);
    const { events, outcome } = apply(state, 'commit', { guards: [absent('/1/a')], ops: [], otherwise: [] }, 250);
    expect(events.map(({ changes }) => changes.map(({ key }) => key))).toEqual([
      ['/1/a', '/1/b'],
      ['/3/a', '/3/b'],
      ['/2/a', '/2/b'],
    ]);
    expect(outcome).toMatchObject({ response: { ok: true } });
  });

  it('tell of those that ended even when the request fails', () => {
    const state = leased([100]);
    const { events, outcome } = apply(state, 'renew', { lease: 'l0' }, 100);
    expect(events).toHaveLength(1);
    expect(outcome).toMatchObject({ error: { code: 'LEASE_NOT_FOUND', lease: 'l0' } });
  });

  it('live for their whole time again after each renewal, however many there were', () => {
    const state = leased([100, 1_000_000]);
    for (let now = 0; now < 100_000; now += 50) ask(state, 'renew', { lease: 'l0' }, now);
    expect(state.leases.get('l0')?.deadlineMs).toBe(100_050);
    expect(ask(state, 'read', { query: { prefix: '/0/' } }, 100_049).versions).toHaveLength(2);
    expect(ask(state, 'read', { query: { prefix: '/0/' } }, 100_050).versions).toHaveLength(0);
    expect(state.leases.next()?.id).toBe('l1');
  });

  it('that have no keys end without a revision', () => {
    const state = emptyState();
    ask(state, 'grant', { lease: 'l', ttlMs: 100 });
    expect(apply(state, 'expire', {}, 100).events).toEqual([]);
    expect(ask(state, 'revoke', { lease: 'l' })).toBe(false);
  });

  it('are let go by keys that are deleted, moved or put without one', () => {
    const state = leased([100, 500]);
    write(state, remove('/0/a'));
    write(state, put('/0/b', '', 'l1'));
    write(state, put('/1/a', ''));
    expect([...(state.leases.get('l0')?.keys ?? [])]).toEqual([]);
    expect([...(state.leases.get('l1')?.keys ?? [])]).toEqual(['/1/b', '/0/b']);
  });
});

it('the same requests at the same times give the same answers', () => {
  const run = (): unknown[] => {
    const state = emptyState();
    const answers: unknown[] = [];
    for (let n = 0; n < 500; n++) {
      const lease = `l${n % 7}`;
      answers.push(apply(state, 'grant', { lease: `l${n}`, ttlMs: 10 + ((n * 31) % 97) }, n));
      const ops = [put(`/${(n * 17) % 50}`, `${n}`, lease), remove(`/x${n % 3}`), put(`/x${(n + 1) % 3}`, '')];
      answers.push(apply(state, 'commit', { guards: [], ops, otherwise: [] }, n));
    }
    return answers;
  };
  expect(run()).toEqual(run());
});
