import { describe, expect, it } from 'vitest';
import { overlapOf } from '../../../../src/testing/checkers/overlap.js';
import { Placed } from '../../../../src/testing/checkers/placed.js';
import { Seen } from '../../../../src/testing/checkers/seen.js';
import { pick, seeded } from './generate.js';
import { unsure } from './histories.js';

describe('Seen', () => {
  it('says what a Set of texts says, through growing and clearing', () => {
    const random = seeded(1);
    const seen = new Seen(3);
    for (let round = 0; round < 2; round++) {
      const texts = new Set<string>();
      for (let count = 0; count < 20_000; count++) {
        // Few values, of which some differ in their high bits only, so that many come again.
        const row = Int32Array.from({ length: 3 }, () =>
          pick(random, [0, 1, -1, 2 ** 20, 2 ** 30, -(2 ** 31), count >> 3]),
        );
        const text = row.join();
        expect(seen.add(row)).toBe(!texts.has(text));
        texts.add(text);
      }
      expect(seen.size).toBe(texts.size);
      seen.clear();
      expect(seen.size).toBe(0);
    }
  });
});

describe('Placed', () => {
  it('counts a configuration with room for many unknown operations as several', () => {
    const unknown = Array.from({ length: 2_048 }, (_, at) => unsure(at, at));
    const placed = new Placed(overlapOf(unknown));
    expect(placed.isNew(0, 1)).toBe(true);
    expect(placed.isNew(0, 1)).toBe(false);
    // 2 words, and 64 for 2,048 bits.
    expect(placed.size).toBe(Math.ceil(66 / 8));
  });
});
