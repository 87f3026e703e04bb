/**
 * Runs versions of the recipes that are known to be bad, until the invariant that is named for each is broken. One that
 * survives is a failure: then the simulation would not notice such a bug either.
 *
 *   npm run mutants
 *   npm run mutants -- --only deadline-from-receipt --json
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { buildMutant } from './build.js';
import { mutants } from './list.js';
import type { Mutant } from './mutant.js';

const { values: args } = parseArgs({
  options: {
    only: { type: 'string' },
    recipe: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'boolean', default: false },
  },
});

/** What became of a mutant. */
interface Verdict {
  readonly name: string;
  readonly recipe: string;
  readonly invariant: string;
  /** The seed on which it was found; undefined where that was at a point, or where it survived. */
  readonly seed: number | undefined;
  /** What was broken; undefined where it survived. */
  readonly message: string | undefined;
  readonly seconds: number;
}

const budget = 400;

/** What finds it: a simulation, or a search of every point, beside the script of the first. And what it is told. */
function hunt({ recipe, invariant, seeds = budget, options = {}, points }: Mutant, script: string): string[] {
  const always = ['--until', invariant, '--jobs', '1', '--json', ...(options.store ? ['--store', options.store] : [])];
  if (points !== undefined) return [join(dirname(script), 'points-main.js'), '--only', points, '--pairs', ...always];
  const faults = options.faults === undefined ? [] : ['--faults', options.faults.join(',')];
  return [script, '--recipe', recipe, '--seeds', String(seeds), ...faults, ...always];
}

/** What either of the two tells of, as far as it is of use here. */
interface Found {
  readonly failures?: readonly { readonly seed: number; readonly message: string }[];
  readonly failure?: { readonly invariant: string; readonly message: string };
}

function failureIn(
  output: string,
  invariant: string,
): { readonly seed?: number; readonly message: string } | undefined {
  // It is what the script beside this one has written.
  const found = JSON.parse(output) as readonly Found[];
  const points = found.flatMap(({ failure }) => (failure?.invariant === invariant ? [failure] : []));
  return [...found.flatMap(({ failures = [] }) => failures), ...points][0];
}

async function judge(mutant: Mutant): Promise<Verdict> {
  const { name, recipe, invariant } = mutant;
  const began = performance.now();
  const script = buildMutant(mutant);
  const child = spawn(process.execPath, hunt(mutant, script), { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  rmSync(join(dirname(script), '..'), { recursive: true, force: true });
  const failure = failureIn(output, invariant);
  const seconds = (performance.now() - began) / 1000;
  return { name, recipe, invariant, seed: failure?.seed, message: failure?.message, seconds };
}

function show({ name, recipe, invariant, seed, message, seconds }: Verdict): void {
  const where = seed === undefined ? '' : `seed ${seed}, `;
  const fate = message === undefined ? `SURVIVED: ${invariant} was never broken` : `${where}${message}`;
  console.log(`${recipe}/${name}: ${fate} (${seconds.toFixed(1)} s)`);
}

async function main(): Promise<boolean> {
  const names = args.only?.split(',');
  const chosen = mutants.filter(({ name, recipe }) => {
    return (names?.includes(name) ?? true) && (args.recipe === undefined || args.recipe === recipe);
  });
  if (chosen.length === 0) throw new Error('There is no such mutant.');
  const [queue, verdicts]: [Mutant[], Verdict[]] = [[...chosen], []];
  const drain = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await judge(mutant);
      verdicts.push(verdict);
      if (!args.json) show(verdict);
    }
  };
  await Promise.all(Array.from({ length: Number(args.jobs) }, drain));
  const survivors = verdicts.filter(({ message }) => message === undefined);
  if (args.json) console.log(JSON.stringify(verdicts));
  else console.log(`${verdicts.length} mutants, ${verdicts.length - survivors.length} of them found`);
  return survivors.length === 0;
}

process.exitCode = (await main()) ? 0 : 1;
