import { describe, expect, it } from 'vitest';
import type { Random } from '../../../../src/core/clock.js';
import { counterModel, registerModel } from '../../../../src/testing/checkers/data-models.js';
import { checkLinearizable } from '../../../../src/testing/checkers/linearizable.js';
import {
  fencedMutexModel,
  mutexModel,
  readWriteLockModel,
  semaphoreModel,
} from '../../../../src/testing/checkers/lock-models.js';
import type { Model } from '../../../../src/testing/checkers/model.js';
import { leasedQueueModel, queueModel } from '../../../../src/testing/checkers/queue-models.js';
import { isLinearizableByDefinition } from './brute-force.js';
import { pick, scramble, seeded } from './generate.js';

interface Kind<S, I, O> {
  readonly model: Model<S, I, O>;
  readonly input: (random: Random) => I;
  readonly output: (random: Random, input: I) => O;
}

const owners = ['a', 'b'];
const yes = (random: Random): boolean => random() < 0.75;
const lock = (random: Random) =>
  ({ op: pick(random, ['acquire', 'acquire', 'release', 'expire'] as const), owner: pick(random, owners) }) as const;

/** States, inputs and outputs are of one kind within each, and of no matter between them. */
function kind<S, I, O>(of: Kind<S, I, O>): Kind<unknown, unknown, unknown> {
  return of as unknown as Kind<unknown, unknown, unknown>;
}

const kinds = {
  register: kind({
    model: registerModel<number>(0),
    input: (random) => {
      const [from, to] = [pick(random, [0, 1, 2]), pick(random, [1, 2])];
      return pick(random, [{ op: 'read' }, { op: 'write', value: to }, { op: 'cas', from, to }] as const);
    },
    output: (random, { op }) => (op === 'read' ? pick(random, [0, 1, 2]) : op === 'cas' ? yes(random) : undefined),
  }),
  'two registers': kind({
    model: registerModel<number>(0),
    input: (random) => {
      const key = pick(random, ['x', 'y']);
      return pick(random, [
        { op: 'read', key },
        { op: 'write', value: pick(random, [1, 2]), key },
      ] as const);
    },
    output: (random, { op }) => (op === 'read' ? pick(random, [0, 1, 2]) : undefined),
  }),
  counter: kind({
    model: counterModel(),
    input: (random) => pick(random, [{ op: 'read' }, { op: 'add', amount: 1 }, { op: 'add', amount: -1 }] as const),
    output: (random, { op }) => (op === 'add' && yes(random) ? undefined : pick(random, [0, 0, 1, 1, 2])),
  }),
  mutex: kind({ model: mutexModel(), input: lock, output: yes }),
  'fenced mutex': kind({
    model: fencedMutexModel(),
    input: lock,
    output: (random, { op }) => (op === 'acquire' && yes(random) ? pick(random, [1n, 2n, 3n]) : yes(random)),
  }),
  semaphore: kind({
    model: semaphoreModel(2),
    input: (random) => ({ ...lock(random), permits: pick(random, [1, 1, 2]) }),
    output: yes,
  }),
  'read-write lock': kind({
    model: readWriteLockModel(),
    input: (random) => ({
      op: pick(random, ['read', 'read', 'write', 'release', 'expire'] as const),
      owner: pick(random, owners),
    }),
    output: yes,
  }),
  queue: kind({
    model: queueModel<number>(),
    input: (random) => pick(random, [{ op: 'put', item: pick(random, [1, 2]) }, { op: 'take' }] as const),
    output: (random, { op }) => (op === 'take' ? pick(random, [1, 2, undefined]) : undefined),
  }),
  'queue with leased items': kind({
    model: leasedQueueModel<number>(),
    input: (random) => {
      const [item, consumer] = [pick(random, [1, 2]), pick(random, owners)];
      return pick(random, [
        { op: 'put', item },
        { op: 'claim', consumer },
        { op: 'claim', consumer },
        { op: 'ack', item, consumer },
        { op: 'release', item, consumer },
      ] as const);
    },
    output: (random, { op }) =>
      op === 'put' ? undefined : op === 'claim' ? pick(random, [1, 1, 2, undefined]) : yes(random),
  }),
};

const seeds = 4_000;

describe('checkLinearizable says what the definition says', () => {
  it.each(Object.entries(kinds))(
    'of a %s, on thousands of histories',
    { timeout: 60_000 },
    (_name, { model, input, output }) => {
      const counts = { linearizable: 0, illegal: 0, unknown: 0 };
      for (let seed = 0; seed < seeds; seed++) {
        const random = seeded(seed);
        const history = scramble(random, {
          operations: 1 + Math.floor(random() * 7),
          input: () => input(random),
          output: (asked) => output(random, asked),
          unknown: pick(random, [0, 0.15, 0.4]),
        });
        const { verdict } = checkLinearizable(history, model);
        counts[verdict]++;
        const expected = isLinearizableByDefinition(history, model) ? 'linearizable' : 'illegal';
        if (verdict !== expected) throw new Error(`seed ${seed}: ${verdict} instead of ${expected}`);
      }
      expect(counts.unknown).toBe(0);
      // Neither answer may be a rare one, or it is not tested.
      expect(Math.min(counts.linearizable, counts.illegal)).toBeGreaterThan(seeds / 20);
    },
  );
});
