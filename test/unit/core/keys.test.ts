import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkKey, checkPath, checkPrefix, compareKeys, keyBytes, keyText, ticketKey } from '../../../src/core/keys.js';

/** Bytes as they come, and bytes made mostly of pieces of UTF-8, where the trouble is. */
const pieces = ['a', '/', '\u00e9', '\u65e5', '\ufffd', '\ufeff', '\u{1f600}'].map((text) => [...Buffer.from(text)]);
const broken = [[0x80], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xff], [0xc0, 0xaf]];
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 24 }),
  fc.array(fc.constantFrom(...pieces, ...broken), { maxLength: 10 }).map((parts) => Uint8Array.from(parts.flat())),
);
const problemOf = (check: () => void): unknown => {
  try {
    check();
  } catch (error) {
    const { code, problem } = error as { code: string; problem: string };
    return `${code} ${problem}`;
  }
  return 'fine';
};

describe('keyText and keyBytes', () => {
  it('give back any bytes whatever', () => {
    fc.assert(
      fc.property(bytes, (raw) => void expect(Buffer.from(keyBytes(keyText(raw)))).toEqual(Buffer.from(raw))),
      {
        numRuns: 5_000,
      },
    );
  });

  it('give back any text that is Unicode', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, (key) => void expect(keyText(keyBytes(key))).toBe(key)),
      { numRuns: 2_000 },
    );
  });

  it('never show two keys alike', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => void expect(keyText(a) === keyText(b)).toBe(Buffer.compare(a, b) === 0)),
      { numRuns: 2_000 },
    );
  });

  it('show each byte that is not UTF-8 as one escape, and all others as they are', () => {
    expect(keyText(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\udcffb');
    expect(keyText(Uint8Array.of(0xe2, 0x82))).toBe('\udce2\udc82');
    expect(keyText(Buffer.from('\ufeff\ufffd'))).toBe('\ufeff\ufffd');
  });

  it('reads a key that is part of a larger buffer', () => {
    expect(keyText(Buffer.from('..key..').subarray(2, 5))).toBe('key');
  });
});

describe('compareKeys', () => {
  it('orders as the bytes do', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareKeys(keyText(a), keyText(b)))).toBe(Buffer.compare(a, b));
      }),
      { numRuns: 5_000 },
    );
  });

  it('puts what is beyond the basic plane last, unlike JavaScript', () => {
    expect(compareKeys('\uffff', '\u{10000}')).toBeLessThan(0);
    expect('\uffff' < '\u{10000}').toBe(false);
  });

  it('puts a key before those that begin with it', () => {
    expect(compareKeys('/a', '/a/b')).toBeLessThan(0);
    expect(compareKeys('/a', '/a')).toBe(0);
  });
});

describe('checkKey', () => {
  it.each([
    ['', 'INVALID_KEY empty'],
    [undefined, 'INVALID_KEY not-a-string'],
    ['a\0', 'INVALID_KEY nul'],
    ['..', 'INVALID_KEY dot-segment'],
    ['a/../b', 'INVALID_KEY dot-segment'],
    ['\ud83d', 'INVALID_KEY not-unicode'],
    ['x\udc00', 'INVALID_KEY not-unicode'],
    ['\udcc3\udca9', 'INVALID_KEY not-unicode'],
    ['\udcff', 'fine'],
    ['a..b/...', 'fine'],
    ['/', 'fine'],
    [' ', 'fine'],
  ])('finds %j %s', (key, expected) => {
    expect(problemOf(() => checkKey(key))).toBe(expected);
  });

  it('takes every key that a store can show, unless it has NUL, or is empty', () => {
    fc.assert(
      fc.property(bytes, (raw) => {
        const key = keyText(raw);
        fc.pre(key !== '' && !key.includes('\0') && !key.split('/').includes('..'));
        expect(problemOf(() => checkKey(key))).toBe('fine');
      }),
    );
  });
});

describe('checkPrefix', () => {
  it.each([
    ['a/', 'fine'],
    ['/', 'fine'],
    ['a', 'INVALID_PREFIX no-final-slash'],
    ['', 'INVALID_KEY empty'],
  ])('finds %j %s', (prefix, expected) => {
    expect(problemOf(() => checkPrefix(prefix))).toBe(expected);
  });
});

describe('checkPath', () => {
  it.each([
    ['/locks/job', 'fine'],
    ['job', 'fine'],
    ['/', 'INVALID_PREFIX root'],
    ['/locks/', 'INVALID_PREFIX final-slash'],
    ['/locks//job', 'INVALID_PREFIX empty-segment'],
    ['', 'INVALID_KEY empty'],
  ])('finds %j %s', (path, expected) => {
    expect(problemOf(() => checkPath(path))).toBe(expected);
  });
});

it('ticketKey names tickets as the Go package does, with a number of ours', () => {
  expect(ticketKey('/locks/job', '694d7a', 3)).toBe('/locks/job/694d7a-3');
});
