import { describe, expect, it } from 'vitest';
import { shrink } from '../../differential/shrink.js';

const steps = Array.from({ length: 200 }, (_, n) => n);
const needs =
  (...needed: readonly number[]) =>
  async (left: readonly number[]): Promise<boolean> =>
    needed.every((n) => left.includes(n));

describe('shrinking', () => {
  it.each([[[0]], [[199]], [[0, 199]], [[7, 8, 100]], [[...steps.slice(40, 60)]], [steps], [[]]])(
    'leaves only what is needed: %j',
    async (needed) => {
      expect(await shrink(steps, needs(...needed))).toEqual(needed);
    },
  );

  it('leaves nothing that could be taken away alone, where one of two is enough', async () => {
    const left = await shrink(steps, async (some) => some.includes(3) || some.includes(150));
    expect(left).toHaveLength(1);
  });

  it('takes little more than a few tries for each step that stays', async () => {
    let tries = 0;
    await shrink(steps, (some) => {
      tries++;
      return needs(20, 90)(some);
    });
    expect(tries).toBeLessThan(60);
  });
});
