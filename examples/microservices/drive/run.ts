/** One run: the scenes, a graceful end of all, and what can be found in store, books and traffic afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'coterie';
import type { JobOrder } from '../lib/paths.js';
import { type Closing, Ledger } from '../nightly/ledger.js';
import type { Happening } from './chronicle.js';
import * as scenes from './scenes.js';
import { graceMs, type Stage } from './stage.js';
import type { Answer } from './traffic.js';

/** All that the checks and the summary go by. */
export interface Run {
  readonly events: readonly Happening[];
  readonly answers: readonly Answer[];
  /** Ids of jobs that have a result in the store. */
  readonly results: readonly string[];
  readonly deadLetters: readonly string[];
  /** Ids of jobs that are in the queue still. */
  readonly waiting: readonly string[];
  readonly closings: readonly Closing[];
  /** Keys on a lease, after all have ended. */
  readonly leased: readonly string[];
  /** Keys that were still there after all were removed. */
  readonly leftovers: readonly string[];
  /** How long a lease can be there after its last renewal. */
  readonly longestMs: number;
}

export type Headline = (title: string) => void;

export async function play(stage: Stage, seconds: number, headline: Headline): Promise<Run> {
  const { chronicle, signal, longestMs } = stage;
  headline('Nine processes start, and users come');
  const began = Date.now();
  const traffic = await scenes.startAll(stage);
  try {
    headline('The settings change; then somebody writes wrong ones');
    await scenes.changeSettings(stage);
    headline('Two jobs: one fails once, one is poison');
    await scenes.sendJobs(stage);
    headline('Killed: an API process and the leading scheduler. Paused: the nightly job, past its lease');
    await Promise.all([scenes.killApi(stage), scenes.killLeader(stage), scenes.pauseNightly(stage)]);
    headline('A new API process takes the place of the dead one, and the old one may end');
    await scenes.replaceApi(stage);
    headline('On it goes');
    await sleep(Math.max(1_000, seconds * 1_000 - (Date.now() - began)), undefined, { signal });
  } finally {
    await traffic.stop();
  }
  headline('All are asked to end: first who makes work, then who does it');
  await endAll(stage);
  const { answers } = traffic;
  const found = await lookAround(stage);
  const leftovers = await stage.sweep();
  return { events: chronicle.all, answers, ...found, leftovers, longestMs };
}

async function endAll({ fleet, client, paths, patience, signal }: Stage): Promise<void> {
  const makers = fleet.running.filter((id) => id.startsWith('scheduler'));
  await fleet.stop(makers, graceMs + 2_000);
  const jobs = new Queue<JobOrder>(client, paths.jobs);
  const until = Date.now() + patience.timeoutMs;
  while ((await jobs.depth({ signal })) > 0 && Date.now() < until) await sleep(100, undefined, { signal });
  await fleet.stop(fleet.running, graceMs + 2_000);
}

type Found = Pick<Run, 'results' | 'deadLetters' | 'waiting' | 'closings' | 'leased'>;

async function lookAround(stage: Stage): Promise<Found> {
  const { client, paths, database, signal } = stage;
  const jobs = new Queue<JobOrder>(client, paths.jobs);
  const results = await client.store.read({ prefix: `${paths.results}/` }, { signal });
  const deadLetters: string[] = [];
  for await (const { id } of jobs.deadLetters({ signal })) deadLetters.push(id);
  const waiting = (await jobs.peek(1_000, { signal })).map(({ id }) => id);
  using ledger = new Ledger(database);
  return {
    results: results.entries.map(({ key }) => key.slice(paths.results.length + 1)),
    deadLetters,
    waiting,
    closings: ledger.closings(),
    leased: await leasedKeys(stage),
  };
}

/**
 * What hangs on a lease still. Who ended gracefully has left nothing; what the killed have left goes with their leases. The
 * memory of jobs that are done hangs on leases that nobody renews, and goes by itself in its own time.
 */
async function leasedKeys({ client, paths, longestMs, signal }: Stage): Promise<readonly string[]> {
  const until = Date.now() + longestMs + 2_000;
  for (;;) {
    const { entries } = await client.store.read({ prefix: paths.all }, { signal });
    const leased = entries.filter(({ key, lease }) => lease !== undefined && !key.startsWith(`${paths.jobs}/done/`));
    if (leased.length === 0 || Date.now() > until) return leased.map(({ key }) => key);
    await sleep(200, undefined, { signal });
  }
}
