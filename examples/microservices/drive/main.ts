/** `npm run example:microservices`: starts all services, drives them, does them harm, and says how they bore it. */
import { messageOf } from '../lib/log.js';
import { Chronicle } from './chronicle.js';
import { type DriveOptions, readOptions, usage } from './options.js';
import { play } from './run.js';
import { openStage } from './stage.js';
import { eventLine, summaryLines, violations } from './summary.js';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: DriveOptions | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)} See --help.\n`);
    return 2;
  }
  if (options !== undefined) return await drive(options);
  print(usage.trimEnd());
  return 0;
}

async function drive(options: DriveOptions): Promise<number> {
  const ended = endSignal();
  const chronicle = new Chronicle();
  const startMs = Date.now();
  chronicle.onEach((happening) => {
    const line = eventLine(happening, startMs);
    if (line !== undefined) print(line);
  });
  try {
    const stage = await openStage(options, chronicle, ended);
    try {
      const run = await play(stage, options.seconds, (title) => print(`\n-- ${title}`));
      for (const line of summaryLines(run)) print(line);
      return violations(run).length === 0 ? 0 : 1;
    } finally {
      await stage.close();
    }
  } catch (error) {
    process.stderr.write(`${ended.aborted ? '' : 'The run failed: '}${messageOf(error)}\n`);
    return ended.aborted ? 130 : 1;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Aborts when the run is to end before its time. */
function endSignal(): AbortSignal {
  const controller = new AbortController();
  const end = (why: string) => (): void => controller.abort(new Error(`The run was ended by ${why}.`));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end(signal));
  // The reader of a pipe has gone: nobody is left to play for.
  process.stdout.on('error', end('the end of its reader'));
  return controller.signal;
}
