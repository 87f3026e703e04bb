/** What a run looks like: a line for each event worth seeing, and at the end what came of it all. */
import { checkEnds, checkRequests, checkSettings, checkStore, kills, lossWindowMs, lostRequests } from './checks.js';
import { checkBooks, checkHandover, checkJobs, handover } from './checks-work.js';
import type { Happening } from './chronicle.js';
import type { Run } from './run.js';
import { apis, replacement } from './scenes.js';

/** Every violation, as sentences. */
export function violations(run: Run): readonly string[] {
  return [
    ...[checkHandover, checkJobs, checkBooks, checkEnds, checkStore].flatMap((check) => check(run)),
    ...checkSettings(run, apis),
    ...checkRequests(run, apis, replacement),
  ];
}

/** What happens all the time. */
const hidden: readonly string[] = [
  'enqueued',
  'job-done',
  'health',
  'started',
  'stops',
  'stopping',
  'stopped',
  'unreachable',
];

export function eventLine({ atMs, service, id, event, ...about }: Happening, startMs: number): string | undefined {
  if (hidden.includes(event)) return undefined;
  const seconds = ((atMs - startMs) / 1_000).toFixed(2).padStart(7);
  const details = Object.entries(about).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
  });
  return `${seconds}  ${(service === 'driver' ? '' : id).padEnd(12)}${event.padEnd(17)}${details.join(' ')}`;
}

export function summaryLines(run: Run): readonly string[] {
  const wrong = violations(run);
  const verdict = wrong.length === 0 ? ['All checks passed.'] : wrong.map((sentence) => `FAILED: ${sentence}`);
  const rows = rowsOf(run).map(([what, number, note]) => `  ${what.padEnd(26)}${number.padStart(8)}  ${note}`);
  return ['', 'Summary', ...rows, '', ...verdict.map((line) => `  ${line}`)];
}

type Row = readonly [what: string, number: string, note: string];

function rowsOf(run: Run): readonly Row[] {
  const { answers, closings, deadLetters, results, longestMs } = run;
  const count = (event: string): number => run.events.filter((one) => one.event === event).length;
  const [limited, lost] = [answers.filter(({ status }) => status === 429).length, lostRequests(run).length];
  const again = `none may be, but within ${lossWindowMs / 1_000} s of the kill; ${count('unreachable')} calls were made again`;
  const took = handover(run);
  const tokens = closings.length === 0 ? 'none' : `tokens ${closings[0]?.token} to ${closings.at(-1)?.token}`;
  return [
    ['leases live', `${longestMs} ms`, 'at most, without a renewal'],
    [
      'killed',
      String(kills(run).length),
      kills(run)
        .map(({ whom }) => whom)
        .join(', '),
    ],
    ['handover of the scheduler', took ? `${took.ms} ms` : 'never', `to ${took?.to ?? 'nobody'}`],
    ['requests answered', String(answers.length - lost - limited), `and ${limited} turned away by the limit`],
    ['requests lost', String(lost), again],
    [
      'jobs done',
      String(results.length),
      `${count('enqueued')} scheduled; dead letters: ${deadLetters.join(', ') || 'none'}`,
    ],
    ['nights in the books', String(closings.length), tokens],
    ['stale writes refused', String(count('write-refused')), 'by the database, because of their token'],
    ['settings taken', String(count('settings')), `by the API processes; ${count('settings-refused')} refused`],
    [
      'ended gracefully',
      String(run.events.filter(({ event, code }) => event === 'ended' && code === 0).length),
      'with exit code 0',
    ],
  ];
}
