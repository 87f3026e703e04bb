/** Enqueues a job every so often, while it leads. Others of its kind wait, and one of them goes on when it is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Election, isCoordinationError, Queue, type Term } from 'coterie';
import { listen } from '../lib/http.js';
import { messageOf } from '../lib/log.js';
import type { JobOrder } from '../lib/paths.js';
import { runService } from '../lib/service.js';

await runService('scheduler', { 'every-ms': 1_000 }, async ({ id, flags, client, paths, log, stopping }) => {
  const jobs = new Queue<JobOrder>(client, paths.jobs);
  const election = new Election(client, paths.election);
  const everyMs = flags['every-ms'];
  let leading = false;

  /** The job of a slot of time has the slot in its id: two who schedule the same slot put one job. */
  const schedule = async (signal: AbortSignal): Promise<void> => {
    const slot = Math.floor(Date.now() / everyMs);
    const job = `report-${slot}`;
    const { added } = await jobs.put({ kind: 'report' }, { id: job, signal });
    log('enqueued', { job, added });
    await sleep((slot + 1) * everyMs - Date.now(), undefined, { signal });
  };

  const lead = async (term: Term, signal: AbortSignal): Promise<void> => {
    leading = true;
    log('leads', { token: term.token });
    try {
      while (!signal.aborted) await schedule(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      leading = false;
      log('leads-no-more', { token: term.token, why: stopping.aborted ? 'stopping' : codeOf(term.signal.reason) });
    }
  };

  await using http = await listen(flags.port, log, () => ({ healthy: !stopping.aborted, leading }));
  log('started', { port: http.port });
  await election.lead(id, lead, { signal: stopping });
});

function codeOf(reason: unknown): string {
  return isCoordinationError(reason) ? reason.code : messageOf(reason);
}
