import { describe, expect, it } from 'vitest';
import * as checks from '../../../src/core/checks.js';
import {
  absent,
  type CallOptions,
  type Guard,
  held,
  type Op,
  put,
  type Query,
  type ReadOptions,
  read,
  remove,
  unchanged,
} from '../../../src/core/store.js';

const traits = {
  name: 'test',
  maxOps: 4,
  maxValueBytes: 8,
  minTtlMs: 10,
  maxTtlMs: 1_000,
  ttlFactor: 1,
  exactHeld: true,
  rangeGuards: true,
  pastReads: true,
  binaryKeys: true,
};

function codeOf(check: () => void): string {
  try {
    check();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'fine';
}

function commitCode(guards: readonly unknown[], ops: readonly unknown[], options?: object): string {
  // Callers without types can pass anything.
  return codeOf(() => checks.checkCommit(traits, guards as Guard[], ops as Op[], options));
}

describe('checkCall', () => {
  it.each([
    [undefined, 'fine'],
    [{}, 'fine'],
    [{ timeoutMs: 0.5, signal: undefined }, 'fine'],
    [{ timeoutMs: 0 }, 'INVALID_TIMEOUT'],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, 'INVALID_TIMEOUT'],
    [{ timeoutMs: '1' }, 'INVALID_TIMEOUT'],
    [{ signal: {} }, 'INVALID_OPTION'],
    [{ signal: null }, 'INVALID_OPTION'],
    [{ timeout: 5 }, 'UNKNOWN_OPTION'],
    [5, 'INVALID_OPTION'],
    [null, 'INVALID_OPTION'],
  ])('finds %j %s', (options, expected) => {
    expect(codeOf(() => checks.checkCall(options as CallOptions, 'read'))).toBe(expected);
  });

  it('throws the very reason of a signal that is aborted already', () => {
    const reason = { not: 'an Error' };
    expect.assertions(1);
    try {
      checks.checkCall({ signal: AbortSignal.abort(reason) }, 'read');
    } catch (error) {
      expect(error).toBe(reason);
    }
  });
});

describe('checkQuery', () => {
  it.each([
    [{ key: '/k' }, 'fine'],
    [{ prefix: '/p/', order: 'newest', limit: 1, createdBefore: 5n }, 'fine'],
    [{ key: '/k', prefix: '/p/' }, 'INVALID_OPTION'],
    [undefined, 'INVALID_OPTION'],
    [{ prefix: '/p' }, 'INVALID_PREFIX'],
    [{ key: '' }, 'INVALID_KEY'],
    [{ key: '/k', order: 'size' }, 'INVALID_OPTION'],
    [{ key: '/k', limit: 0 }, 'INVALID_OPTION'],
    [{ key: '/k', limit: 1.5 }, 'INVALID_OPTION'],
    [{ key: '/k', createdBefore: 5 }, 'INVALID_OPTION'],
    [{ key: '/k', createdBefore: 2n ** 63n }, 'INVALID_OPTION'],
    [{ key: '/k', from: 1 }, 'UNKNOWN_OPTION'],
  ])('finds case %# %s', (query, expected) => {
    expect(codeOf(() => checks.checkQuery(query as Query))).toBe(expected);
  });
});

describe('checkRead', () => {
  const code = (options: unknown, pastReads = true) => {
    // Callers without types can pass anything.
    return codeOf(() => checks.checkRead({ ...traits, pastReads }, { key: '/k' }, options as ReadOptions));
  };

  it.each([
    [undefined, 'fine'],
    [{ timeoutMs: 5, revision: undefined }, 'fine'],
    [{ revision: 1n }, 'fine'],
    [{ revision: 2n ** 63n - 1n }, 'fine'],
    [{ revision: 0n }, 'INVALID_OPTION'],
    [{ revision: 2n ** 63n }, 'INVALID_OPTION'],
    [{ revision: 5 }, 'INVALID_OPTION'],
    [{ revisions: 5n }, 'UNKNOWN_OPTION'],
  ])('finds case %# %s', (options, expected) => {
    expect(code(options)).toBe(expected);
  });

  it('refuses the past where the store keeps none, and nothing else', () => {
    expect(code({ revision: 1n }, false)).toBe('UNSUPPORTED');
    expect(code({ revision: 0n }, false)).toBe('INVALID_OPTION');
    expect(code({ revision: undefined }, false)).toBe('fine');
  });
});

describe('checkTtl', () => {
  it.each([
    [10, 'fine'],
    [1_000, 'fine'],
    [9, 'INVALID_TTL'],
    [1_001, 'INVALID_TTL'],
    [Number.NaN, 'INVALID_TTL'],
    ['100', 'INVALID_TTL'],
  ])('finds %j %s', (ttlMs, expected) => {
    expect(codeOf(() => checks.checkTtl(ttlMs, traits))).toBe(expected);
  });
});

describe('checkCommit', () => {
  it('takes a commit that keeps to the contract', () => {
    const guards = [absent('/a'), unchanged('/b', 5n)];
    expect(commitCode(guards, [put('/a', 'v', 'lease'), read({ prefix: '/p/' })], { otherwise: [{ key: '/a' }] })).toBe(
      'fine',
    );
    expect(commitCode([], [])).toBe('fine');
  });

  it('counts guards and steps together, or guards and otherwise reads', () => {
    const four = [1, 2, 3, 4].map((n) => absent(`/${n}`));
    const reads = (count: number): Query[] => Array.from({ length: count }, () => ({ key: '/k' }));
    expect(commitCode(four, [])).toBe('fine');
    expect(commitCode(four, [remove('/k')])).toBe('TOO_MANY_OPS');
    expect(commitCode(four, [], { otherwise: reads(1) })).toBe('TOO_MANY_OPS');
    expect(commitCode([], [], { otherwise: reads(4) })).toBe('fine');
  });

  it.each([
    ['a value that is too large', [put('/k', new Uint8Array(9))], 'VALUE_TOO_LARGE'],
    ['the largest value', [put('/k', new Uint8Array(8))], 'fine'],
    ['a value that is no bytes', [{ kind: 'put', key: '/k', value: 'text' }], 'INVALID_VALUE'],
    ['an empty lease', [put('/k', '', '')], 'INVALID_OPTION'],
    ['a bad key', [put('', '')], 'INVALID_KEY'],
    ['a bad prefix', [remove({ prefix: '/p' })], 'INVALID_PREFIX'],
    ['an unknown step', [{ kind: 'touch', key: '/k' }], 'INVALID_COMMIT'],
    ['two puts of a key', [put('/k', ''), put('/k', '')], 'DUPLICATE_KEY'],
    ['a put and a delete of a key', [put('/k', ''), remove('/k')], 'DUPLICATE_KEY'],
    ['a put below a deleted prefix', [remove({ prefix: '/p/' }), put('/p/k', '')], 'DUPLICATE_KEY'],
    ['a put beside a deleted prefix', [remove({ prefix: '/p/' }), put('/pk', '')], 'fine'],
    ['two deletes of a key', [remove('/k'), remove('/k')], 'fine'],
    ['a read of what is put', [put('/k', ''), read({ key: '/k' })], 'fine'],
  ])('finds %s: %s', (_, ops, expected) => {
    expect(commitCode([], ops)).toBe(expected);
  });

  it('looks at guards, otherwise reads and options too', () => {
    expect(commitCode([absent('')], [])).toBe('INVALID_KEY');
    expect(commitCode([held('/k', 5n, '')], [])).toBe('INVALID_OPTION');
    expect(commitCode([{ kind: 'unchanged', key: '/k', modified: 5 }], [])).toBe('INVALID_OPTION');
    expect(commitCode([{ kind: 'value', key: '/k' }], [])).toBe('INVALID_COMMIT');
    expect(commitCode([], [], { otherwise: [{ prefix: 'x' }] })).toBe('INVALID_PREFIX');
    expect(commitCode([], [], { retries: 5 })).toBe('UNKNOWN_OPTION');
    expect(commitCode([], {} as unknown[])).toBe('INVALID_COMMIT');
  });
});

describe('inRange', () => {
  it('takes a prefix for what it is, and a key for one key', () => {
    expect(checks.inRange({ prefix: '/foo/' }, '/foo/a')).toBe(true);
    expect(checks.inRange({ prefix: '/foo/' }, '/foobar')).toBe(false);
    expect(checks.inRange({ prefix: '/foo/' }, '/foo')).toBe(false);
    expect(checks.inRange({ key: '/foo' }, '/foo')).toBe(true);
    expect(checks.inRange({ key: '/foo' }, '/foo/a')).toBe(false);
  });
});
