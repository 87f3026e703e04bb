/** The end of the demo: what came of it in numbers, and whether all that was promised was kept. */
import * as checks from './checks.js';
import type { Paint } from './colours.js';
import type { DemoEvent } from './events.js';
import type { Findings } from './scenes.js';
import type { Setting } from './stage.js';

/** Every violation of what the demo is to show, as sentences. */
export function violations(events: readonly DemoEvent[], findings: Findings, leftovers: readonly string[]): string[] {
  return [
    ...checks.checkCounter(events, findings.counter),
    ...checks.checkWrites(events),
    ...checks.checkTokens(events),
    ...checks.checkOverlaps(events, 'lock'),
    ...checks.checkOverlaps(events, 'term'),
    ...checks.checkStaleWrites(events),
    ...checks.checkConfig(events, findings.configSent.config, findings.audience),
    ...checks.checkLeftovers(leftovers),
  ];
}

/** A run that is over. */
export interface Run {
  readonly events: readonly DemoEvent[];
  readonly findings: Findings;
  /** What {@link violations} found. */
  readonly wrong: readonly string[];
  readonly setting: Setting;
}

export function summaryLines(run: Run, paint: Paint): readonly string[] {
  const { events, findings, wrong, setting } = run;
  const rows = [sessionRow(setting), ...summaryRows(events, findings)].map(([what, number, note]) => {
    return `   ${what.padEnd(25)}${paint('bold', number.padStart(8))}  ${paint('dim', note)}`;
  });
  const verdict =
    wrong.length === 0
      ? [paint('green', '   All checks passed.')]
      : wrong.map((sentence) => paint('red', `   FAILED: ${sentence}`));
  return ['', paint('bold', 'Summary'), ...rows, '', ...verdict];
}

type Row = readonly [what: string, number: string, note: string];

function sessionRow({ store, ttlMs, longestMs }: Setting): Row {
  const seconds = (ms: number) => `${ms / 1_000} s`;
  const late = longestMs > ttlMs ? `, or up to ${seconds(longestMs)}` : '';
  return ['sessions live', seconds(ttlMs), `on ${store} without a renewal${late}`];
}

function summaryRows(events: readonly DemoEvent[], findings: Findings): readonly Row[] {
  const all = <K extends DemoEvent['kind']>(kind: K) => {
    return events.filter((event): event is Extract<DemoEvent, { kind: K }> => event.kind === kind);
  };
  const [holds, leads, refused] = [all('holds'), all('leads'), all('refused')];
  const tokens = (list: readonly { readonly token: bigint }[]) => `tokens ${list[0]?.token} to ${list.at(-1)?.token}`;
  const takeover = leads.find(({ atMs }) => atMs > findings.leaderKilled.atMs);
  const took = takeover === undefined ? 'never' : `${(takeover.atMs - findings.leaderKilled.atMs).toFixed(0)} ms`;
  const { config, atMs } = findings.configSent;
  const delays = all('config').flatMap((event) => (event.config === config ? [event.atMs - atMs] : []));
  const slowest = `${Math.max(0, ...delays).toFixed(1)} ms`;
  const byStore = refused.filter(({ by }) => by === 'store').length;
  const grew = (list: readonly DemoEvent[]) =>
    checks.checkTokens(list).length === 0 ? 'strictly grew' : 'DID NOT GROW';
  return [
    ['lock acquisitions', String(holds.length), `${tokens(holds)} ${grew(holds)}`],
    ['increments acknowledged', String(all('adds').length), `the counter is ${findings.counter}`],
    ['terms of leaders', String(leads.length), `${leads.map(({ who, token }) => `${who} ${token}`).join(', ')}`],
    ['takeover', took, `from the end of ${findings.leaderKilled.who} to the next term`],
    ['stale writes refused', String(byStore), `by the store; ${refused.length - byStore} by the hold before that`],
    ['config seen by all within', slowest, `${delays.length} workers, ${Math.min(...delays).toFixed(1)} ms the first`],
  ];
}
