/** What the director of the demo has the workers do, scene by scene. Each scene says first what is to be seen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Election, put } from 'coterie';
import { counterIn } from './counter.js';
import { type DemoEvent, type DirectorEvent, type Keys, msSince } from './events.js';
import type { Log } from './log.js';
import type { Actor, Stage } from './stage.js';

export interface Play {
  readonly stage: Stage;
  readonly keys: Keys;
  readonly log: Log;
  readonly startNs: bigint;
  readonly signal: AbortSignal;
  /** Announces a scene, and leaves time to read that. */
  headline(title: string, toBeSeen: string): Promise<void>;
}

/** What the director measured or read itself. */
export interface Findings {
  /** The counter as the store has it at the end. */
  readonly counter: number;
  readonly leaderKilled: { readonly who: string; readonly atMs: number };
  readonly configSent: { readonly config: string; readonly atMs: number };
  /** Those who must have seen the new config. */
  readonly audience: readonly string[];
}

const names = ['ada', 'bob', 'cyd', 'dan', 'eve'] as const;

/** Increments of each worker that are shown, and those that are only counted. */
const shown = { times: 1, restMs: 40 };
const counted = { times: 10, restMs: 2 };

function tell({ log, startNs }: Play, event: DirectorEvent): number {
  const atMs = msSince(startNs);
  log.add({ who: 'demo', atMs, ...event });
  return atMs;
}

/** All scenes, in order. */
export async function playScenes(play: Play): Promise<Findings> {
  const everybody = await arrival(play);
  await fencedCounter(play, everybody);
  const leaderKilled = await deathOfTheLeader(play, everybody);
  const alive = everybody.filter(({ name }) => name !== leaderKilled.who);
  await staleHolder(play, alive);
  const configSent = await changeOfConfig(play, alive);
  const { entries } = await play.stage.client.store.read({ key: play.keys.counter });
  return { counter: counterIn(entries).value, leaderKilled, configSent, audience: alive.map(({ name }) => name) };
}

async function arrival(play: Play): Promise<readonly Actor[]> {
  const { stage, keys, log, signal } = play;
  await play.headline('Five workers arrive', 'Each sees the config and stands for election. One is elected and leads.');
  await stage.client.store.commit([], [put(keys.config, 'rate=10')]);
  const actors = names.map((name) => stage.hire(name));
  await log.until('everybody has joined', signal, () => log.all('joins').length === names.length || undefined);
  await log.until('somebody leads', signal, () => log.all('leads')[0]);
  // All must have stood before one is killed, so that the takeover measures the election, and not a start.
  const election = new Election(stage.client, keys.election);
  while ((await election.candidates({ signal })).length < names.length) await sleep(10);
  return actors;
}

/** Waits until the log has this many events more of a kind than `before`. */
function more(play: Play, kind: DemoEvent['kind'], before: number, count: number): Promise<true> {
  const { log, signal } = play;
  const enough = () => log.all(kind).length >= before + count || undefined;
  return log.until(`${count} more "${kind}" were told`, signal, enough);
}

async function fencedCounter(play: Play, actors: readonly Actor[]): Promise<void> {
  const { log } = play;
  await play.headline(
    'One counter, one lock',
    'Read, add one, write: one at a time. Tokens grow, and no update is lost.',
  );
  for (const actor of actors) actor.obey({ kind: 'count', ...shown });
  await more(play, 'releases', 0, actors.length * shown.times);
  log.mute(true);
  for (const actor of actors) actor.obey({ kind: 'count', ...counted });
  await more(play, 'releases', actors.length * shown.times, actors.length * counted.times);
  log.mute(false);
  const last = log.all('adds').at(-1)?.counter ?? 0;
  tell(play, { kind: 'tells', text: `has them add ${counted.times} more each, unshown: ${last} now` });
}

async function deathOfTheLeader(play: Play, actors: readonly Actor[]): Promise<{ who: string; atMs: number }> {
  const { stage, log, signal } = play;
  await play.headline('The leader dies', 'It gives nothing back. When its lease has run out, the next in line leads.');
  const leader = log.all('leads').at(-1)?.who ?? '';
  const before = log.events.length;
  const atMs = tell(play, { kind: 'kills', whom: leader, ...stage.kill });
  actorCalled(actors, leader).kill();
  await log.until('another leads', signal, () => log.all('leads', before)[0]);
  return { who: leader, atMs };
}

async function staleHolder(play: Play, actors: readonly Actor[]): Promise<void> {
  const { stage, log, signal } = play;
  await play.headline(
    'A holder sleeps past its lease',
    'It wakes with a write in hand that is out of date, and must not get it in.',
  );
  const leader = log.all('leads').at(-1)?.who;
  const [sleeper, successor] = actors.filter(({ name }) => name !== leader);
  if (sleeper === undefined || successor === undefined) throw new Error('Too few workers for this scene.');
  const before = log.events.length;
  const holds = (who: Actor) => () => log.all('holds', before).find((event) => event.who === who.name);

  sleeper.obey({ kind: 'take' });
  await log.until(`${sleeper.name} holds the lock`, signal, holds(sleeper));
  tell(play, { kind: 'pauses', whom: sleeper.name, ...stage.pause });
  sleeper.pause();

  successor.obey({ kind: 'take' });
  await log.until(`${successor.name} holds the lock`, signal, holds(successor));
  successor.obey({ kind: 'write' });
  await log.until(`${successor.name} has added one`, signal, () => log.all('releases', before)[0]);

  // The order to write lies there when the sleeper wakes: it is the first thing that it finds to do.
  sleeper.obey({ kind: 'write' });
  tell(play, { kind: 'wakes', whom: sleeper.name, how: stage.wake });
  sleeper.wake();
  // The second thing that comes of the write is the answer of the store, be it yes or no.
  const answer = () => log.events.slice(before).find((event) => isAnswer(event, sleeper.name));
  await log.until(`${sleeper.name} has its answer`, signal, answer);
}

/** Whether this is what the store said to the stale write: refused, or, which the checks then find, written. */
function isAnswer(event: DemoEvent, who: string): boolean {
  if (event.who !== who) return false;
  return event.kind === 'adds' || (event.kind === 'refused' && event.by === 'store');
}

async function changeOfConfig(play: Play, actors: readonly Actor[]): Promise<{ config: string; atMs: number }> {
  const { stage, keys, log, signal } = play;
  await play.headline('The config changes', 'Everybody alive sees it at once, by a watch.');
  const config = 'rate=25';
  const before = log.events.length;
  const atMs = tell(play, { kind: 'tells', text: `writes ${config}` });
  await stage.client.store.commit([], [put(keys.config, config)]);
  const seen = () => log.all('config', before).filter((event) => event.config === config).length;
  await log.until('everybody has seen the config', signal, () => seen() >= actors.length || undefined);
  return { config, atMs };
}

function actorCalled(actors: readonly Actor[], name: string): Actor {
  const actor = actors.find((one) => one.name === name);
  if (actor === undefined) throw new Error(`There is no worker called "${name}".`);
  return actor;
}
