/** Checks of the work that was done: who led, which jobs were done, and what is in the books. See checks.ts. */
import { all, kills } from './checks.js';
import { type Happening, tokenOf } from './chronicle.js';
import type { Run } from './run.js';

/** What a store adds to a lease before it notices its end, and what a busy machine adds to all. */
const slackMs = 2_000;

/** The term that ended by a kill, and the one after it. */
export function handover(run: Run): { readonly ms: number; readonly to: string } | undefined {
  const killed = kills(run).find(({ whom }) => String(whom).startsWith('scheduler'));
  const next = all(run, 'leads').find(({ atMs, id }) => killed && atMs >= killed.atMs && id !== killed['whom']);
  return killed && next && { ms: next.atMs - killed.atMs, to: next.id };
}

/** Another scheduler led within a TTL of the death of the first; never two at once, and tokens grow. */
export function checkHandover(run: Run): string[] {
  const limit = run.longestMs + slackMs;
  const found = handover(run);
  const terms = all(run, 'leads');
  const wrong = terms.slice(1).flatMap((term, n) => {
    const before = terms[n] as Happening; // The one before the one after it.
    const over = run.events.some((one) => endsTerm(one, before) && one.atMs <= term.atMs);
    return [
      ...(over ? [] : [`Two leaders at once: ${term.id}, and ${before.id} before it.`]),
      ...(tokenOf(term) > tokenOf(before) ? [] : [`The token of ${term.id} is no greater than that of ${before.id}.`]),
    ];
  });
  if (found === undefined) return [...wrong, 'Nobody led after the leading scheduler was killed.'];
  if (found.ms > limit) wrong.push(`It took ${found.ms} ms until another scheduler led, more than ${limit} ms.`);
  return wrong;
}

function endsTerm({ event, id, whom, ...one }: Happening, term: Happening): boolean {
  if (event === 'kills') return whom === term.id && one.atMs >= term.atMs;
  return event === 'leads-no-more' && id === term.id && one['token'] === term['token'];
}

/** Every job that was put has a result, but for the poison, which is the only dead letter; one was tried twice. */
export function checkJobs(run: Run): string[] {
  const put = [...all(run, 'enqueued'), ...all(run, 'sends-job')].map(({ job }) => String(job));
  const lost = put.filter((id) => !run.results.includes(id) && !run.deadLetters.includes(id));
  const wrong = lost.map((id) => `The job ${id} was lost.`);
  if (run.deadLetters.join() !== 'poison-1')
    wrong.push(`The dead letters are [${run.deadLetters}], not the poison job.`);
  if (run.results.includes('poison-1')) wrong.push('The poison job has a result.');
  if (run.waiting.length > 0) wrong.push(`In the queue there is still [${run.waiting}].`);
  if (all(run, 'enqueued').length === 0) wrong.push('No job was ever scheduled.');
  const mails = all(run, 'job-done').filter(({ job }) => job === 'mail-1');
  if (!mails.some(({ attempt }) => attempt === 2))
    wrong.push('The job that fails once was not done at its second attempt.');
  return wrong;
}

/** The books have every night once, by tokens that never step back; and the one who slept was refused by them. */
export function checkBooks(run: Run): string[] {
  const { closings } = run;
  const wrong = closings.flatMap(({ night, total, token, author }, n) => {
    const before = closings[n - 1];
    return [
      ...(night === n + 1 && total === night * 100 ? [] : [`Night ${night} of ${author} has a total of ${total}.`]),
      ...(before === undefined || token >= before.token
        ? []
        : [`A stale write was accepted: ${author}, night ${night}.`]),
    ];
  });
  for (const told of all(run, 'night-written')) {
    const kept = closings.some(({ night, token, author }) => {
      return night === told['night'] && token === tokenOf(told) && author === told.id;
    });
    if (!kept) wrong.push(`Night ${told['night']} of ${told.id} was written, and is not in the books.`);
  }
  const slept = all(run, 'pauses').map(({ whom }) => whom);
  const refused = all(run, 'write-refused').filter((one) => slept.includes(one.id) && one['by'] === 'the database');
  const isStale = (one: Happening): boolean => closings.some(({ token }) => token > tokenOf(one));
  if (!refused.some(isStale)) wrong.push('The database has refused no write of the one who slept past its lease.');
  return wrong;
}
