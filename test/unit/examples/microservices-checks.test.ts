/** The checks of the example services find what they are there to find. Each is shown a run that is well, and one that is not. */
import { describe, expect, it } from 'vitest';
import type { Happening } from '../../../examples/microservices/drive/chronicle.js';
import type { Run } from '../../../examples/microservices/drive/run.js';
import { summaryLines, violations } from '../../../examples/microservices/drive/summary.js';
import type { Answer } from '../../../examples/microservices/drive/traffic.js';

type About = Readonly<Record<string, unknown>>;

const at = (atMs: number, id: string, event: string, about: About = {}): Happening => {
  return { atMs, service: id.replace(/-\d$/, ''), id, event, ...about };
};
const done = (atMs: number, event: string, about: About): Happening => at(atMs, 'driver', event, about);

const names = ['api-1', 'api-2', 'gateway', 'workers-1', 'scheduler-1', 'scheduler-2', 'nightly-1', 'nightly-2'];
const killed = ['api-2', 'scheduler-1'];
const survivors = names.filter((id) => !killed.includes(id));

const sets = (atMs: number, revision: string, expected: string, greeting: string, shout?: string): Happening[] => [
  done(atMs, 'sets', { revision, expected, greeting, ...(shout && { 'features/shout': shout }) }),
  at(atMs + 1, 'api-1', expected, { revision }),
  at(atMs + 2, 'api-2', expected, { revision }),
];

/** A whole run, in short, in which all is well. */
const events: readonly Happening[] = [
  ...names.flatMap((id) => [at(1, id, 'started'), done(2, 'health', { whom: id, status: 200 })]),
  at(3, 'scheduler-1', 'leads', { token: '5' }),
  at(4, 'scheduler-1', 'enqueued', { job: 'report-1', added: true }),
  ...sets(100, '20', 'settings', 'good day'),
  ...sets(200, '30', 'settings-refused', 'wrong'),
  ...sets(300, '40', 'settings', 'good night', 'true'),
  done(310, 'sends-job', { job: 'mail-1', kind: 'mail' }),
  done(311, 'sends-job', { job: 'poison-1', kind: 'dance' }),
  at(320, 'workers-1', 'job-done', { job: 'mail-1', attempt: 2 }),
  at(350, 'nightly-1', 'night-written', { night: 1, token: '41' }),
  at(390, 'nightly-1', 'night-begins', { night: 2, token: '42' }),
  done(400, 'pauses', { whom: 'nightly-1' }),
  done(10_000, 'kills', { whom: 'api-2' }),
  done(10_000, 'kills', { whom: 'scheduler-1' }),
  at(12_900, 'scheduler-2', 'leads', { token: '6' }),
  at(12_950, 'scheduler-2', 'enqueued', { job: 'report-2', added: true }),
  at(13_000, 'nightly-2', 'night-written', { night: 2, token: '50' }),
  done(13_001, 'wakes', { whom: 'nightly-1' }),
  at(13_002, 'nightly-1', 'write-refused', { by: 'the database', token: '42' }),
  ...survivors.flatMap((id) => [
    done(20_000, 'stops', { whom: id }),
    at(20_900, id, 'ended', { code: 0, signal: null }),
  ]),
];

const answer = (atMs: number, from: string, greeting: string): Answer => ({ atMs, status: 200, from, greeting });
const greetings = ['hello', 'good day', 'GOOD NIGHT'];
const answers: readonly Answer[] = [
  ...greetings.flatMap((greeting, n) => ['api-1', 'api-2'].map((from) => answer(n * 100 + 60, from, greeting))),
  { atMs: 150, status: 429, from: 'api-1' },
  { atMs: 151, status: 429, from: 'api-2' },
  { atMs: 10_010, status: 503 },
  answer(15_000, 'api-1', 'GOOD NIGHT'),
  answer(16_000, 'api-3', 'GOOD NIGHT'),
];

const good: Run = {
  events,
  answers,
  results: ['report-1', 'report-2', 'mail-1'],
  deadLetters: ['poison-1'],
  waiting: [],
  closings: [
    { night: 1, total: 100, token: 41n, author: 'nightly-1' },
    { night: 2, total: 200, token: 50n, author: 'nightly-2' },
  ],
  leased: [],
  leftovers: [],
  longestMs: 3_000,
};

const without = (gone: (one: Happening) => boolean): Run => ({ ...good, events: events.filter((one) => !gone(one)) });
const withMore = (...more: readonly Happening[]): Run => ({ ...good, events: [...events, ...more] });
const changed = (match: (one: Happening) => boolean, about: About): Run => {
  return { ...good, events: events.map((one) => (match(one) ? { ...one, ...about } : one)) };
};
const answered = (...more: readonly Answer[]): Run => ({ ...good, answers: [...answers, ...more] });

describe('the checks of the example services', () => {
  it('find nothing in a run that is well, and say so', () => {
    expect(violations(good)).toEqual([]);
    expect(summaryLines(good).at(-1)).toBe('  All checks passed.');
    expect(summaryLines(good).join('\n')).toMatch(/handover of the scheduler +2900 ms {2}to scheduler-2/);
    expect(summaryLines(good).join('\n')).toMatch(/requests lost +1 /);
  });

  it('say in the summary what was wrong', () => {
    expect(summaryLines({ ...good, leased: ['/a'] })).toContain('  FAILED: The key /a still hangs on a lease.');
  });

  const isSecondTerm = ({ event, id }: Happening): boolean => event === 'leads' && id === 'scheduler-2';
  const refusedWrite = ({ event }: Happening): boolean => event === 'write-refused';
  const ended = ({ event, id }: Happening): boolean => event === 'ended' && id === 'gateway';

  it.each<readonly [what: string, run: Run, sentence: RegExp]>([
    ['a handover that takes longer than a lease lives', changed(isSecondTerm, { atMs: 15_500 }), /It took 5500 ms/],
    ['a handover that never came', without(isSecondTerm), /Nobody led after/],
    [
      'two leaders at once',
      changed(isSecondTerm, { atMs: 9_000 }),
      /Two leaders at once: scheduler-2, and scheduler-1/,
    ],
    ['a term whose token does not grow', changed(isSecondTerm, { token: '5' }), /is no greater than/],
    ['a job that was lost', { ...good, results: ['report-1', 'mail-1'] }, /The job report-2 was lost/],
    ['a job that is still there', { ...good, waiting: ['report-2'] }, /In the queue there is still \[report-2\]/],
    ['poison that was swallowed', { ...good, deadLetters: [] }, /The job poison-1 was lost/],
    ['a good job among the dead', { ...good, deadLetters: ['poison-1', 'mail-1'] }, /The dead letters are/],
    ['poison with a result', { ...good, results: [...good.results, 'poison-1'] }, /The poison job has a result/],
    ['a schedule without jobs', without(({ event }) => event === 'enqueued'), /No job was ever scheduled/],
    [
      'a job that was never tried again',
      without(({ event }) => event === 'job-done'),
      /not done at its second attempt/,
    ],
    [
      'a stale write in the books',
      {
        ...good,
        closings: [...good.closings, { night: 3, total: 300, token: 42n, author: 'nightly-1' }],
      },
      /A stale write was accepted: nightly-1, night 3/,
    ],
    [
      'a night that was overwritten',
      { ...good, closings: good.closings.slice(1) },
      /Night 1 of nightly-1 was written, and is not/,
    ],
    [
      'a total that was lost',
      {
        ...good,
        closings: good.closings.map((one) => ({ ...one, total: 100 })),
      },
      /Night 2 of nightly-2 has a total of 100/,
    ],
    ['a sleeper who was not refused', without(refusedWrite), /refused no write of the one who slept/],
    ["a refusal that was not the database's", changed(refusedWrite, { by: 'its own hold' }), /refused no write/],
    ['a refusal of a token that was not stale', changed(refusedWrite, { token: '51' }), /refused no write/],
    ['a refusal of one who did not sleep', changed(refusedWrite, { id: 'nightly-2' }), /refused no write/],
    [
      'an API process that is blind to a change',
      without((one) => one.event === 'settings' && one.id === 'api-2'),
      /api-2 has not told of the settings "good day"/,
    ],
    [
      'an API process that takes wrong settings',
      without((one) => one.event === 'settings-refused' && one.id === 'api-1'),
      /api-1 has not told of the settings "wrong" as settings-refused/,
    ],
    [
      'users who see refused settings',
      answered(answer(250, 'api-1', 'wrong')),
      /Users saw the refused settings "wrong"/,
    ],
    [
      'users who never see the new ones',
      { ...good, answers: answers.filter(({ greeting, from }) => greeting !== 'good day' || from !== 'api-2') },
      /Not every API process greeted "good day"/,
    ],
    ['settings that nobody changed', without(({ event }) => event === 'sets'), /never changed/],
    [
      'a limit that limits nobody',
      { ...good, answers: answers.filter(({ status }) => status !== 429) },
      /limit of requests was never reached/,
    ],
    [
      'a request lost long before the kill',
      answered({ atMs: 500, status: 502 }),
      /Requests were lost: 1, the first -9500 ms after the kill \(status 502\)/,
    ],
    [
      'a request without an answer long after it',
      answered({ atMs: 14_000, status: 0 }),
      /Requests were lost: 1, the first 4000 ms/,
    ],
    [
      'turns that are none',
      answered(...[310, 311, 312, 313, 314].map((atMs) => answer(atMs, 'api-1', 'GOOD NIGHT'))),
      /api-1 had 69 % of the requests/,
    ],
    [
      'a gateway that gives up with one of them',
      { ...good, answers: answers.filter(({ atMs }) => atMs < 10_000) },
      /Nobody was served by who outlived/,
    ],
    [
      'a replacement that replaces nobody',
      { ...good, answers: answers.filter(({ from }) => from !== 'api-3') },
      /Nobody was served by who took the place/,
    ],
    [
      'an API process that was not killed',
      without(({ event, whom }) => event === 'kills' && whom === 'api-2'),
      /No API process was killed/,
    ],
    [
      'a service that is not well',
      changed(({ event, whom }) => event === 'health' && whom === 'gateway', { status: 503 }),
      /gateway was not well: 503/,
    ],
    ['a service that ends with an error', changed(ended, { code: 1 }), /gateway ended with 1 instead of 0/],
    [
      'a service that had to be killed',
      changed(ended, { code: null, signal: 'SIGKILL' }),
      /gateway ended with SIGKILL/,
    ],
    ['a service that takes its time', changed(ended, { atMs: 25_001 }), /gateway did not end within 5000 ms/],
    ['a service that never ended', without(ended), /gateway ended with undefined/],
    [
      'a service that ended unasked',
      without(({ event, whom }) => event === 'stops' && whom === 'gateway'),
      /or was not told/,
    ],
    [
      'a complaint on stderr',
      withMore(at(500, 'api-1', 'complains', { line: 'Warning: x' })),
      /api-1 complains: Warning: x/,
    ],
    ['a run of nobody', without(({ event }) => event === 'started'), /Nobody has started/],
    [
      'a key that hangs on a lease',
      { ...good, leased: ['/x/locks/1'] },
      /The key \/x\/locks\/1 still hangs on a lease/,
    ],
    ['a key that was left behind', { ...good, leftovers: ['/x/y'] }, /The key \/x\/y was left behind/],
  ])('see %s', (_, run, sentence) => {
    expect(violations(run).join('\n')).toMatch(sentence);
  });
});
