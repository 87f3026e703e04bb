import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MinHeap } from '../../../src/core/heap.js';

it('MinHeap gives back whatever was put in, least first, also after some were let go', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 0, max: 50 }), (numbers, bound) => {
      const heap = new MinHeap<number>((a, b) => a < b);
      for (const number of numbers) heap.push(number);
      heap.keep((number) => number >= bound);
      const expected = numbers.filter((number) => number >= bound).sort((a, b) => a - b);
      expect([heap.size, heap.peek()]).toEqual([expected.length, expected[0]]);
      expect(expected.map(() => heap.pop())).toEqual(expected);
      expect([heap.size, heap.pop()]).toEqual([0, undefined]);
    }),
  );
});
