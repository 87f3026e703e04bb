import { describe, expect, it } from 'vitest';
import { interleave, samplesOf, timeEach, timeLanes } from '../../../bench/lib/interleave.js';

/** Sides that note their turns, on a clock that each turn moves on by 10. */
function sidesOf(names: readonly string[]) {
  const turns: string[] = [];
  let time = 0;
  const sides = names.map((name) => ({
    name,
    round: async () => {
      turns.push(name);
      time += 10;
      return [time, turns.length];
    },
  }));
  return { turns, sides, now: () => time };
}

describe('interleaving', () => {
  it('turns the order round every time, so that nobody is always first', async () => {
    const { turns, sides, now } = sidesOf(['a', 'b', 'c']);
    await interleave(sides, { forMs: 0, minRounds: 3, now });
    expect(turns.join('')).toBe('abc' + 'cba' + 'abc');
  });

  it('goes on until the time is over, and ends with a whole round', async () => {
    const { turns, sides, now } = sidesOf(['a', 'b']);
    await interleave(sides, { forMs: 90, now });
    expect(turns.join('')).toBe('abbaabbaab');
  });

  it('makes its least number of rounds however little time there is', async () => {
    const { turns, sides, now } = sidesOf(['a', 'b']);
    await interleave(sides, { forMs: 0, now });
    expect(turns).toHaveLength(8);
  });

  it('keeps the samples of each side apart, by round', async () => {
    const { sides, now } = sidesOf(['a', 'b']);
    const samples = await interleave(sides, { forMs: 0, minRounds: 2, now });
    expect(samples.get('a')).toEqual([
      [10, 1],
      [40, 4],
    ]);
    expect(samplesOf(samples, 'b')).toEqual([20, 2, 30, 3]);
    expect(samplesOf(samples, 'nobody')).toEqual([]);
  });

  it('fails with the side that fails', async () => {
    const broken = { name: 'broken', round: () => Promise.reject(new Error('broken')) };
    await expect(interleave([broken], { forMs: 0 })).rejects.toThrow('broken');
  });
});

it('timing each gives one sample per run, one run after the other', async () => {
  let running = 0;
  const samples = await timeEach(5, async () => {
    expect(++running).toBe(1);
    await Promise.resolve();
    running--;
  });
  expect(samples).toHaveLength(5);
  expect(samples.every((sample) => sample >= 0)).toBe(true);
});

it('timing lanes runs as many at once as asked for, and counts all of them', async () => {
  const running = new Set<number>();
  let most = 0;
  let runs = 0;
  const { count, tookMs } = await timeLanes(4, 5, async (lane) => {
    running.add(lane);
    most = Math.max(most, running.size);
    await new Promise((resolve) => setImmediate(resolve));
    running.delete(lane);
    runs++;
  });
  expect(most).toBe(4);
  expect(count).toBe(runs);
  expect(tookMs).toBeGreaterThanOrEqual(5);
});
