/** A pool of workers: jobs are leased, tried again when they fail, and put aside when they fail for good. */
import { type Job, put, Queue } from 'coterie';
import { listen } from '../lib/http.js';
import { messageOf } from '../lib/log.js';
import type { JobOrder } from '../lib/paths.js';
import { runService } from '../lib/service.js';
import { taskOf } from './tasks.js';

const options = { concurrency: 3, 'max-attempts': 3, 'retry-ms': 500 };

await runService('workers', options, async ({ id, flags, client, paths, log, stopping }) => {
  const jobs = new Queue<JobOrder>(client, paths.jobs, { maxAttempts: flags['max-attempts'] });
  const busy = new Set<string>();

  const work = async (job: Job<JobOrder>): Promise<void> => {
    busy.add(job.id);
    try {
      const result = await taskOf(job)(job);
      // The result is written with the acknowledgement, or not at all: a job that runs twice has one result.
      await job.ack({ ops: [put(`${paths.results}/${job.id}`, JSON.stringify({ result, by: id }))] });
      log('job-done', { job: job.id, attempt: job.attempts });
    } finally {
      busy.delete(job.id);
    }
  };
  const onError = (error: unknown, job: Job<JobOrder>): void => {
    const last = job.attempts >= flags['max-attempts'];
    log(last ? 'job-given-up' : 'job-failed', { job: job.id, attempt: job.attempts, reason: messageOf(error) });
  };

  await using http = await listen(flags.port, log, () => ({ healthy: !stopping.aborted, busy: [...busy] }));
  log('started', { port: http.port, concurrency: flags.concurrency });
  // When the end comes, nothing more is taken, and the jobs in hand are finished.
  const { concurrency, 'retry-ms': retryDelayMs } = flags;
  await jobs.consume(work, { concurrency, retryDelayMs, onError, signal: stopping });
});
