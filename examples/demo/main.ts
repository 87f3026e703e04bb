import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { remove } from 'coterie';
import { painter } from './colours.js';
import { keysBelow } from './events.js';
import { Log } from './log.js';
import { type PlayOptions, readOptions, usage } from './options.js';
import { processStage } from './process-stage.js';
import { type Findings, type Play, playScenes } from './scenes.js';
import { patienceMs, type Stage, type StageParts, type Tell } from './stage.js';
import type { StoreChoice } from './stores.js';
import { summaryLines, violations } from './summary.js';
import { eventLine, headlineLines, introductionLines } from './timeline.js';

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

/** The embedded server is loaded only when it is asked for: with Consul, no gRPC. */
async function openStage(store: StoreChoice, parts: StageParts): Promise<Stage> {
  if (store.kind === 'dev') return (await import('./dev-stage.js')).devStage(parts);
  return processStage(store, parts);
}

async function run({ store, ttlMs }: PlayOptions, world: DemoWorld): Promise<number> {
  const { print, signal } = world;
  const paint = painter(world.colourful);
  const keys = keysBelow(`/demo/${randomBytes(6).toString('hex')}`);
  const startNs = process.hrtime.bigint();
  const tell: Tell = (who, event, atMs) => log.add({ who, atMs, ...event });
  await using stage = await openStage(store, { keys, startNs, ttlMs, tell });
  const { setting } = stage;
  // Nobody tells anything before the first worker is hired.
  const log = new Log((event) => print(eventLine(event, paint)), patienceMs(setting));
  for (const line of introductionLines(setting, keys.all, paint)) print(line);
  let scene = 0;
  const headline = async (title: string, toBeSeen: string): Promise<void> => {
    for (const line of headlineLines(++scene, title, toBeSeen, paint)) print(line);
    await sleep(world.readingMs, undefined, { signal });
  };
  const play = { stage, keys, log, startNs, signal, headline };
  const { findings, leftovers } = await playAndTidyUp(play);
  const wrong = violations(log.events, findings, leftovers);
  for (const line of summaryLines({ events: log.events, findings, wrong, setting }, paint)) print(line);
  return wrong.length === 0 ? 0 : 1;
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
  await client.store.commit([], [remove({ prefix })], limit);
  const { entries } = await client.store.read({ prefix }, limit);
  return entries.map(({ key }) => key);
}
