/**
 * Simulates the recipes under faults, on many seeds.
 *
 *   npm run sim -- --recipe all --seeds 1000
 *   npm run sim -- --recipe mutex --seed 443            one seed, with a timeline of what happened
 *   npm run sim -- --recipe mutex --first 5000 --store consul --order pct --json
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { explain, faultNames, type OrderName, type PersonalityName, runSeed, type SeedOptions } from 'coterie/testing';
import { runShares } from './pool.js';
import type { RecipeSimulation } from './recipe.js';
import { recipes } from './recipes.js';
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
    json: { type: 'boolean', default: false },
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

function chosen(): readonly RecipeSimulation[] {
  if (args.recipe === 'all') return recipes;
  return args.recipe.split(',').map((name) => {
    const found = recipes.find(({ recipe }) => recipe === name);
    if (found === undefined) throw new Error(`There is no simulation of "${name}".`);
    return found;
  });
}

/** What all shares of a recipe came to. */
interface Total extends ShareReport {
  readonly missing: readonly string[];
}

function sum(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const all = { ...a };
  for (const [name, count] of Object.entries(b)) all[name] = (all[name] ?? 0) + count;
  return all;
}

/** What should have happened, and did not in any run. */
function missing({ spared = {}, sometimes }: RecipeSimulation, { struck, reached }: ShareReport): string[] {
  const idle = faultNames.filter((name) => !(name in spared) && struck[name] === undefined);
  return [...idle.map((name) => `fault ${name}`), ...sometimes.filter((what) => reached[what] === undefined)];
}

function add(a: ShareReport | undefined, b: ShareReport): ShareReport {
  if (a === undefined) return b;
  return {
    recipe: b.recipe,
    seeds: a.seeds + b.seeds,
    simulatedMs: a.simulatedMs + b.simulatedMs,
    steps: a.steps + b.steps,
    struck: sum(a.struck, b.struck),
    reached: sum(a.reached, b.reached),
    failures: [...a.failures, ...b.failures],
    seconds: a.seconds + b.seconds,
  };
}

async function simulateAll(simulations: readonly RecipeSimulation[]): Promise<Total[]> {
  const [first, seeds] = [Number(args.first), Number(args.seeds)];
  const shares: Share[] = [];
  for (let at = 0; at < seeds; at += shareSize) {
    for (const { recipe } of simulations) {
      shares.push({ recipe, first: first + at, count: Math.min(shareSize, seeds - at), options, until: args.until });
    }
  }
  const totals = new Map<string, ShareReport>();
  await runShares(shares, Number(args.jobs), (report) => {
    totals.set(report.recipe, add(totals.get(report.recipe), report));
    // Found what was looked for.
    return args.until === undefined || report.failures.length === 0;
  });
  return simulations.flatMap((simulation) => {
    const total = totals.get(simulation.recipe);
    return total === undefined ? [] : [{ ...total, missing: args.coverage ? missing(simulation, total) : [] }];
  });
}

function show(totals: readonly Total[]): void {
  for (const { recipe, seeds, seconds, simulatedMs, failures, missing: absent } of totals) {
    const rate = (seeds / seconds).toFixed(1);
    const hours = (simulatedMs / 3_600_000).toFixed(1);
    console.log(`${recipe}: ${seeds} seeds, ${hours} simulated hours, ${rate} seeds a second a core`);
    for (const what of absent) console.log(`  never happened: ${what}`);
    for (const { seed, store, message } of failures.slice(0, 5)) console.log(`  seed ${seed} on ${store}: ${message}`);
    const [worst] = failures;
    if (worst !== undefined) console.log(`  to see it: npm run sim -- --recipe ${recipe} --seed ${worst.seed}`);
  }
}

/** One seed, with everything that can be said of it. */
async function showSeed(simulation: RecipeSimulation, seed: number): Promise<boolean> {
  const all = { ...simulation.options, ...options };
  const outcome = await runSeed(simulation.scenario, seed, { ...all, record: true });
  console.log(
    `${simulation.recipe}, seed ${seed}, on ${outcome.store}, order ${outcome.order}, course ${outcome.hash}`,
  );
  if (outcome.failure === undefined) {
    console.log('nothing was broken');
    return true;
  }
  const failure = await explain(simulation.scenario, outcome, all);
  const lines = failure.events.map(({ atMs, owner, kind, text }) => `${atMs.toFixed(3)} ${owner} ${kind} ${text}`);
  console.log(lines.slice(-200).join('\n'));
  console.log(failure.message);
  console.log(failure.cause);
  return false;
}

async function main(): Promise<boolean> {
  const simulations = chosen();
  if (args.seed !== undefined) {
    const results: boolean[] = [];
    for (const simulation of simulations) results.push(await showSeed(simulation, Number(args.seed)));
    return results.every((good) => good);
  }
  const totals = await simulateAll(simulations);
  if (args.json) console.log(JSON.stringify(totals));
  else show(totals);
  return totals.every(({ failures, missing: absent }) => failures.length + absent.length === 0);
}

process.exitCode = (await main()) ? 0 : 1;
