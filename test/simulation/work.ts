/** What one process of a simulation does: some seeds of some recipes, told of line by line. */
import { runSeed, type SeedOptions, type SeedOutcome } from 'coterie/testing';
import type { RecipeSimulation } from './recipe.js';

/** Some seeds of one recipe. */
export interface Share {
  readonly recipe: string;
  readonly first: number;
  readonly count: number;
  readonly options: SeedOptions;
  /** Go on until this invariant is broken; failures of others are passed over. Without it, every failure counts. */
  readonly until?: string | undefined;
}

/** A seed on which something was broken. */
export interface Failure {
  readonly recipe: string;
  readonly seed: number;
  readonly store: string;
  readonly invariant: string;
  readonly message: string;
}

/** What became of a share. */
export interface ShareReport {
  readonly recipe: string;
  readonly seeds: number;
  readonly simulatedMs: number;
  readonly steps: number;
  readonly struck: Readonly<Record<string, number>>;
  readonly reached: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

/** One seed in so many is run twice, and has to take the same course. */
const twiceEvery = 100;
const mostFailures = 20;

function add(into: Record<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [name, count] of from) into[name] = (into[name] ?? 0) + count;
}

async function sameAgain({ scenario }: RecipeSimulation, outcome: SeedOutcome, options: SeedOptions): Promise<boolean> {
  return (await runSeed(scenario, outcome.seed, options)).hash === outcome.hash;
}

/** Runs a share, to its end or to too many failures. */
export async function work(simulation: RecipeSimulation, share: Share): Promise<ShareReport> {
  const { recipe, first, count, until } = share;
  const options = { ...simulation.options, ...share.options };
  const began = performance.now();
  const [struck, reached, failures]: [Record<string, number>, Record<string, number>, Failure[]] = [{}, {}, []];
  let [seeds, simulatedMs, steps] = [0, 0, 0];
  const failed = ({ seed, store }: SeedOutcome, invariant: string, message: string): void => {
    failures.push({ recipe, seed, store, invariant, message });
  };
  for (let seed = first; seed < first + count && failures.length < mostFailures; seed++) {
    const outcome = await runSeed(simulation.scenario, seed, options);
    seeds++;
    simulatedMs += outcome.simulatedMs;
    steps += outcome.steps;
    add(struck, outcome.struck);
    add(reached, outcome.reached);
    const { failure } = outcome;
    if (until !== undefined) {
      if (failure?.invariant !== until) continue;
      failed(outcome, failure.invariant, failure.message);
      break;
    }
    if (failure !== undefined) failed(outcome, failure.invariant, failure.message);
    else if (seed % twiceEvery === 0 && !(await sameAgain(simulation, outcome, options))) {
      failed(outcome, 'determinism', 'took another course the second time');
    }
  }
  const seconds = (performance.now() - began) / 1000;
  return { recipe, seeds, simulatedMs, steps, struck, reached, failures, seconds };
}
