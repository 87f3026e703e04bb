import { checkInteger, checkKnown } from '../../core/checks.js';
import { type FaultName, faultNames } from './faults.js';
import type { Strike } from './plan.js';
import { checkSeed, runSeed, type Scenario, type SeedOptions, type SeedOutcome } from './run-seed.js';
import { shrinkStrikes } from './shrink.js';
import type { TraceEvent } from './trace.js';

/** How many worlds to simulate, and what is said about them. */
export interface SimulateOptions extends Omit<SeedOptions, 'record' | 'strikes'> {
  /** How many seeds to run. Default 100. */
  readonly seeds?: number | undefined;
  /** The first of them. Default 0. */
  readonly firstSeed?: number | undefined;
  /** Only this seed: to see a failure again. */
  readonly seed?: number | undefined;
}

/** What became of all seeds of a simulation. */
export interface SimulationReport {
  readonly seeds: number;
  /** How much virtual time went by, in milliseconds. */
  readonly simulatedMs: number;
  readonly steps: number;
  /** How often each fault struck and found something to strike. */
  readonly struck: Readonly<Record<FaultName, number>>;
  /** What was told by `world.sometimes`, and how often. */
  readonly reached: Readonly<Record<string, number>>;
}

/** One seed in so many is run twice, and has to take the same course. */
const twiceEvery = 100;

const optionNames = ['seeds', 'firstSeed', 'seed', 'store', 'order', 'durationMs', 'faults', 'drift'] as const;

/** A seed on which something was broken, with the fewest faults that it takes. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly seed: number;
  /** The name of what was broken; see {@link Violation}. `error` where the scenario threw something else. */
  readonly invariant: string;
  /** The faults that are enough to break it. */
  readonly strikes: readonly Strike[];
  /** What happened, in order, with those faults only; see {@link timelineOf}. */
  readonly events: readonly TraceEvent[];

  /** @internal */
  constructor(outcome: SeedOutcome, message: string, cause: unknown) {
    super(message, { cause });
    this.seed = outcome.seed;
    this.invariant = outcome.failure?.invariant ?? 'determinism';
    this.strikes = outcome.strikes;
    this.events = outcome.events;
  }
}

/**
 * Runs a scenario in the worlds of many seeds. A seed decides everything: when each message arrives, what fails, who stands
 * still, how wrong clocks are; so a seed that fails will fail again, until the code changes. One in a hundred is run twice,
 * to see that this is so.
 *
 * Rejects with a {@link SimulationError} at the first seed that breaks anything: its faults are cut down to those that it
 * takes. Throws `INVALID_OPTION`, `UNKNOWN_OPTION`.
 *
 * @example
 * await simulate(async (world) => {
 *   world.run(3, async (node) => {
 *     const mutex = new Mutex(node.client, '/locks/report');
 *     while (node.running) await mutex.run((hold) => writeReport(hold));
 *   });
 *   await world.chaos();
 * }, { seeds: 1_000 });
 */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<SimulationReport> {
  checkOptions(options);
  const { seeds = 100, firstSeed = 0, seed, ...rest } = options;
  const [first, count] = seed === undefined ? [firstSeed, seeds] : [seed, 1];
  const struck = Object.fromEntries(faultNames.map((name) => [name, 0])) as Record<FaultName, number>;
  const reached: Record<string, number> = {};
  let [simulatedMs, steps] = [0, 0];
  for (let at = first; at < first + count; at++) {
    const outcome = await runSeed(scenario, at, rest);
    if (outcome.failure !== undefined) throw await explain(scenario, outcome, rest);
    if (at % twiceEvery === 0) await checkSame(scenario, outcome, rest);
    for (const [name, times] of outcome.struck) struck[name] += times;
    for (const [what, times] of outcome.reached) reached[what] = (reached[what] ?? 0) + times;
    simulatedMs += outcome.simulatedMs;
    steps += outcome.steps;
  }
  return { seeds: count, simulatedMs, steps, struck, reached };
}

/** Cuts a failure down to the faults that it takes, and says what happened. */
export async function explain(
  scenario: Scenario,
  { seed, failure, strikes }: SeedOutcome,
  options: SeedOptions = {},
): Promise<SimulationError> {
  const invariant = failure?.invariant;
  const fails = async (fewer: readonly Strike[]): Promise<boolean> =>
    (await runSeed(scenario, seed, { ...options, strikes: fewer })).failure?.invariant === invariant;
  const fewest = await shrinkStrikes(strikes, fails);
  const outcome = await runSeed(scenario, seed, { ...options, strikes: fewest, record: true });
  const list = fewest.map(({ atMs, fault, forMs }) => `${Math.round(atMs)} ms ${fault} (${forMs} ms)`).join(', ');
  const [shown, why] =
    outcome.failure === undefined ? [{ ...outcome, failure, strikes }, failure] : [outcome, outcome.failure];
  const message = `Seed ${seed} on ${outcome.store}: ${why?.message}. Faults that it takes: ${list || 'none'}. To see it again: { seed: ${seed} }.`;
  return new SimulationError(shown, message, why?.error);
}

async function checkSame(scenario: Scenario, { seed, hash }: SeedOutcome, options: SeedOptions): Promise<void> {
  const again = await runSeed(scenario, seed, options);
  if (again.hash === hash) return;
  const message = `Seed ${seed} took another course the second time: something in the scenario does not depend on the world alone.`;
  throw new SimulationError(again, message, undefined);
}

function checkOptions(options: SimulateOptions): void {
  checkKnown(options, optionNames, 'a simulation');
  for (const name of ['seeds', 'firstSeed', 'seed'] as const) {
    const value = options[name];
    if (value !== undefined) checkInteger(value, name, 0);
  }
  checkSeed(options);
}
