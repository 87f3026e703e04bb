import { checkInteger, checkKnown, checkWord } from '../../core/checks.js';
import { type PersonalityName, personalities } from './personality.js';
import { type Attempt, type Harm, harms, nameOf, type Point, Probe } from './probe.js';
import { runSeed } from './run-seed.js';
import { Violation } from './violation.js';
import type { SimulatedWorld } from './world.js';

export { type Attempt, type Harm, harms, type Limits, type Point, type PointOutcome } from './probe.js';

/** What surrounds an operation: what there is before, and what has to be so afterwards. Calls `attempt` once. */
export type Trial = (world: SimulatedWorld, attempt: Attempt) => Promise<void>;

export interface EveryPointOptions {
  /** Which store is simulated. Default: `etcd`. */
  readonly store?: PersonalityName | undefined;
  /** What is done. Default: everything. */
  readonly harms?: readonly Harm[] | undefined;
  /** Whether, after each of the points, each call that is still made fails too, in each way. Default false. */
  readonly pairs?: boolean | undefined;
  /** At most so many points of each kind of harm. Default 2,000. */
  readonly mostPoints?: number | undefined;
  /** Just these, one after the other in one run, as a violation names them. Then nothing is searched for. */
  readonly only?: readonly Point[] | undefined;
}

/** What a search came to. */
export interface PointsReport {
  /** How many points there were, by what was done there. */
  readonly points: Readonly<Record<Harm, number>>;
  /** How many pairs of points there were. */
  readonly pairs: number;
  /** How often the operation ended how: `value`, `aborted`, or the code of its error. */
  readonly ended: Readonly<Record<string, number>>;
}

const secondHarms = ['refuse', 'loseRequest', 'loseAnswer', 'late'] as const;

/** One search, of one trial on one store. */
class Search {
  readonly points: Record<Harm, number> = { abort: 0, refuse: 0, loseRequest: 0, loseAnswer: 0, late: 0, break: 0 };
  readonly ended: Record<string, number> = {};
  pairs = 0;
  readonly #trial: Trial;
  readonly #store: PersonalityName;
  readonly #mostPoints: number;

  constructor(trial: Trial, store: PersonalityName, mostPoints: number) {
    this.#trial = trial;
    this.#store = store;
    this.#mostPoints = mostPoints;
  }

  /** Each point at which this harm can be done. */
  async harm(harm: Harm, inPairs: boolean): Promise<void> {
    for (let at = 0; at < this.#mostPoints && (await this.run([{ harm, at }])); at++) {
      this.points[harm]++;
      for (const second of inPairs ? secondHarms : []) await this.#second({ harm, at }, second);
    }
  }

  /** Runs the trial once. Resolves to whether it got to all of the points. */
  async run(points: readonly Point[]): Promise<boolean> {
    let probe: Probe | undefined;
    const scenario = async (world: SimulatedWorld): Promise<void> => {
      const made = new Probe(world, points);
      probe = made;
      world.invariant('point', () => void made.step());
      await this.#trial(world, made.attempt);
      if (made.ended === undefined) throw new RangeError('The trial has attempted nothing.');
    };
    const world = { store: this.#store, order: 'fifo', faults: [], durationMs: 0, drift: 0 } as const;
    const { failure } = await runSeed(scenario, 0, world);
    if (failure !== undefined) throw this.#violation(points, failure);
    const ended = probe?.ended ?? 'value';
    this.ended[ended] = (this.ended[ended] ?? 0) + 1;
    return probe?.hits === points.length;
  }

  async #second(first: Point, harm: Harm): Promise<void> {
    for (let at = 0; at < this.#mostPoints && (await this.run([first, { harm, at }])); at++) this.pairs++;
  }

  #violation(
    points: readonly Point[],
    failure: { readonly invariant: string; readonly message: string; readonly error: unknown },
  ) {
    const violation = new Violation(failure.invariant, `${points.map(nameOf).join(',')}: ${failure.message}`);
    violation.cause = failure.error;
    return violation;
  }
}

function check({ store, harms: chosen = [], mostPoints, only = [] }: EveryPointOptions): void {
  if (mostPoints !== undefined) checkInteger(mostPoints, 'mostPoints', 1);
  if (store !== undefined) checkWord(store, 'store', Object.keys(personalities));
  for (const harm of chosen) checkWord(harm, 'harms', harms);
  for (const { harm, at } of only) {
    checkWord(harm, 'harm', harms);
    checkInteger(at, 'at', 0);
  }
}

/**
 * Does something to an operation at each point of it, one after the other: aborts it at each of its awaits, and between any
 * two events; lets each call that it makes fail in each way; breaks the connection under each message of its watches. What
 * it does in the background within a second of its end is harmed too. After each, nothing may be left of it that should
 * not be: the trial says what has to be so, while keys, leases, timers, watches, listeners on the signal, unhandled
 * rejections and an operation that does not end are looked for in any case.
 *
 * Resolves to how many points there were. Rejects with a {@link Violation} that names the point where something was broken:
 * `S1`, `S2`, `L0` as {@link simulate}; `P1` where an aborted operation ended with another error than the signal's reason;
 * `error` for what the trial threw. Throws `INVALID_OPTION`, `UNKNOWN_OPTION`.
 */
export async function everyPoint(trial: Trial, options: EveryPointOptions = {}): Promise<PointsReport> {
  checkKnown(options, ['store', 'harms', 'pairs', 'mostPoints', 'only'], 'a search of every point');
  check(options);
  const { store = 'etcd', mostPoints = 2_000, pairs = false, only } = options;
  const search = new Search(trial, store, mostPoints);
  if (only !== undefined) await search.run(only);
  else for (const harm of options.harms ?? harms) await search.harm(harm, pairs);
  return { points: search.points, pairs: search.pairs, ended: search.ended };
}
