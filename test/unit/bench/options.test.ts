import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../../bench/lib/options.js';

const names = ['handoff', 'holds'];

describe('the command line', () => {
  it('without arguments runs everything, against servers of its own, for people', () => {
    expect(parseOptions([], names)).toEqual({
      ...{ json: false, gate: false, help: false, only: undefined, seconds: 5, fsync: true },
      ...{ endpoints: undefined, consul: undefined },
    });
  });

  it('takes lists with commas, with blanks or without', () => {
    const { only, endpoints } = parseOptions(['--only', 'holds, handoff', '--endpoints=a:1,b:2'], names);
    expect(only).toEqual(['holds', 'handoff']);
    expect(endpoints).toEqual(['a:1', 'b:2']);
  });

  it('takes one Consul that runs already', () => {
    expect(parseOptions(['--consul', 'http://a:8500'], names).consul).toBe('http://a:8500');
  });

  it('refuses a bench that does not exist, and names those that do', () => {
    expect(() => parseOptions(['--only', 'hold'], names)).toThrow('There are: handoff, holds.');
  });

  it('refuses a time that is none', () => {
    for (const text of ['0', '-1', 'soon', '1e9', '']) {
      expect(() => parseOptions([`--seconds=${text}`], names)).toThrow('--seconds');
    }
  });

  it('refuses what it does not know', () => {
    expect(() => parseOptions(['--fast'], names)).toThrow('--fast');
  });
});
