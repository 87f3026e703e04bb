/**
 * Simulates the recipes under faults, on many seeds.
 *
 *   npm run sim -- --recipe all --seeds 1000            so many of each recipe
 *   npm run sim -- --recipe mutex --seed 443            one seed, with a page that shows what happened
 *   npm run sim -- --recipe mutex --first 5000 --store consul --order pct --json
 *   npm run sim:soak                                    new seeds, until it is stopped
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { OrderName, PersonalityName, SeedOptions } from 'coterie/testing';
import { runShares } from './pool.js';
import type { RecipeSimulation } from './recipe.js';
import { recipes } from './recipes.js';
import { replay } from './replay.js';
import { addReports, linesOf, missingFrom, type Total } from './totals.js';
import type { Share, ShareReport } from './work.js';

const { values: args } = parseArgs({
  options: {
    recipe: { type: 'string', default: 'all' },
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string' },
    store: { type: 'string' },
    order: { type: 'string' },
    duration: { type: 'string' },
    faults: { type: 'string' },
    until: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    coverage: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: '.build/timelines' },
  },
});

/** Seeds that one process is sent at a time. */
const shareSize = 25;

const options: SeedOptions = {
  // Wrong words are refused by the simulation itself.
  ...(args.store === undefined ? {} : { store: args.store as PersonalityName }),
  ...(args.order === undefined ? {} : { order: args.order as OrderName }),
  ...(args.duration === undefined ? {} : { durationMs: Number(args.duration) }),
  ...(args.faults === undefined ? {} : { faults: args.faults.split(',') as NonNullable<SeedOptions['faults']> }),
};

function named(name: string): RecipeSimulation {
  const found = recipes.find(({ recipe }) => recipe === name);
  if (found === undefined) throw new Error(`There is no simulation of "${name}".`);
  return found;
}

/** Seeds that were broken once, of code as it was then. */
function regressions(simulations: readonly RecipeSimulation[]): Share[] {
  if (args.until !== undefined) return [];
  const file = new URL('../../../test/simulation/regressions.json', import.meta.url);
  const known = JSON.parse(readFileSync(file, 'utf8')) as { recipe: string; seed: number; store?: PersonalityName }[];
  return known
    .filter(({ recipe }) => simulations.some((simulation) => simulation.recipe === recipe))
    .map(({ recipe, seed, store }) => ({
      recipe,
      first: seed,
      count: 1,
      options: store === undefined ? {} : { store },
    }));
}

function sharesOf(simulations: readonly RecipeSimulation[], first: number, seeds: number): Share[] {
  const shares: Share[] = [];
  for (let at = 0; at < seeds; at += shareSize) {
    for (const { recipe } of simulations) {
      const count = Math.min(shareSize, seeds - at);
      shares.push({ recipe, first: first + at, count, options, until: args.until });
    }
  }
  return shares;
}

async function simulateAll(simulations: readonly RecipeSimulation[], shares: readonly Share[]): Promise<Total[]> {
  const totals = new Map<string, ShareReport>();
  await runShares(shares, Number(args.jobs), (report: ShareReport) => {
    totals.set(report.recipe, addReports(totals.get(report.recipe), report));
    // Found what was looked for.
    return args.until === undefined || report.failures.length === 0;
  });
  return simulations.flatMap((simulation) => {
    const total = totals.get(simulation.recipe);
    return total === undefined ? [] : [{ ...total, missing: args.coverage ? missingFrom(simulation, total) : [] }];
  });
}

/** Says what became of them. Returns whether all went well. */
async function tell(totals: readonly Total[]): Promise<boolean> {
  const good = totals.every(({ failures, missing }) => failures.length + missing.length === 0);
  if (args.json) {
    console.log(JSON.stringify(totals));
    return good;
  }
  for (const total of totals) {
    console.log(linesOf(total).join('\n'));
    const [worst] = total.failures;
    if (worst !== undefined) await replay(named(total.recipe), worst.seed, options, args.out);
  }
  return good;
}

async function main(): Promise<boolean> {
  const simulations = args.recipe === 'all' ? recipes : args.recipe.split(',').map(named);
  if (args.seed !== undefined) {
    const results: boolean[] = [];
    for (const simulation of simulations) results.push(await replay(simulation, Number(args.seed), options, args.out));
    return results.every((good) => good);
  }
  const [first, seeds] = [Number(args.first), Number(args.seeds)];
  if (!args.soak) {
    const shares = [...regressions(simulations), ...sharesOf(simulations, first, seeds)];
    return tell(await simulateAll(simulations, shares));
  }
  for (let at = first; ; at += seeds) {
    console.log(`seeds ${at} to ${at + seeds - 1}`);
    if (!(await tell(await simulateAll(simulations, sharesOf(simulations, at, seeds))))) return false;
  }
}

process.exitCode = (await main()) ? 0 : 1;
