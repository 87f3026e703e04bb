/** The checks of the demo find what they are there to find. Each is shown a run that is well, and one that is not. */
import { describe, expect, it } from 'vitest';
import * as checks from '../../../examples/demo/checks.js';
import { painter } from '../../../examples/demo/colours.js';
import type { DemoEvent, DirectorEvent, WorkerEvent } from '../../../examples/demo/events.js';
import { Log } from '../../../examples/demo/log.js';
import { patienceMs, type Setting } from '../../../examples/demo/stage.js';
import { summaryLines, violations } from '../../../examples/demo/summary.js';
import { introductionLines } from '../../../examples/demo/timeline.js';

function at(atMs: number, who: string, event: WorkerEvent | DirectorEvent): DemoEvent {
  return { atMs, who, ...event };
}

function holds(atMs: number, who: string, token: bigint, counter = 0): DemoEvent {
  return at(atMs, who, { kind: 'holds', token, counter });
}

function adds(atMs: number, who: string, token: bigint, counter: number, revision: bigint): DemoEvent {
  return at(atMs, who, { kind: 'adds', token, counter, revision });
}

function releases(atMs: number, who: string, token: bigint): DemoEvent {
  return at(atMs, who, { kind: 'releases', token });
}

function leads(atMs: number, who: string, token: bigint): DemoEvent {
  return at(atMs, who, { kind: 'leads', token });
}

function loses(atMs: number, who: string, what: 'lock' | 'term', token: bigint): DemoEvent {
  return at(atMs, who, { kind: 'loses', what, token, code: 'SESSION_LOST' });
}

function halts(atMs: number, kind: 'kills' | 'pauses', whom: string, halted = true): DemoEvent {
  return at(atMs, 'demo', { kind, whom, how: 'SIGKILL', halts: halted });
}

const byHolder = (atMs: number, who: string, token: bigint): DemoEvent => {
  return at(atMs, who, { kind: 'refused', by: 'holder', token, code: 'SESSION_LOST' });
};

const byStore = (atMs: number, who: string, token: bigint, newest: bigint): DemoEvent => {
  return at(atMs, who, { kind: 'refused', by: 'store', token, newest });
};

const config = (atMs: number, who: string): DemoEvent => at(atMs, who, { kind: 'config', config: 'rate=25' });

/** A whole run, in short, in which all is well. */
const good: readonly DemoEvent[] = [
  leads(1, 'ada', 3n),
  holds(2, 'bob', 5n),
  adds(3, 'bob', 5n, 1, 6n),
  releases(4, 'bob', 5n),
  halts(5, 'kills', 'ada'),
  leads(9, 'bob', 4n),
  holds(10, 'cyd', 7n, 1),
  halts(11, 'pauses', 'cyd', false),
  loses(12, 'cyd', 'lock', 7n),
  holds(13, 'dan', 8n, 1),
  adds(14, 'dan', 8n, 2, 9n),
  releases(15, 'dan', 8n),
  byHolder(16, 'cyd', 7n),
  byStore(17, 'cyd', 7n, 8n),
  config(19, 'dan'),
];

const findings = {
  counter: 2,
  leaderKilled: { who: 'ada', atMs: 5 },
  configSent: { config: 'rate=25', atMs: 18 },
  audience: ['dan'],
};

const onEtcd: Setting = { store: 'etcd', place: 'etcd at http://a:1, in processes', ttlMs: 2_000, longestMs: 2_000 };
const onConsul: Setting = {
  store: 'Consul',
  place: 'Consul at http://127.0.0.1:8500, in processes',
  ttlMs: 10_000,
  longestMs: 20_000,
};

/** The store refused a write, but not because somebody had written by a newer token. */
const older = good.map((event) =>
  event.kind === 'refused' && event.by === 'store' ? byStore(17, 'cyd', 7n, 6n) : event,
);

function without(kind: DemoEvent['kind']): readonly DemoEvent[] {
  return good.filter((event) => event.kind !== kind);
}

describe('a run in which all is well', () => {
  it('has no violations, and a summary that says so', () => {
    expect(violations(good, findings, [])).toEqual([]);
    const text = summaryLines({ events: good, findings, wrong: [], setting: onEtcd }, painter(false)).join('\n');
    expect(text).toContain('All checks passed.');
    expect(text).toMatch(/takeover +4 ms/);
    expect(text).toMatch(/lock acquisitions +3 {2}tokens 5 to 8 strictly grew/);
  });
});

describe('a violation is found and named:', () => {
  it.each<[string, readonly DemoEvent[], Partial<typeof findings>, readonly string[], RegExp]>([
    ['a lost update', good, { counter: 1 }, [], /counter is 1 after 2 acknowledged/],
    ['an update from nowhere', good, { counter: 3 }, [], /counter is 3 after 2 acknowledged/],
    [
      'a stale write',
      [...good, adds(18, 'cyd', 7n, 3, 10n)],
      { counter: 3 },
      [],
      /stale write was accepted: cyd .* 7 after 8/,
    ],
    [
      'an overwritten update',
      [...good, adds(18, 'eve', 11n, 2, 12n)],
      { counter: 3 },
      [],
      /eve wrote 2 over the 2 of dan/,
    ],
    ['a lock token that fell', [...good, holds(20, 'eve', 6n)], {}, [], /token of eve \(lock\) is 6/],
    ['a term token that fell', [...good, leads(20, 'eve', 2n)], {}, [], /token of eve \(term\) is 2/],
    ['two leaders at once', without('kills'), {}, [], /Two leaders at once: bob from 9.0 ms on, beside ada/],
    ['two holders at once', without('loses'), {}, [], /Two holders at once: dan .* beside cyd/],
    ['a stale write that nobody tried', without('refused'), {}, [], /No stale write was refused by its hold/],
    ['a refusal before the loss was told', without('loses'), {}, [], /cyd tried to write before it was told/],
    [
      'a refusal that no newer token explains',
      older,
      {},
      [],
      /No write with a token older than the last one was refused/,
    ],
    ['a config that somebody missed', without('config'), {}, [], /dan never saw the config "rate=25"/],
    ['a key left behind', good, {}, ['/demo/x/lock/1'], /key \/demo\/x\/lock\/1 was left behind/],
  ])('%s', (_, events, changed, leftovers, sentence) => {
    const found = violations(events, { ...findings, ...changed }, leftovers);
    expect(
      found.some((one) => sentence.test(one)),
      found.join('\n'),
    ).toBe(true);
    const run = { events, findings: { ...findings, ...changed }, wrong: found, setting: onEtcd };
    const text = summaryLines(run, painter(false)).join('\n');
    expect(text).toContain('FAILED: ');
    expect(text).not.toContain('All checks passed');
  });

  it('a halted worker cannot act, one that is only cut off can', () => {
    const cut = [leads(1, 'ada', 3n), halts(5, 'kills', 'ada', false), leads(9, 'bob', 4n)];
    expect(checks.checkOverlaps(cut, 'term')).toHaveLength(1);
    expect(checks.checkOverlaps([...cut, loses(8, 'ada', 'term', 3n)], 'term')).toEqual([]);
    expect(checks.checkOverlaps([...cut, loses(10, 'ada', 'term', 3n)], 'term')).toHaveLength(1);
  });

  it('a write of unknown outcome may count, or not, but only once', () => {
    const unsure = [...good, at(18, 'eve', { kind: 'unsure', token: 9n, code: 'UNKNOWN_OUTCOME' })];
    expect([2, 3].map((counter) => checks.checkCounter(unsure, counter))).toEqual([[], []]);
    expect(checks.checkCounter(unsure, 4)).toHaveLength(1);
  });
});

describe('a store where sessions outlive their time to live', () => {
  it('is introduced as such, and waited for', () => {
    const [first, ...more] = introductionLines(onConsul, '/demo/0123456789ab/', painter(false));
    expect(first).toBe('coterie demo on Consul at http://127.0.0.1:8500, in processes, below /demo/0123456789ab/');
    expect(more.join(' ')).toMatch(/Sessions live 10 s here and end up to 20 s after their last renewal, so that/);
    expect(more.filter((line) => line.length > 80)).toEqual([]);
    expect(patienceMs(onConsul)).toBe(33_000);
  });

  it('has that in its summary', () => {
    const text = summaryLines({ events: good, findings, wrong: [], setting: onConsul }, painter(false));
    expect(text.filter((line) => /sessions live +10 s {2}on Consul .* up to 20 s$/.test(line))).toHaveLength(1);
    expect(text.filter((line) => line.length > 80)).toEqual([]);
  });

  it('is not what etcd is', () => {
    expect(introductionLines(onEtcd, '/demo/0/', painter(false))).toHaveLength(1);
    expect(patienceMs(onEtcd)).toBe(15_000);
  });
});

describe('the log', () => {
  it('fails a wait with the reason of the worker that failed', async () => {
    const log = new Log(() => {}, 15_000);
    const waiting = log.until('ada leads', new AbortController().signal, () => log.all('leads')[0]);
    log.add(at(1, 'eve', { kind: 'fails', reason: 'its process ended with SIGSEGV' }));
    await expect(waiting).rejects.toThrow('eve failed: its process ended with SIGSEGV');
  });

  it('fails a wait that takes longer than it was told to be patient', async () => {
    const log = new Log(() => {}, 20);
    const waiting = log.until('ada leads', new AbortController().signal, () => undefined);
    await expect(waiting).rejects.toThrow('Waited 20 ms in vain until ada leads.');
  });

  it('fails a wait with the reason of the signal', async () => {
    const log = new Log(() => {}, 15_000);
    const reason = new Error('stop');
    await expect(log.until('ada leads', AbortSignal.abort(reason), () => undefined)).rejects.toBe(reason);
  });

  it('takes nothing down after it was closed', () => {
    const printed: DemoEvent[] = [];
    const log = new Log((event) => printed.push(event), 15_000);
    log.add(leads(1, 'ada', 3n));
    log.close();
    log.add(leads(2, 'bob', 4n));
    expect(printed).toEqual([leads(1, 'ada', 3n)]);
    expect(log.events).toHaveLength(1);
  });
});
