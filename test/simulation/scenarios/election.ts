/**
 * Election: a few processes stand in two elections, lead, proclaim, resign, are asked who leads, and observe.
 *
 * E1: terms grow from leader to leader, whoever is granted one is first in line, and a log that leaders append to by fenced
 * writes has their terms one after the other. E2: who believes to lead, leads, and alone. E3: nobody is granted a term that is
 * gone. E4: proclamations are made by the leader, in its own ticket. E5: what observers and those who ask are told was so at
 * the revision they are told, never goes back, and ends with how it stands at last. E6: only the leader itself ends its term,
 * and it has ended when it says so. E7: `lead` runs one task at a time. EL1: when a leader dies, the next one leads within a
 * time to live. EL2: nobody waits without a ticket. EL3: nothing ends an observer but its client.
 */
import { type Candidate, Election, isCoordinationError, type Observation, type Term } from 'coterie';
import { type SimulatedNode, type SimulatedWorld, Violation } from 'coterie/testing';
import { auditMs, ElectionTruth } from '../lib/election-truth.js';
import { attempt, type Limits, pause } from '../lib/life.js';
import { checkCode } from '../lib/outcomes.js';
import { becomes, soon } from '../lib/soon.js';
import { TermLog } from '../lib/term-log.js';
import type { RecipeSimulation } from '../recipe.js';

/** One election, and what it is checked by. */
interface Race {
  readonly truth: ElectionTruth;
  readonly log: TermLog;
  readonly observers: Set<Observer>;
}

/** One that observes until its client is closed. */
interface Observer {
  readonly node: SimulatedNode;
  seen: Observation | undefined;
}

/** The one is the beginning of the other: they must not mix. */
const paths = ['/elections/a', '/elections/ab'] as const;

const campaignCodes = ['aborted', 'TIMEOUT', 'TICKET_LOST'];

function race(world: SimulatedWorld, path: string): Race {
  const truth = new ElectionTruth(world, path);
  const log = new TermLog(world, 'E1', `/log${path}`, () => truth.tickets[0]?.created);
  return { truth, log, observers: new Set() };
}

async function scenario(world: SimulatedWorld): Promise<void> {
  const races = paths.map((path) => race(world, path));
  world.run(4, async (node) => {
    for (const each of races) if (node.random.chance(0.3)) void follow(world, node, each);
    while (node.running) {
      await pause(node, 0.1 * world.ttlMs);
      if (node.running) await turn(world, node, node.random.pick(races));
    }
  });
  await world.chaos();
  for (const each of races) each.log.check();
  // Where the leader of the store died last, there is another one by then.
  await world.sleep(6_000);
  await succession(world, races[0] as Race);
}

/** Observes until the client is closed. Whatever was told can be looked at then. */
async function follow(world: SimulatedWorld, node: SimulatedNode, { truth, observers }: Race): Promise<void> {
  const observer: Observer = { node, seen: undefined };
  observers.add(observer);
  try {
    for await (const seen of new Election(node.client, truth.path).observe()) {
      truth.observed(node, seen, observer.seen);
      world.sometimes(seen.leader === undefined ? 'a vacancy was observed' : 'a leader was observed');
      observer.seen = seen;
    }
    world.fail(new Violation('EL3', `an observer of ${node.name} has ended without a reason`));
  } catch (error) {
    observers.delete(observer);
    const rebuilt = isCoordinationError(error, 'CLUSTER_CHANGED') && node.generation !== world.truth.generation;
    const closed = isCoordinationError(error, 'CLOSED') && node.state !== 'up';
    const why = String(error);
    if (error instanceof Violation) world.fail(error);
    else if (!rebuilt && !closed) world.fail(new Violation('EL3', `an observer of ${node.name} was ended by ${why}`));
  }
}

async function turn(world: SimulatedWorld, node: SimulatedNode, race: Race): Promise<void> {
  const what = node.random.pick(['campaign', 'campaign', 'campaign', 'lead', 'ask', 'glance'] as const);
  if (what === 'campaign') await campaign(world, node, race);
  else if (what === 'lead') await lead(world, node, race);
  else if (what === 'ask') await ask(world, node, race);
  else await glance(world, node, race);
}

async function campaign(world: SimulatedWorld, node: SimulatedNode, race: Race): Promise<void> {
  const { truth } = race;
  const rejects = node.random.chance(0.2);
  const election = new Election(node.client, truth.path, rejects ? { onSessionLost: 'reject' } : {});
  const value = truth.newValue(node);
  const stopped = truth.stand(node, value);
  const ended = await attempt(world, node, (limits) => election.campaign(value, limits));
  stopped();
  checkCode(world, node, 'a campaign', ended, rejects ? [...campaignCodes, 'SESSION_LOST'] : campaignCodes);
  if ('code' in ended && ended.code === 'TICKET_LOST') truth.robbed(node, value);
  if (!('value' in ended)) return;
  const term = ended.value;
  const end = truth.grant(node, term);
  await serve(world, node, race, term);
  // One that has lost its session does not know of it at once; nobody else will resign for it.
  end();
  const resigned = await attempt(world, node, (limits) => term.resign(limits), 0.1);
  checkCode(world, node, 'a resignation', resigned);
  if ('value' in resigned && resigned.value) truth.resigned(node, term);
}

/** What a leader does. */
async function serve(world: SimulatedWorld, node: SimulatedNode, { truth, log }: Race, term: Term): Promise<void> {
  const drop = world.beliefs.add(node, term, { invariant: 'E2', resource: truth.path });
  try {
    for (let i = node.random.whole(0, 3); i > 0 && !term.signal.aborted; i--) {
      if (node.random.chance(0.6)) await log.append(node, term);
      else await proclaim(world, node, truth, term);
      await pause(node, 0.15 * world.ttlMs, term.signal);
    }
  } finally {
    drop();
  }
  world.sometimes(term.signal.aborted ? 'lost' : 'led');
}

async function proclaim(world: SimulatedWorld, node: SimulatedNode, truth: ElectionTruth, term: Term): Promise<void> {
  const value = truth.newProclamation(term);
  const ended = await attempt(world, node, (limits) => term.proclaim(value, limits), 0.1);
  const usual = ['aborted', 'TIMEOUT', 'UNKNOWN_OUTCOME', 'UNAVAILABLE', 'TICKET_LOST', 'SESSION_LOST'];
  checkCode(world, node, 'a proclamation', ended, usual);
  if (!('value' in ended)) return;
  world.sometimes('proclaimed');
  truth.proclaimed(term, value);
}

const hasSeenEnough = new Error('The observer has seen enough.');
const taskFailed = new Error('The task has failed.');

async function lead(world: SimulatedWorld, node: SimulatedNode, race: Race): Promise<void> {
  const { truth } = race;
  const election = new Election(node.client, truth.path);
  const fails = node.random.chance(0.1);
  let [running, runs] = [0, 0];
  const task = async (term: Term): Promise<string> => {
    if (running > 0) throw new Violation('E7', `two tasks of one lead() of ${node.name} at once`);
    running++;
    if (runs++ > 0) world.sometimes('led again');
    const end = truth.grant(node, term);
    await serve(world, node, race, term);
    end();
    running--;
    if (fails) throw taskFailed;
    return 'done';
  };
  const call = (limits: Limits): Promise<string> =>
    election.lead(truth.newValue(node), task, limits).catch((error: unknown) => {
      // Where the resignation after it fails too, both are told.
      const errors = error instanceof AggregateError ? error.errors : [error];
      if (fails && errors.includes(taskFailed)) return 'failed';
      throw error;
    });
  const ended = await attempt(world, node, call);
  checkCode(world, node, 'lead()', ended, campaignCodes);
  if (running > 0) throw new Violation('E7', `lead() of ${node.name} has ended before its task`);
  if ('value' in ended && ended.value !== (fails ? 'failed' : 'done')) {
    throw new Violation('E7', `lead() of ${node.name} resolved to ${ended.value}, which its task did not`);
  }
}

/** Asks who leads, and who stands. */
async function ask(world: SimulatedWorld, node: SimulatedNode, { truth }: Race): Promise<void> {
  const election = new Election(node.client, truth.path);
  const mark = truth.mark(node);
  const all = node.random.chance(0.5);
  const question = async (limits: Limits): Promise<readonly Candidate[]> => {
    if (all) return await election.candidates(limits);
    const leader = await election.leader(limits);
    return leader === undefined ? [] : [leader];
  };
  const ended = await attempt(world, node, question);
  checkCode(world, node, 'a question', ended, ['aborted', 'TIMEOUT', 'UNAVAILABLE']);
  if ('value' in ended) truth.told(node, mark, ended.value, all);
}

/** Observes for a while, and turns away. */
async function glance(world: SimulatedWorld, node: SimulatedNode, { truth }: Race): Promise<void> {
  let [left, last]: [number, Observation | undefined] = [node.random.whole(1, 4), undefined];
  const enough = new AbortController();
  const cancel = node.clock.after(node.random.next() * world.ttlMs, () => enough.abort(hasSeenEnough));
  const look = async (limits: Limits): Promise<void> => {
    for await (const seen of new Election(node.client, truth.path).observe({ signal: enough.signal, ...limits })) {
      truth.observed(node, seen, last);
      last = seen;
      if (--left <= 0) return;
    }
  };
  const looking = (limits: Limits): Promise<void> =>
    look(limits).catch((error: unknown) => {
      if (error !== hasSeenEnough) throw error;
    });
  const ended = await attempt(world, node, looking);
  cancel();
  checkCode(world, node, 'an observer', ended);
}

/** When all is well: one leader dies, the next one follows; a candidate that has lost its session stands again. */
async function succession(world: SimulatedWorld, { truth, observers }: Race): Promise<void> {
  const [first, second, third] = [world.node(), world.node(), world.node()];
  const campaignOf = (node: SimulatedNode): Promise<Term> => {
    const campaigning = new Election(node.client, truth.path).campaign(`stands:${node.name}`);
    world.start(node, 'its campaign', campaigning);
    return campaigning;
  };
  const known = (): Promise<void> => {
    const knows = ({ node: { state }, seen }: Observer): boolean => state !== 'up' || truth.isNow(seen);
    return becomes(world, auditMs, 'E5', 'every observer knows how it stands at last', () =>
      [...observers].every(knows),
    );
  };
  const leads = async (node: SimulatedNode, boundMs: number, campaigning: Promise<Term>) => {
    const term = await soon(world, boundMs, 'EL1', `${node.name} leads`, campaigning);
    const end = truth.grant(node, term);
    await known();
    return { term, end };
  };
  const { term } = await leads(first, world.boundMs, campaignOf(first));
  const waiting = campaignOf(second);
  await becomes(world, 5_000, 'EL1', `${second.name} stands`, () => truth.stands(`stands:${second.name}`));
  await term.proclaim(truth.newProclamation(term));
  await known();
  world.crash(first);
  const next = await leads(second, world.expiryMs + 5_000, waiting);
  const last = campaignOf(third);
  const stands = (): boolean => truth.stands(`stands:${third.name}`);
  await becomes(world, 5_000, 'EL1', `${third.name} stands`, stands);
  const session = third.client.liveSession();
  if (session !== undefined) world.expire(session);
  await becomes(world, world.ttlMs + 5_000, 'EL2', `${third.name} stands again`, stands);
  next.end();
  await next.term.resign();
  const { term: final, end } = await leads(third, 5_000, last);
  end();
  await final.resign();
  await known();
}

export const election: RecipeSimulation = {
  recipe: 'election',
  scenario,
  sometimes: [
    ...['led', 'lost', 'led again', 'appended', 'proclaimed', 'a leader was observed', 'a vacancy was observed'],
    ...['refused TIMEOUT', 'refused aborted', 'refused TICKET_LOST', 'refused SESSION_LOST', 'refused UNKNOWN_OUTCOME'],
  ],
  options: { durationMs: 30_000 },
};
