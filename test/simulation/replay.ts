import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { explain, runSeed, type SeedOptions, type SimulationError, timelineOf } from 'coterie/testing';
import type { RecipeSimulation } from './recipe.js';

/** How to run a seed again. */
function commandOf(recipe: string, seed: number, { store, order, durationMs, faults }: SeedOptions): string {
  const more = [
    ...(store === undefined ? [] : ['--store', store]),
    ...(order === undefined ? [] : ['--order', order]),
    ...(durationMs === undefined ? [] : ['--duration', String(durationMs)]),
    ...(faults === undefined ? [] : ['--faults', faults.join(',')]),
  ];
  return ['npm run sim -- --recipe', recipe, '--seed', seed, ...more].join(' ');
}

/** What the seed was run on: a seed means something else to other code. */
function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'no commit';
  }
}

function writeTimeline(folder: string, recipe: string, { seed, message, events }: SimulationError): string {
  const file = `${folder}/${recipe}-${seed}.html`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, timelineOf(events, { title: `${recipe}, seed ${seed}`, lines: [message] }));
  return file;
}

/**
 * Runs one seed, and says everything about it: where it fails, with the fewest faults that it takes, and with a page on
 * which one can see what happened. Returns whether all went well.
 */
export async function replay(
  { recipe, scenario, options: always }: RecipeSimulation,
  seed: number,
  options: SeedOptions,
  folder: string,
): Promise<boolean> {
  const all = { ...always, ...options };
  const outcome = await runSeed(scenario, seed, all);
  console.log(
    `${recipe}, seed ${seed}, on ${outcome.store}, order ${outcome.order}, course ${outcome.hash}, ${commit()}`,
  );
  if (outcome.failure === undefined) {
    console.log('nothing was broken');
    return true;
  }
  const failure = await explain(scenario, outcome, all);
  const lines = failure.events.map(({ atMs, owner, kind, text }) => `${atMs.toFixed(3)} ${owner} ${kind} ${text}`);
  console.log(lines.slice(-40).join('\n'));
  console.log(failure.message);
  console.log(failure.cause);
  console.log(`what happened: ${writeTimeline(folder, recipe, failure)}`);
  console.log(`to see it again: ${commandOf(recipe, seed, options)}`);
  return false;
}
