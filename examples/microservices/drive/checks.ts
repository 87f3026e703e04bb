/**
 * What must be true of a run. Each check looks at what was told and what was found, and gives a sentence for every
 * violation. None of them believes a lock of the library: they go by the logs of those who were there, by the answers that
 * users got, and by what lies in the store and in the books.
 */
import type { Happening } from './chronicle.js';
import type { Run } from './run.js';
import { graceMs } from './stage.js';
import type { Answer } from './traffic.js';

/** How long after the death of a process a request may be lost to it. */
export const lossWindowMs = 2_000;

export function all({ events }: Run, event: string): readonly Happening[] {
  return events.filter((one) => one.event === event);
}

/** Who was killed while nobody had asked them to end, in the order of their deaths. */
export function kills(run: Run): readonly Happening[] {
  const stops = all(run, 'stops');
  return all(run, 'kills').filter(({ whom, atMs }) => !stops.some((one) => one['whom'] === whom && one.atMs <= atMs));
}

/** Both API processes took the good settings and refused the wrong ones, and users saw no others. */
export function checkSettings(run: Run, apis: readonly string[]): string[] {
  const set = all(run, 'sets');
  const wrong = set.flatMap(({ expected, revision, greeting }) => {
    const blind = apis.filter(
      (id) => !all(run, String(expected)).some((one) => one.id === id && one['revision'] === revision),
    );
    return blind.map((id) => `${id} has not told of the settings "${greeting}" as ${expected}.`);
  });
  if (set.length === 0) wrong.push('The settings were never changed.');
  for (const { expected, greeting, 'features/shout': shout } of set) {
    const shown = shout === 'true' ? String(greeting).toUpperCase() : greeting;
    const seen = new Set(run.answers.filter((answer) => answer.greeting === shown).map(({ from }) => from));
    if (expected === 'settings-refused' && seen.size > 0) wrong.push(`Users saw the refused settings "${greeting}".`);
    if (expected === 'settings' && apis.some((id) => !seen.has(id)))
      wrong.push(`Not every API process greeted "${shown}".`);
  }
  if (!run.answers.some(({ status }) => status === 429)) wrong.push('The limit of requests was never reached.');
  return wrong;
}

/** What was neither answered nor turned away by the limit. */
export function lostRequests({ answers }: Run): readonly Answer[] {
  return answers.filter(({ status }) => status !== 200 && status !== 429);
}

/** Requests went to both API processes by turns, none was lost but around the death of one, and a third took its place. */
export function checkRequests(run: Run, apis: readonly string[], replacement: string): string[] {
  const killed = kills(run).find(({ whom }) => apis.includes(String(whom)));
  if (killed === undefined) return ['No API process was killed.'];
  const isDuring = ({ atMs }: Answer): boolean =>
    atMs > killed.atMs - lossWindowMs && atMs < killed.atMs + lossWindowMs;
  const lost = lostRequests(run).filter((answer) => !isDuring(answer));
  const wrong: string[] = [];
  const [first] = lost;
  if (first !== undefined) {
    const when = `the first ${first.atMs - killed.atMs} ms after the kill`;
    wrong.push(`Requests were lost: ${lost.length}, ${when} (status ${first.status}).`);
  }
  const before = run.answers.filter(({ atMs, from }) => from !== undefined && atMs < killed.atMs);
  for (const id of apis) {
    const share = before.filter(({ from }) => from === id).length / before.length;
    if (!(share > 1 / 3 && share < 2 / 3))
      wrong.push(`${id} had ${Math.round(share * 100)} % of the requests, not about half.`);
  }
  const served = run.answers.filter(({ atMs, status }) => atMs > killed.atMs && status === 200);
  if (!served.some(({ from }) => apis.includes(String(from))))
    wrong.push('Nobody was served by who outlived the kill.');
  if (!served.some(({ from }) => from === replacement))
    wrong.push('Nobody was served by who took the place of the dead.');
  return wrong;
}

/** Everybody was well; who was not killed ended in time, with exit code 0, and nobody complained. */
export function checkEnds(run: Run): string[] {
  const dead = kills(run).map(({ whom }) => whom);
  const started = all(run, 'started').map(({ id }) => id);
  const wrong = [...all(run, 'complains'), ...all(run, 'failed'), ...all(run, 'ended-hard')].map((one) => {
    return `${one.id} ${one.event}: ${one['line'] ?? one['reason'] ?? ''}`;
  });
  for (const id of started) {
    const health = all(run, 'health').find(({ whom }) => whom === id);
    if (health?.['status'] !== 200) wrong.push(`${id} was not well: ${health?.['status']}.`);
    if (dead.includes(id)) continue;
    const told = all(run, 'stops').find(({ whom }) => whom === id);
    const end = all(run, 'ended').find((one) => one.id === id);
    const inTime = told !== undefined && end !== undefined && end.atMs - told.atMs <= graceMs;
    if (end?.['code'] !== 0) wrong.push(`${id} ended with ${end?.['signal'] ?? end?.['code']} instead of 0.`);
    else if (!inTime) wrong.push(`${id} did not end within ${graceMs} ms of being told, or was not told.`);
  }
  return started.length === 0 ? [...wrong, 'Nobody has started.'] : wrong;
}

/** Nothing of it is left in the store. */
export function checkStore({ leased, leftovers }: Run): string[] {
  return [
    ...leased.map((key) => `The key ${key} still hangs on a lease.`),
    ...leftovers.map((key) => `The key ${key} was left behind.`),
  ];
}
