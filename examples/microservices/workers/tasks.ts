/** What workers can do: a task for each kind of job. A task that throws is tried again later. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'coterie';
import type { JobOrder } from '../lib/paths.js';

/** Resolves to what is to be written down as the result. Ends early when the job is lost. */
export type Task = (job: Job<JobOrder>) => Promise<string>;

const tasks: Readonly<Record<string, Task>> = {
  report: async ({ signal }) => {
    await sleep(80, undefined, { signal });
    return 'written';
  },
  mail: async ({ attempts, signal }) => {
    await sleep(20, undefined, { signal });
    if (attempts === 1) throw new Error('the mail server is busy');
    return 'sent';
  },
};

export function taskOf({ value: { kind } }: Job<JobOrder>): Task {
  const task = tasks[kind];
  if (task === undefined) throw new Error(`nobody here knows how to do "${kind}"`);
  return task;
}
