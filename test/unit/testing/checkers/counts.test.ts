import { describe, expect, it } from 'vitest';
import {
  type Balances,
  type BankInput,
  type CounterInput,
  checkBank,
  checkCounter,
  checkSet,
  checkTotalQueue,
  checkUniqueIds,
  type Operation,
  type Scalar,
  type SetInput,
  type TotalQueueInput,
  type Whole,
} from '../../../../src/testing/index.js';
import { done, failed, unsure } from './histories.js';

describe('checkTotalQueue', () => {
  type Queue = Operation<TotalQueueInput, Scalar | readonly Scalar[]>[];
  const put = (item: Scalar): TotalQueueInput => ({ op: 'put', item });
  const take: TotalQueueInput = { op: 'take' };
  const drain: TotalQueueInput = { op: 'drain' };

  it('passes a queue of which all came out', () => {
    const history: Queue = [
      done(0, 1, put(1), undefined),
      done(0, 1, put(2), undefined),
      done(2, 3, take, 2),
      done(4, 5, drain, [1]),
    ];
    expect(checkTotalQueue(history)).toMatchObject({
      verdict: 'legal',
      lost: [],
      invented: [],
      duplicated: [],
      recovered: [],
    });
  });

  it('tells what is lost', () => {
    const found = checkTotalQueue([done(0, 1, put(1), undefined), done(2, 3, take, undefined)]);
    expect(found).toMatchObject({ verdict: 'illegal', lost: [1] });
    expect(found.describe()).toBe('The queue is illegal: lost [1], invented [], duplicated [], recovered [].');
  });

  it('does not call lost what a take of unknown outcome may have taken, and does not pass it either', () => {
    const history: Queue = [done(0, 1, put(1), undefined), unsure(2, take)];
    expect(checkTotalQueue(history)).toMatchObject({ verdict: 'unknown', lost: [1] });
    expect(checkTotalQueue([...history, done(0, 1, put(2), undefined)]).verdict).toBe('illegal');
    expect(checkTotalQueue([...history, done(0, 1, put(2), undefined), unsure(3, drain)]).verdict).toBe('unknown');
  });

  it('tells what is invented, of failed puts too', () => {
    expect(checkTotalQueue([done(0, 1, take, 7)])).toMatchObject({ verdict: 'illegal', invented: [7] });
    expect(checkTotalQueue([failed(0, 1, put(7)), done(2, 3, take, 7)])).toMatchObject({
      verdict: 'illegal',
      invented: [7],
    });
  });

  it('tells what came out twice, which a queue that works at least once may do', () => {
    const history: Queue = [done(0, 1, put(1), undefined), done(2, 3, take, 1), done(4, 5, take, 1)];
    expect(checkTotalQueue(history)).toMatchObject({ verdict: 'illegal', duplicated: [1] });
    expect(checkTotalQueue(history, { duplicates: 'allowed' })).toMatchObject({ verdict: 'legal', duplicated: [1] });
  });

  it('tells what was recovered: put with unknown outcome, and there', () => {
    expect(checkTotalQueue([unsure(0, put(1)), done(2, 3, take, 1)])).toMatchObject({
      verdict: 'legal',
      recovered: [1],
    });
    expect(checkTotalQueue([unsure(0, put(1))])).toMatchObject({ verdict: 'legal', recovered: [] });
  });

  it('refuses options that it does not know', () => {
    expect(() => checkTotalQueue([], { duplicates: 'some' as never })).toThrow(
      expect.objectContaining({ field: 'duplicates' }),
    );
  });
});

describe('checkUniqueIds', () => {
  it('tells what was given twice, and takes 1 and "1" for two', () => {
    expect(checkUniqueIds([done(0, 1, {}, 1), done(0, 1, {}, '1'), unsure(0, {})]).verdict).toBe('legal');
    const again = done(2, 3, {}, 1n);
    const found = checkUniqueIds([done(0, 1, {}, 1n), again]);
    expect(found).toMatchObject({ verdict: 'illegal', duplicated: [again] });
    expect(found.describe()).toContain('given twice: p: {} -> 1n');
  });

  it('tells what is smaller than one that was given before, where ids have to grow', () => {
    const history = [done(0, 1, {}, 5), done(2, 3, {}, 4), done(2, 9, {}, 9), done(4, 10, {}, 8)];
    expect(checkUniqueIds(history).verdict).toBe('legal');
    expect(checkUniqueIds(history, { growing: true })).toMatchObject({ verdict: 'illegal', fallen: [history[1]] });
    expect(checkUniqueIds([done(0, 5, {}, 5), done(5, 9, {}, 4)], { growing: true }).verdict).toBe('legal');
  });
});

describe('checkCounter', () => {
  type Counter = Operation<CounterInput, Whole | undefined>[];
  const add = (amount: Whole): CounterInput => ({ op: 'add', amount });
  const read: CounterInput = { op: 'read' };
  const verdict = (...history: Counter) => checkCounter(history).verdict;

  it('takes what is under way for perhaps', () => {
    for (const seen of [0, 3]) expect(verdict(done(0, 9, add(3), undefined), done(1, 2, read, seen))).toBe('legal');
    for (const seen of [-3, 0]) expect(verdict(done(0, 9, add(-3), undefined), done(1, 2, read, seen))).toBe('legal');
    expect(verdict(done(0, 9, read, 3), done(1, 2, add(3), undefined))).toBe('legal');
  });

  it('finds a read of less than was surely added, or more than was tried', () => {
    const history: Counter = [done(0, 1, add(3), undefined), done(2, 3, read, 2)];
    const found = checkCounter(history);
    expect(found).toMatchObject({ verdict: 'illegal', outside: [{ operation: history[1], least: 3n, most: 3n }] });
    expect(found.describe()).toContain('not from 3 to 3: p: {op: "read"} -> 2');
    expect(verdict(done(0, 1, add(3), undefined), done(2, 3, read, 4))).toBe('illegal');
    expect(verdict(done(0, 1, read, 3), done(2, 3, add(3), undefined))).toBe('illegal');
    expect(verdict(done(0, 1, add(-3), undefined), done(2, 3, read, 0))).toBe('illegal');
  });

  it('takes what is unknown for perhaps for ever, and what failed for never', () => {
    for (const seen of [0, 3]) expect(verdict(unsure(0, add(3)), done(5, 6, read, seen))).toBe('legal');
    expect(verdict(failed(0, 1, add(3)), done(5, 6, read, 3))).toBe('illegal');
    expect(verdict(unsure(0, add(-3)), done(5, 6, read, -4))).toBe('illegal');
  });

  it('is exact beyond 2^53, and refuses what is no integer', () => {
    const large = 2n ** 60n;
    expect(checkCounter([done(0, 1, add(1), undefined), done(2, 3, read, large + 1n)], large).verdict).toBe('legal');
    expect(checkCounter([done(0, 1, add(1), undefined), done(2, 3, read, large)], large).verdict).toBe('illegal');
    expect(() => verdict(done(0, 1, add(0.5), undefined))).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
  });
});

describe('checkBank', () => {
  const read = (balances: Balances): Operation<BankInput, Balances | undefined> => done(0, 1, { op: 'read' }, balances);

  it('passes reads of one total, and finds money made, lost, or owed', () => {
    expect(checkBank([read({ a: 5, b: 5n })], { total: 10 }).verdict).toBe('legal');
    const found = checkBank([read({ a: 5, b: 6 }), read({ a: 12, b: -2 })], { total: 10 });
    expect(found).toMatchObject({
      verdict: 'illegal',
      wrong: [
        { total: 11n, negative: [] },
        { total: 10n, negative: ['b'] },
      ],
    });
    expect(found.describe()).toContain('total 10, below 0: b');
    expect(checkBank([read({ a: 12, b: -2 })], { total: 10, negative: true }).verdict).toBe('legal');
    expect(checkBank([read({})], { total: 10 }).verdict).toBe('illegal');
  });
});

describe('checkSet', () => {
  type SetHistory = Operation<SetInput, readonly Scalar[] | undefined>[];
  const add = (element: Scalar): SetInput => ({ op: 'add', element });
  const read = (callMs: number, ...elements: Scalar[]): SetHistory[number] =>
    done(callMs, callMs + 1, { op: 'read' }, elements);

  it('passes a set of which every later read shows all', () => {
    const history: SetHistory = [
      done(0, 1, add(1), undefined),
      done(2, 9, add(2), undefined),
      read(3, 1),
      read(10, 1, 2),
    ];
    expect(checkSet(history)).toMatchObject({ verdict: 'legal', unread: [] });
  });

  it('finds what was lost, and what was away for a while', () => {
    expect(checkSet([done(0, 1, add(1), undefined), read(2, 1), read(4)])).toMatchObject({
      verdict: 'illegal',
      lost: [1],
    });
    expect(checkSet([done(0, 1, add(1), undefined), read(2), read(4, 1)])).toMatchObject({
      verdict: 'illegal',
      stale: [1],
    });
    expect(checkSet([unsure(0, add(1)), read(2, 1), read(4)])).toMatchObject({ verdict: 'illegal', lost: [1] });
  });

  it('finds what the fence should have kept out, and what is there twice', () => {
    expect(checkSet([failed(0, 1, add(1)), read(2, 1)])).toMatchObject({ verdict: 'illegal', invented: [1] });
    expect(checkSet([done(0, 1, add(1), undefined), read(2, 1, 1)])).toMatchObject({
      verdict: 'illegal',
      duplicated: [1],
    });
  });

  it('does not pass what no read could show', () => {
    const found = checkSet([done(0, 1, add(1), undefined), read(0)]);
    expect(found).toMatchObject({ verdict: 'unknown', unread: [1], lost: [] });
    expect(found.describe()).toBe('The set is unknown: lost [], stale [], invented [], duplicated [], unread [1].');
    expect(checkSet([unsure(0, add(1))]).verdict).toBe('legal');
  });
});
