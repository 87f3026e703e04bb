import { describe, expect, it } from 'vitest';
import { median, quantile, summarize } from '../../../bench/lib/statistics.js';

const hundred = Array.from({ length: 101 }, (_, n) => 100 - n);

describe('quantiles', () => {
  it('are those of the sorted samples, whatever order they came in', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile(hundred, 0)).toBe(0);
    expect(quantile(hundred, 1)).toBe(100);
  });

  it('sort numbers as numbers, not as text', () => {
    expect(median([9, 10, 100])).toBe(10);
  });

  it('lie between two neighbours in proportion', () => {
    expect(median([1, 2, 3, 10])).toBe(2.5);
    expect(quantile([0, 10], 0.9)).toBeCloseTo(9);
  });

  it('leave the samples in the order they are in', () => {
    const samples = [3, 1, 2];
    quantile(samples, 0.5);
    expect(samples).toEqual([3, 1, 2]);
  });

  it('of nothing are no number, so that no gate is kept by measuring nothing', () => {
    expect(median([])).toBeNaN();
    expect(summarize([]).p50).toBeNaN();
  });

  it('outside of 0 to 1 are refused', () => {
    for (const q of [-0.1, 1.1, 99, Number.NaN]) expect(() => quantile([1], q)).toThrow(RangeError);
  });
});

it('a summary tells how many samples there were, their quantiles and their mean', () => {
  expect(summarize(hundred)).toEqual({ samples: 101, p50: 50, p90: 90, p99: 99, mean: 50 });
});
