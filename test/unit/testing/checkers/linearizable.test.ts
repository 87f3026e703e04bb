import { describe, expect, it } from 'vitest';
import {
  checkLinearizable,
  type Linearizability,
  type Model,
  type Operation,
  type RegisterInput,
  registerModel,
} from '../../../../src/testing/index.js';
import { isLinearizableByDefinition, isOrder } from './brute-force.js';
import { generate, pick, scramble, seeded } from './generate.js';
import { done, unsure } from './histories.js';

type Input = RegisterInput<number>;
type Output = number | boolean | undefined;
type History = Operation<Input, Output>[];

const model = registerModel<number>(0);
const values = [0, 1, 2, 3, 4];

interface Size {
  readonly operations: number;
  readonly clients: number;
  readonly unknown?: number;
  /** Whether no value is written twice. */
  readonly unique?: boolean;
  readonly keys?: number;
}

function load({ operations, clients, unknown = 0, unique = false, keys = 1 }: Size, seed = 1): History {
  return generate<number, Input, Output>(
    {
      model,
      operations,
      clients,
      unknown,
      ask: (random, _client, at) => {
        const key = keys === 1 ? '' : String(Math.floor(random() * keys));
        const kind = random();
        if (kind < 0.5) return { op: 'read', key };
        if (unique) return { op: 'write', value: at + 1, key };
        if (kind < 0.75) return { op: 'write', value: pick(random, values), key };
        return { op: 'cas', from: pick(random, values), to: pick(random, values), key };
      },
      answer: (state, input) => (input.op === 'read' ? state : input.op === 'cas' ? state === input.from : undefined),
    },
    seed,
  );
}

/** One read that shows what never was there, well into the history. */
function withWrongRead(history: History): History {
  const at = history.findIndex(
    ({ kind, input }, place) => place > history.length * 0.8 && kind === 'ok' && input.op === 'read',
  );
  return history.map((operation, place) =>
    place === at && operation.kind === 'ok' ? { ...operation, output: -1 } : operation,
  );
}

describe('an illegal history', () => {
  const history: History = [
    done(0, 1, { op: 'write', value: 1 }, undefined),
    done(2, 3, { op: 'write', value: 2 }, undefined),
    done(4, 10, { op: 'write', value: 3 }, undefined),
    done(5, 6, { op: 'read' }, 1),
    done(20, 21, { op: 'read' }, 3),
  ];

  it('comes with the longest line there is, with what cannot be next, and with what overlaps that', () => {
    const found = checkLinearizable(history, model);
    expect(found).toMatchObject({
      verdict: 'illegal',
      partition: '',
      settled: 2,
      order: [],
      state: 2,
      stuck: history[3],
    });
    expect(found.verdict === 'illegal' && found.around).toEqual([history[2]]);
  });

  it('is described to people', () => {
    expect(checkLinearizable(history, model).describe()).toBe(
      [
        'The history is not linearizable as a register.',
        'After 2 operations that fit:',
        '  it is in a state such as 2. What has to be next does not fit:',
        '  > p: {op: "read"} -> 1 (called 5, returned 6)',
        '  and putting before it any of these, which overlap it, does not help:',
        '    p: {op: "write", value: 3} -> undefined (called 4, returned 10)',
      ].join('\n'),
    );
  });

  it('is described in short, whatever its values are', () => {
    const odd: Model<number, string, unknown> = { name: 'odd', initial: 0, step: () => [] };
    const long = done<string, unknown>(0, 1, 'x'.repeat(10_000), () => {});
    const described = checkLinearizable([long], odd).describe();
    expect(described).toContain('something without a text');
    expect(described.length).toBeLessThan(1_000);
  });

  it('is told by the one object that is wrong', () => {
    const many = ['a', 'b', 'c'].flatMap((key) =>
      history.slice(0, key === 'b' ? 5 : 3).map((each) => {
        return { ...each, input: { ...each.input, key } };
      }),
    );
    expect(checkLinearizable(many, model)).toMatchObject({ verdict: 'illegal', partition: 'b' });
  });

  /** Whether there is a line of all that had returned when the operation did, with it or without. */
  function fits(whole: History, stuck: Operation<Input, Output>, itself: boolean): boolean {
    const endMs = stuck.kind === 'ok' ? stuck.returnMs : Number.POSITIVE_INFINITY;
    const needed = (each: Operation<Input, Output>) =>
      each.kind === 'ok' && (each === stuck ? itself : each.returnMs < endMs);
    return isLinearizableByDefinition(whole, model, needed);
  }

  it('has a line up to the return of what is stuck, and none with it; and the line is one', () => {
    let seen = 0;
    for (let seed = 0; seed < 3_000; seed++) {
      const random = seeded(seed);
      const made: History = scramble<Input, Output>(random, {
        operations: 6,
        unknown: 0.2,
        input: () => pick(random, [{ op: 'read' }, { op: 'write', value: 1 }, { op: 'cas', from: 1, to: 2 }]),
        output: ({ op }) => (op === 'read' ? pick(random, [0, 1, 2]) : op === 'cas' ? random() < 0.6 : undefined),
      });
      const found = checkLinearizable(made, model);
      if (found.verdict !== 'illegal') continue;
      seen++;
      // Returns at one moment have no order of which to tell the first.
      if (made.some((each) => each !== found.stuck && each.kind === 'ok' && each.returnMs === found.stuck.returnMs))
        continue;
      expect(fits(made, found.stuck, true)).toBe(false);
      expect(fits(made, found.stuck, false)).toBe(true);
      expect(found.order).not.toContain(found.stuck);
      if (found.settled === 0) expect(isOrder(found.order, [0], model, found.state)).toBe(true);
    }
    expect(seen).toBeGreaterThan(1_000);
  });
});

describe('a budget that is not enough', () => {
  const hard = load({ operations: 1_000, clients: 50, unique: true });

  it('of memory is told as unknown, and never as a pass', () => {
    const found = checkLinearizable(hard, model, { maxStates: 10_000 });
    expect(found).toMatchObject({ verdict: 'unknown', reason: 'states', partitions: [''] });
    expect(found.describe()).toContain('This is no pass.');
  });

  it('of time is told as unknown; time is that of the clock given', () => {
    let nowMs = 0;
    const clock = { now: () => nowMs++ };
    expect(checkLinearizable(hard, model, { timeoutMs: 20, clock })).toMatchObject({
      verdict: 'unknown',
      reason: 'time',
    });
    expect(nowMs).toBeLessThan(40);
  });

  it('is not spent at all where tens of thousands are under way at once: their pairs would not fit into memory', () => {
    const wide = Array.from({ length: 20_000 }, (_, at): History[number] =>
      done(0, 1, { op: 'write', value: at }, undefined),
    );
    expect(checkLinearizable(wide, model)).toMatchObject({ verdict: 'unknown', reason: 'states', partitions: [''] });
  });

  it('of time is kept where thousands of unknown operations can be tried at every step', () => {
    const many = Array.from({ length: 3_000 }, (_, at): History[number] =>
      unsure(at / 1e3, { op: 'write', value: at + 1 }),
    );
    const startMs = performance.now();
    const history: History = [...many, done(10, 11, { op: 'read' }, -1)];
    expect(checkLinearizable(history, model, { timeoutMs: 50 }).verdict).not.toBe('linearizable');
    expect(performance.now() - startMs).toBeLessThan(8_000);
  });

  it('is enough in steps for what is cheap: a wrong object is found beside one that takes too long', () => {
    const wrong: History = withWrongRead(load({ operations: 60, clients: 3 })).map((each) => {
      return { ...each, input: { ...each.input, key: 'wrong' } };
    });
    expect(checkLinearizable([...hard, ...wrong], model, { maxStates: 10_000 })).toMatchObject({
      verdict: 'illegal',
      partition: 'wrong',
    });
    const right = load({ operations: 60, clients: 3 }).map((each) => ({
      ...each,
      input: { ...each.input, key: 'right' },
    }));
    expect(checkLinearizable([...hard, ...right], model, { maxStates: 10_000 })).toMatchObject({
      verdict: 'unknown',
      partitions: [''],
    });
  });
});

describe('large histories', () => {
  /** Wide bounds: what is meant is the order of magnitude, on a machine that does other things too. */
  function verdictIn(limitMs: number, history: History): Linearizability<number, Input, Output>['verdict'] {
    const startMs = performance.now();
    const { verdict } = checkLinearizable(history, model, { timeoutMs: limitMs });
    expect(performance.now() - startMs).toBeLessThan(limitMs);
    return verdict;
  }

  it('of 5 clients: 10,000 and 100,000 operations', { timeout: 60_000 }, () => {
    expect(verdictIn(10_000, load({ operations: 10_000, clients: 5 }))).toBe('linearizable');
    expect(verdictIn(15_000, load({ operations: 100_000, clients: 5 }))).toBe('linearizable');
    expect(verdictIn(10_000, withWrongRead(load({ operations: 10_000, clients: 5 })))).toBe('illegal');
  });

  it('of 10 clients: 10,000 operations, and with values that are never written twice', { timeout: 60_000 }, () => {
    expect(verdictIn(10_000, load({ operations: 10_000, clients: 10 }))).toBe('linearizable');
    expect(verdictIn(10_000, load({ operations: 10_000, clients: 10, unique: true }))).toBe('linearizable');
    expect(verdictIn(10_000, withWrongRead(load({ operations: 1_000, clients: 10 })))).toBe('illegal');
  });

  it('with a tenth of unknown outcome', { timeout: 60_000 }, () => {
    expect(verdictIn(10_000, load({ operations: 1_000, clients: 10, unknown: 0.1 }))).toBe('linearizable');
    expect(verdictIn(10_000, load({ operations: 10_000, clients: 5, unknown: 0.1 }))).toBe('linearizable');
  });

  it('over a thousand objects: each by itself', { timeout: 60_000 }, () => {
    const history = load({ operations: 20_000, clients: 50, keys: 1_000 });
    expect(checkLinearizable(history, model)).toMatchObject({ verdict: 'linearizable', partitions: 1_000 });
    expect(verdictIn(10_000, withWrongRead(history))).toBe('illegal');
  });

  it('of 5,000 locks taken and freed one after the other: nothing of the past is kept', () => {
    const history = Array.from({ length: 5_000 }, (_, at) =>
      done(at * 2, at * 2 + 1, { op: 'write', value: at }, undefined),
    );
    // Far fewer than there are operations: each piece is forgotten at its end.
    expect(checkLinearizable<number, Input, Output>(history as History, model, { maxStates: 50 }).verdict).toBe(
      'linearizable',
    );
  });
});

describe('what cannot be taken', () => {
  const check = (history: unknown, other: unknown = model, options: unknown = {}) => {
    return () => checkLinearizable(history as History, other as Model<number, Input, Output>, options as object);
  };

  it('is refused, with the place', () => {
    expect(check('no')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', field: 'history' }));
    expect(check([unsure(0, { op: 'read' }), {}])).toThrow(expect.objectContaining({ field: 'history[1]' }));
    expect(check([done(5, 4, { op: 'read' }, 0)])).toThrow(/different clocks/);
    expect(check([{ ...done(0, 1, { op: 'read' }, 0), returnMs: Number.POSITIVE_INFINITY }])).toThrow(/"unknown"/);
    expect(check([], {})).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', field: 'model.step' }));
    expect(check([], model, { maxState: 1 })).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
    expect(check([], model, { timeoutMs: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_TIMEOUT' }));
    expect(check([], model, { maxStates: 0 })).toThrow(expect.objectContaining({ field: 'maxStates' }));
  });

  it('states without a text need a key of the model', () => {
    class Odd {}
    const odd: Model<Odd, string, string> = { name: 'odd', initial: new Odd(), step: (state) => [state] };
    const history = [done(0, 1, 'a', 'b')];
    expect(() => checkLinearizable(history, odd)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    expect(checkLinearizable(history, { ...odd, key: () => 'odd' }).verdict).toBe('linearizable');
  });

  it('an empty history is linearizable', () => {
    expect(checkLinearizable([], model)).toMatchObject({ verdict: 'linearizable', partitions: 0 });
    expect(checkLinearizable([unsure<Input, Output>(0, { op: 'write', value: 1 })], model).verdict).toBe(
      'linearizable',
    );
  });
});
