import { describe, expect, it } from 'vitest';
import {
  checkLinearizable,
  checkWitness,
  fencedMutexModel,
  type LockInput,
  type Operation,
  type RegisterInput,
  registerModel,
} from '../../../../src/testing/index.js';
import { pick, seeded } from './generate.js';
import { done, failed, unsure } from './histories.js';

type Input = RegisterInput<number>;
type Output = number | boolean | undefined;
type History = Operation<Input, Output>[];

const model = registerModel<number>(0);
const read: Input = { op: 'read' };
const write = (value: number): Input => ({ op: 'write', value });

/** A store with one revision for all keys, as etcd has it, and many clients at once. */
function store(operations: number, clients: number, seed = 1): History {
  const random = seeded(seed);
  const held = new Map<string, number>();
  let revision = 1n;
  return Array.from({ length: operations }, (_, at): Operation<Input, Output> => {
    // Effects are a millisecond apart; calls and returns of as many as there are clients lie around each.
    const [callMs, returnMs] = [at - random() * clients, at + random() * clients];
    const key = String(Math.floor(random() * 10));
    if (random() < 0.5) return done<Input, Output>(callMs, returnMs, { op: 'read', key }, held.get(key) ?? 0, revision);
    held.set(key, at);
    return done<Input, Output>(callMs, returnMs, { op: 'write', value: at, key }, undefined, ++revision);
  });
}

describe('checkWitness', () => {
  it('takes a history in the order of its revisions; of one revision the write comes first', () => {
    const history: History = [
      done(0, 9, write(1), undefined, 5n),
      done(0, 9, read, 1, 5n),
      done(0, 9, read, 0, 4n),
      done(0, 9, { op: 'cas', from: 3, to: 4 }, false, 5n),
    ];
    expect(checkWitness(history, model)).toMatchObject({ verdict: 'linearizable', searched: 0 });
  });

  it('finds a read that shows what was not there at its revision', () => {
    const history: History = [done(0, 9, write(1), undefined, 5n), done(0, 9, read, 0, 5n)];
    const found = checkWitness(history, model);
    expect(found).toMatchObject({ verdict: 'illegal', reason: 'model', operation: history[1], before: history[0] });
    expect(found.describe()).toContain('> p: {op: "read"} -> 0 at revision 5');
    // Without the revisions it is fine: the read may have come first.
    expect(checkLinearizable(history, model).verdict).toBe('linearizable');
  });

  it('finds revisions that go against time, though the values agree', () => {
    const history: History = [done(0, 1, write(1), undefined, 6n), done(2, 3, write(1), undefined, 5n)];
    const found = checkWitness(history, model);
    expect(found).toMatchObject({ verdict: 'illegal', reason: 'order', operation: history[0], before: history[1] });
    expect(found.describe()).toContain('go against time');
    expect(checkLinearizable(history, model).verdict).toBe('linearizable');
  });

  it('finds a stale read: over before the write was called, and yet at its revision', () => {
    const history: History = [done(0, 1, read, 0, 5n), done(2, 3, write(1), undefined, 5n)];
    expect(checkWitness(history, model)).toMatchObject({ verdict: 'illegal' });
  });

  it('finds tokens that do not grow with the revisions', () => {
    const acquire = (owner: string): LockInput => ({ op: 'acquire', owner });
    const history: Operation<LockInput, bigint | boolean>[] = [
      done(0, 1, acquire('a'), 7n, 7n),
      done(2, 3, { op: 'expire', owner: 'a' }, true, 8n),
      done(4, 5, acquire('b'), 7n, 9n),
    ];
    expect(checkWitness(history, fencedMutexModel()).verdict).toBe('illegal');
    expect(checkWitness(history.slice(0, 2), fencedMutexModel()).verdict).toBe('linearizable');
  });

  describe('an operation of unknown outcome', () => {
    const history: History = [done(0, 1, write(1), undefined, 5n), unsure(2, write(2)), done(4, 5, read, 2, 6n)];

    it('is settled by what the store tells of it', () => {
      const settle = () => ({ revision: 6n, output: undefined });
      expect(checkWitness(history, model, { settle })).toMatchObject({ verdict: 'linearizable', searched: 0 });
      expect(checkWitness(history, model, { settle: () => ({ revision: 7n, output: undefined }) })).toMatchObject({
        verdict: 'illegal',
        reason: 'model',
      });
      expect(checkWitness(history, model, { settle: () => 'never' }).verdict).toBe('illegal');
    });

    it('is searched for where the store does not, in its own partition only', () => {
      expect(checkWitness(history, model)).toMatchObject({ verdict: 'linearizable', searched: 1 });
      const wrong: History = history.map((each) =>
        each.kind === 'ok' && each.callMs === 4 ? { ...each, output: 3 } : each,
      );
      expect(checkWitness(wrong, model)).toMatchObject({ verdict: 'illegal', stuck: wrong[2] });
      const other = store(200, 20);
      expect(checkWitness([...history, ...other], model)).toMatchObject({ verdict: 'linearizable', searched: 1 });
    });

    it('is left out where it is a read, or surely had no effect', () => {
      const more: History = [unsure(0, read), failed(0, 1, write(9)), done(2, 3, read, 0, 3n)];
      expect(checkWitness(more, model)).toMatchObject({ verdict: 'linearizable', searched: 0 });
    });

    it('is unknown where the search is too much', () => {
      const hard: History = store(2_000, 200).map((each) => {
        const { process, callMs, input } = each;
        return callMs > 1_000 && callMs < 1_100
          ? { kind: 'unknown', process, callMs, input: { ...input, key: 'x' } }
          : { ...each, input: { ...input, key: 'x' } };
      });
      expect(checkWitness(hard, model, { maxStates: 2_000 }).verdict).not.toBe('linearizable');
    });
  });

  it('agrees with the search on stores of few clients, right and wrong', () => {
    let wrong = 0;
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed);
      const history = store(40, 3, seed);
      expect(checkWitness(history, model).verdict).toBe('linearizable');
      expect(checkLinearizable(history, model).verdict).toBe('linearizable');
      const at = Math.floor(random() * 40);
      const spoilt = history.map((each, place): Operation<Input, Output> => {
        return place === at && each.kind === 'ok' && each.input.op === 'read'
          ? { ...each, output: pick(random, [-1, 0, 3]) }
          : each;
      });
      // By the revisions it is stricter: what the search refuses, they refuse.
      if (checkLinearizable(spoilt, model).verdict === 'illegal') {
        wrong++;
        expect(checkWitness(spoilt, model).verdict).toBe('illegal');
      }
    }
    expect(wrong).toBeGreaterThan(30);
  });

  it('takes a million operations of 500 clients in seconds', { timeout: 60_000 }, () => {
    const history = store(1_000_000, 500);
    const startMs = performance.now();
    expect(checkWitness(history, model)).toMatchObject({ verdict: 'linearizable', searched: 0 });
    expect(performance.now() - startMs).toBeLessThan(30_000);
    const last = history.findLastIndex((each) => each.kind === 'ok' && each.input.op === 'read');
    const spoilt = history.map((each, at) => (at === last ? { ...each, output: -1 } : each)) as History;
    expect(checkWitness(spoilt, model).verdict).toBe('illegal');
  });

  it('refuses options that it does not know', () => {
    expect(() => checkWitness([], model, { settel: 1 } as never)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION' }),
    );
    expect(() => checkWitness([], model, { settle: 1 } as never)).toThrow(expect.objectContaining({ field: 'settle' }));
  });
});
