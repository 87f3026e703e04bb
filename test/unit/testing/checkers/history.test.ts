import { describe, expect, it } from 'vitest';
import { CoordinationError } from '../../../../src/errors.js';
import { History, historyLines, type Operation, readHistory, VirtualClock } from '../../../../src/testing/index.js';

describe('History', () => {
  it('keeps the order of what happens at one moment of the clock', () => {
    const history = new History<string, string>(new VirtualClock({ nowMs: 5 }));
    history.begin('a', 'first').ok('1');
    history.begin('b', 'second').ok('2');
    const [first, second] = history.operations();
    expect(first).toMatchObject({ kind: 'ok', process: 'a', input: 'first', output: '1', callMs: 5 });
    const times = [first, second].flatMap((each) => (each?.kind === 'ok' ? [each.callMs, each.returnMs] : []));
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(times).toHaveLength(4);
  });

  it('keeps it where the clock counts from 1970, on which a nanosecond is lost', () => {
    const history = new History<number, undefined>({ now: () => 1_767_225_600_000 });
    for (let at = 0; at < 100; at++) history.begin('a', at).ok(undefined);
    const calls = history.operations().map(({ callMs }) => callMs);
    expect(new Set(calls).size).toBe(100);
    expect((calls.at(-1) ?? 0) - (calls[0] ?? 0)).toBeLessThan(1);
  });

  it('takes what has not ended for unknown, and refuses to end one twice', () => {
    const history = new History<string, string>(new VirtualClock());
    history.begin('a', 'open');
    const failed = history.begin('b', 'failed');
    failed.fail();
    expect(() => failed.ok('late')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(history.operations().map(({ kind }) => kind)).toEqual(['unknown', 'failed']);
  });

  it('records a promise: an error that says that nothing was done is a failure, any other leaves it open', async () => {
    const history = new History<string, number>(new VirtualClock());
    await expect(history.record('a', 'ok', async () => 7, { revision: () => 3n })).resolves.toBe(7);
    const fail = (code: 'UNAVAILABLE' | 'UNKNOWN_OUTCOME') =>
      history.record('a', code, () => Promise.reject(new CoordinationError(code, 'no')));
    await expect(fail('UNAVAILABLE')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(fail('UNKNOWN_OUTCOME')).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    await expect(history.record('a', 'odd', () => Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
    expect(history.operations()).toMatchObject([
      { kind: 'ok', output: 7, revision: 3n },
      { kind: 'failed' },
      { kind: 'unknown' },
      { kind: 'unknown' },
    ]);
  });

  it('refuses what it cannot take', () => {
    expect(() => new History({} as never)).toThrow(expect.objectContaining({ field: 'clock.now' }));
    expect(() => new History(new VirtualClock(), { wirte: 1 } as never)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_OPTION' }),
    );
    expect(() => new History(new VirtualClock()).begin('', 1)).toThrow(expect.objectContaining({ field: 'process' }));
  });
});

describe('files of histories', () => {
  function written() {
    let text = '';
    const clock = new VirtualClock();
    const history = new History<unknown, unknown>(clock, { write: (line) => (text += line) });
    return { history, clock, text: () => text };
  }

  it('come back as they were: bigints, bytes, undefined, and objects that look like those', () => {
    const { history, text } = written();
    const values = [1n, new Uint8Array([0, 255]), undefined, null, { $bigint: 'x' }, { $plain: { $bytes: 'y' } }];
    for (const value of values) history.begin('a', value).ok([value, { deep: value }], 9n);
    history.begin('b', 'open');
    history.begin('c', 'failed').fail();
    expect(readHistory(text())).toEqual(history.operations());
    expect(readHistory(historyLines(history.operations()))).toEqual(history.operations());
  });

  it('a process that was killed leaves a torn line: what it had begun is unknown', () => {
    const { history, text } = written();
    history.begin('a', 'written').ok(1);
    history.begin('a', 'torn').ok(2);
    expect(readHistory<string, number>(text().slice(0, -3)).map(({ kind }) => kind)).toEqual(['ok', 'unknown']);
    expect(readHistory('{"call":0,"proc')).toEqual([]);
  });

  it('of several processes are joined by time', async () => {
    const [one, two] = [written(), written()];
    const first = one.history.begin('one', 1);
    await two.clock.advance(5);
    two.history.begin('two', 2).ok(2);
    await one.clock.advance(10);
    first.ok(1);
    const joined: Operation<unknown, unknown>[] = readHistory(one.text(), two.text());
    expect(joined.map(({ process }) => process)).toEqual(['one', 'two']);
  });

  it('that are damaged are refused, with the line', () => {
    const good = '{"call":0,"process":"a","callMs":1,"input":1}\n';
    const refused = (text: string) => expect(() => readHistory(good, text));
    refused('no json\n').toThrow(/Line 1 of history 2 is no JSON/);
    refused('{"other":1}\n').toThrow(
      expect.objectContaining({ code: 'CORRUPT_DATA', field: 'files[1]', problem: 'line 1' }),
    );
    refused(`${good}${good}`).toThrow(/call 0 again/);
    refused('{"end":3,"kind":"ok","returnMs":4}\n').toThrow(/not open/);
    refused(`${good}{"end":0,"kind":"odd"}\n`).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => historyLines([{ kind: 'unknown', process: 'a', callMs: 1, input: () => {} }])).toThrow(
      expect.objectContaining({ code: 'INVALID_VALUE' }),
    );
  });
});
