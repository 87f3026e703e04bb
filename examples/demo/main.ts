import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { remove } from 'coterie';
import { type Paint, painter } from './colours.js';
import { keysBelow } from './events.js';
import { Log } from './log.js';
import { type DemoOptions, readOptions, usage } from './options.js';
import { type Findings, type Play, playScenes } from './scenes.js';
import type { Stage, StageParts } from './stage.js';
import { summaryLines, violations } from './summary.js';
import { eventLine, headlineLines } from './timeline.js';

/** What the demo needs of the world. */
export interface DemoWorld {
  readonly args: readonly string[];
  readonly colourful: boolean;
  /** How long a headline stands alone, in milliseconds. */
  readonly readingMs: number;
  /** Ends the demo at once, with its children and keys. */
  readonly signal: AbortSignal;
  print(line: string): void;
  complain(line: string): void;
}

/** The demo, from the command line to the exit code. */
export async function main(world: DemoWorld): Promise<number> {
  const options = readOptions(world.args);
  if (options.kind === 'help') {
    world.print(usage.trimEnd());
    return 0;
  }
  if (options.kind === 'wrong') {
    world.complain(`${options.sentence} See --help.`);
    return 2;
  }
  try {
    return await run(options, world);
  } catch (error) {
    const ended = world.signal.aborted;
    world.complain(ended ? messageOf(world.signal.reason) : `The demo failed: ${messageOf(error)}`);
    return ended ? 130 : 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type StoreOptions = Extract<DemoOptions, { kind: 'memory' | 'etcd' }>;

/** A store is loaded only when it is asked for: the embedded one needs no gRPC. */
async function openStage(options: StoreOptions, parts: StageParts): Promise<Stage> {
  if (options.kind === 'memory') return (await import('./memory-stage.js')).memoryStage(parts);
  return (await import('./etcd-stage.js')).etcdStage(options.endpoints, parts);
}

async function run(options: StoreOptions, world: DemoWorld): Promise<number> {
  const { print, signal } = world;
  const paint = painter(world.colourful);
  const keys = keysBelow(`/demo/${randomBytes(6).toString('hex')}`);
  const startNs = process.hrtime.bigint();
  const log = new Log((event) => print(eventLine(event, paint)));
  const stage = await openStage(options, {
    keys,
    startNs,
    tell: (who, event, atMs) => log.add({ who, atMs, ...event }),
  });
  print(introduction(options, keys.all, paint));
  let scene = 0;
  const headline = async (title: string, toBeSeen: string): Promise<void> => {
    for (const line of headlineLines(++scene, title, toBeSeen, paint)) print(line);
    await sleep(world.readingMs, undefined, { signal });
  };
  const play = { stage, keys, log, startNs, signal, headline };
  const { findings, leftovers } = await playAndTidyUp(play);
  const wrong = violations(log.events, findings, leftovers);
  for (const line of summaryLines(log.events, findings, wrong, paint)) print(line);
  return wrong.length === 0 ? 0 : 1;
}

function introduction(options: StoreOptions, prefix: string, paint: Paint): string {
  const where =
    options.kind === 'memory' ? 'the embedded store, in one process' : `${options.endpoints.join(', ')}, in processes`;
  return paint('dim', `coterie demo on ${where}, below ${prefix}`);
}

interface Outcome {
  readonly findings: Findings;
  /** Keys that are there after everything was removed. */
  readonly leftovers: readonly string[];
}

/** Plays, and afterwards, whatever came of it, leaves neither processes nor keys behind. */
async function playAndTidyUp(play: Play): Promise<Outcome> {
  const { stage, keys, log } = play;
  let findings: Findings;
  try {
    findings = await playScenes(play);
  } catch (error) {
    log.close();
    await stage.close({ politely: false });
    // A store that failed the play may well fail this too; the first error says more.
    await sweep(stage, keys.all).catch(() => {});
    throw error;
  }
  log.close();
  await stage.close({ politely: true });
  return { findings, leftovers: await sweep(stage, keys.all) };
}

/** Removes what the run has written, and gives the keys that are there nevertheless. */
async function sweep({ client }: Stage, prefix: string): Promise<readonly string[]> {
  const limit = { timeoutMs: 2_000 };
  try {
    await client.store.commit([], [remove({ prefix })], limit);
    const { entries } = await client.store.read({ prefix }, limit);
    return entries.map(({ key }) => key);
  } finally {
    await client.close();
  }
}
