import { describe, expect, it } from 'vitest';
import { exitCode, Figures, gateOf, missed } from '../../../bench/lib/figures.js';
import { rounded, table } from '../../../bench/lib/report.js';

describe('a gate', () => {
  it('is kept on its limit and missed beyond it', () => {
    expect(gateOf(2.3, { max: 2.3 }).ok).toBe(true);
    expect(gateOf(2.31, { max: 2.3 }).ok).toBe(false);
    expect(gateOf(4, { min: 4 }).ok).toBe(true);
    expect(gateOf(3.99, { min: 4 }).ok).toBe(false);
  });

  it('with both limits alike is kept by that number alone', () => {
    expect([1.99, 2, 2.01].map((value) => gateOf(value, { min: 2, max: 2 }).ok)).toEqual([false, true, false]);
  });

  it('is missed by what is not a number', () => {
    expect(gateOf(Number.NaN, { max: 1 }).ok).toBe(false);
    expect(gateOf(Number.NaN, { min: 1 }).ok).toBe(false);
  });
});

describe('a run', () => {
  const good = new Figures('b').gated('good', 1, 'ms', { max: 2 }).add('told', 99, 'ms').list;
  const planted = new Figures('b').gated('planted', 3, 'ms', { max: 2 }).list;

  it('fails by a planted bad value, where gates count', () => {
    expect(exitCode([...good, ...planted], [], true)).toBe(1);
    expect(missed([...good, ...planted])).toEqual(planted);
  });

  it('does not fail by it where gates do not count, and never by a figure without a gate', () => {
    expect(exitCode([...good, ...planted], [], false)).toBe(0);
    expect(exitCode(good, [], true)).toBe(0);
  });

  it('fails by a bench that gave no figures, gates or not', () => {
    expect(exitCode(good, ['broken'], false)).toBe(1);
  });

  it('tells in its table what was asked for and what was missed', () => {
    const exactly = new Figures('b').gated('both', 2, '', { min: 2, max: 2 }).list;
    const lines = table([...good, ...planted, ...exactly]).split('\n');
    expect(lines).toEqual([
      'b  good      1 ms  ok, at most 2',
      'b  told     99 ms',
      'b  planted   3 ms  MISSED, at most 2',
      'b  both         2  ok, exactly 2',
    ]);
  });
});

it('numbers are told with three digits that count', () => {
  expect([0.012345, 2.3456, 123.456, 12_345.6, 7, Number.NaN].map(rounded)).toEqual([
    ...['0.0123', '2.35', '123', '12,346', '7', 'NaN'],
  ]);
});
