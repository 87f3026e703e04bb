/** What is done to the services, scene by scene. Whether they bore it well is for the checks to say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { put, Queue } from 'coterie';
import type { JobOrder } from '../lib/paths.js';
import { type Match, tokenOf } from './chronicle.js';
import { graceMs, type Stage } from './stage.js';
import { get, startTraffic, type Traffic } from './traffic.js';

export const apis = ['api-1', 'api-2'] as const;
/** The one that takes the place of the dead one. */
export const replacement = 'api-3';
const schedulers = ['scheduler-1', 'scheduler-2'];
const nightlies = ['nightly-1', 'nightly-2'];
const all = [...apis, 'gateway', 'workers-1', 'workers-2', ...schedulers, ...nightlies];

const said = (event: string, id: string): Match => {
  return (happening) => happening.event === event && happening.id === id;
};

/** Starts everybody, and the users' traffic when all are well. */
export async function startAll(stage: Stage): Promise<Traffic> {
  const { fleet, database } = stage;
  for (const id of all) {
    const service = id.replace(/-\d$/, '');
    const flags = service === 'nightly' ? ['--database', database] : [];
    fleet.start(service, id, ...flags);
  }
  const ports = new Map<string, unknown>();
  for (const id of all) ports.set(id, await wellAt(stage, id));
  await gatewayKnows(stage, apis);
  return startTraffic(`http://127.0.0.1:${ports.get('gateway')}/greeting`, 25);
}

/** Waits until a service has started, asks it how it is, and gives its port. */
async function wellAt({ chronicle, patience }: Stage, id: string): Promise<unknown> {
  const { port } = await chronicle.until(`${id} starts`, said('started', id), patience);
  const { status } = await get(`http://127.0.0.1:${port}/health`);
  chronicle.tell('health', { whom: id, status });
  return port;
}

/** Waits until the gateway has just these to pass requests to. */
async function gatewayKnows({ chronicle, patience }: Stage, wanted: readonly string[], from = 0): Promise<void> {
  const knows: Match = ({ ids }) => Array.isArray(ids) && [...ids].sort().join() === wanted.join();
  await chronicle.until(`the gateway knows ${wanted.join(' and ')}`, knows, { ...patience, from });
}

/** Writes settings as an operator would, and waits until every API process has said what it makes of them. */
async function setAll(stage: Stage, settings: Readonly<Record<string, string>>, outcome: string): Promise<void> {
  const { client, paths, chronicle, patience } = stage;
  const ops = Object.entries(settings).map(([name, text]) => put(`${paths.settings}/${name}`, text));
  const { revision } = await client.store.commit([], ops, { signal: stage.signal });
  chronicle.tell('sets', { revision: String(revision), ...settings, expected: outcome });
  const seenBy = (id: string): Match => {
    return (seen) => said(outcome, id)(seen) && BigInt(String(seen['revision'])) >= revision;
  };
  for (const id of apis) await chronicle.until(`${id} sees the settings`, seenBy(id), patience);
}

/** A change that all see, one that all refuse, and the repair. */
export async function changeSettings(stage: Stage): Promise<void> {
  await setAll(stage, { greeting: 'good day', 'limits/perSecond': '5' }, 'settings');
  await sleep(1_500, undefined, { signal: stage.signal });
  await setAll(stage, { greeting: 'this is wrong', 'limits/perSecond': '-5' }, 'settings-refused');
  await sleep(1_000, undefined, { signal: stage.signal });
  await setAll(stage, { greeting: 'good night', 'limits/perSecond': '1000', 'features/shout': 'true' }, 'settings');
}

/** A job that succeeds at the second attempt, and one that never will. */
export async function sendJobs({ client, paths, chronicle, patience, signal }: Stage): Promise<void> {
  const jobs = new Queue<JobOrder>(client, paths.jobs);
  for (const [id, kind] of Object.entries({ 'mail-1': 'mail', 'poison-1': 'dance' })) {
    await jobs.put({ kind }, { id, signal });
    chronicle.tell('sends-job', { job: id, kind });
  }
  const givenUp: Match = ({ event, job }) => event === 'job-given-up' && job === 'poison-1';
  await chronicle.until('the poison job is given up', givenUp, patience);
}

/** One API process is killed. The gateway goes on with the other, and forgets the dead one with its lease. */
export async function killApi(stage: Stage): Promise<void> {
  const [left, victim] = apis;
  const from = stage.chronicle.all.length;
  stage.fleet.kill(victim);
  await gatewayKnows(stage, [left], from);
}

/** A new API process takes the place of the dead one, and then the other is asked to end, while users go on asking. */
export async function replaceApi(stage: Stage): Promise<void> {
  const { fleet } = stage;
  const [left] = apis;
  fleet.start('api', replacement);
  await wellAt(stage, replacement);
  await gatewayKnows(stage, [left, replacement]);
  await fleet.stop([left], graceMs + 2_000);
}

/** The scheduler that leads is killed. */
export async function killLeader({ fleet, chronicle, patience }: Stage): Promise<void> {
  const leader = await chronicle.until('a scheduler leads', ({ event }) => event === 'leads', patience);
  fleet.kill(leader.id);
  const follows: Match = ({ event, id }) => event === 'leads' && id !== leader.id;
  await chronicle.until('another scheduler leads', follows, patience);
}

/** The nightly job stands still between its reading and its writing, until another has the lock and has written. */
export async function pauseNightly({ fleet, chronicle, patience }: Stage): Promise<void> {
  const begins: Match = ({ event }) => event === 'night-begins';
  const sleeper = await chronicle.until('a nightly job begins', begins, { ...patience, from: chronicle.all.length });
  fleet.pause(sleeper.id);
  try {
    const written: Match = (one) => one.event === 'night-written' && tokenOf(one) > tokenOf(sleeper);
    await chronicle.until('the other nightly job writes', written, patience);
  } finally {
    fleet.wake(sleeper.id);
  }
  const ends: Match = (one) => {
    return ['night-written', 'write-refused'].includes(one.event) && tokenOf(one) === tokenOf(sleeper);
  };
  await chronicle.until('the sleeper tries to write', ends, patience);
}
