import { checkInteger, checkKnown, checkWord } from '../../core/checks.js';
import { isCoordinationError } from '../../errors.js';
import { type PersonalityName, personalities } from './personality.js';
import { runSeed, type SeedOptions, type SeedOutcome } from './run-seed.js';
import type { SimulatedNode } from './simulated-node.js';
import { Violation } from './violation.js';
import type { SimulatedWorld } from './world.js';

/**
 * What is done to an operation at a point of it. `abort`: its signal aborts. All others befall a call that it makes:
 * `refuse`: nothing is sent. `loseRequest`: it never gets there. `loseAnswer`: it is carried out, and nobody is told.
 * `late`: it is carried out after its caller has given up.
 */
export type Harm = 'abort' | 'refuse' | 'loseRequest' | 'loseAnswer' | 'late';

/** Every {@link Harm}. */
export const harms: readonly Harm[] = Object.freeze(['abort', 'refuse', 'loseRequest', 'loseAnswer', 'late'] as const);

/** How an operation ended. */
export type PointOutcome<T> = { readonly value: T } | { readonly error: unknown };

/** Makes the one operation of a trial that something is done to. Never rejects. */
export type Attempt = <T>(
  node: SimulatedNode,
  operation: (signal: AbortSignal) => Promise<T>,
) => Promise<PointOutcome<T>>;

/** What surrounds an operation: what there is before, and what has to be so afterwards. Calls `attempt` once. */
export type Trial = (world: SimulatedWorld, attempt: Attempt) => Promise<void>;

export interface EveryPointOptions {
  /** Which store is simulated. Default: `etcd`. */
  readonly store?: PersonalityName | undefined;
  /** What is done. Default: everything. */
  readonly harms?: readonly Harm[] | undefined;
  /** At most so many points of each kind of harm. Default 2,000. */
  readonly mostPoints?: number | undefined;
}

/** How many points there were, by what was done there. */
export type PointsReport = Readonly<Record<Harm, number>>;

/** Microtasks after an event, at each of which an operation is aborted: about as deep as awaits go between two events. */
const hopsPerStep = 12;

/** Longer than any call of a recipe waits for its answer. */
const lateMs = 6_000;

const changedMind = new Error('The caller has changed its mind.');

/** Where in an operation something is done, and whether it got that far. */
class Probe {
  readonly #harm: Harm;
  readonly #at: number;
  #begun = false;
  #steps = 0;
  #calls = 0;
  #aborter: AbortController | undefined;
  /** Whether the operation got as far as that. */
  hit = false;

  constructor(harm: Harm, at: number) {
    this.#harm = harm;
    this.#at = at;
  }

  readonly attempt: Attempt = async (node, operation) => {
    if (this.#begun) throw new RangeError('A trial attempts one operation, once.');
    this.#begun = true;
    this.#aborter = new AbortController();
    const { signal } = this.#aborter;
    node.client.store.sent = () => this.#called(node);
    if (this.#harm === 'abort') this.step();
    try {
      return { value: await operation(signal) };
    } catch (error) {
      if (error !== signal.reason && !isCoordinationError(error)) throw error;
      return { error };
    } finally {
      this.#aborter = undefined;
      node.client.store.sent = () => {};
    }
  };

  /** After each event. */
  step(): void {
    if (this.#aborter === undefined || this.#harm !== 'abort') return;
    const [step, hops] = [Math.floor(this.#at / hopsPerStep), this.#at % hopsPerStep];
    if (this.#steps++ === step) this.#abortAfter(hops);
  }

  #abortAfter(hops: number): void {
    if (this.#aborter === undefined) return;
    if (hops > 0) return void Promise.resolve().then(() => this.#abortAfter(hops - 1));
    this.hit = true;
    this.#aborter.abort(changedMind);
  }

  #called({ connection }: SimulatedNode): void {
    if (this.#harm === 'abort' || this.#calls++ !== this.#at) return;
    this.hit = true;
    if (this.#harm === 'refuse') connection.refuseNext();
    else if (this.#harm === 'late') connection.holdNext(lateMs);
    else connection.loseNext(this.#harm === 'loseRequest' ? 'request' : 'answer');
  }
}

/**
 * Does something to an operation at each point of it, one after the other: aborts it at each of its awaits, lets each of the
 * calls that it makes fail in each way. After each, nothing may be left of it that should not be: the trial says what has
 * to be so, and keys, leases, timers and watches are looked for in any case.
 *
 * Resolves to how many points there were. Rejects with a {@link Violation} that names the point where something was
 * broken. Throws `INVALID_OPTION`, `UNKNOWN_OPTION`.
 */
export async function everyPoint(trial: Trial, options: EveryPointOptions = {}): Promise<PointsReport> {
  checkKnown(options, ['store', 'harms', 'mostPoints'], 'a search of every point');
  const { store = 'etcd', mostPoints = 2_000 } = options;
  checkInteger(mostPoints, 'mostPoints', 1);
  checkWord(store, 'store', Object.keys(personalities));
  for (const harm of options.harms ?? []) checkWord(harm, 'harms', harms);
  const report: Record<Harm, number> = { abort: 0, refuse: 0, loseRequest: 0, loseAnswer: 0, late: 0 };
  for (const harm of options.harms ?? harms) {
    // A step in which it ends has fewer awaits than there may be: only a whole one without a point is the end.
    for (let at = 0, missed = 0; at < mostPoints && missed < hopsPerStep; at++) {
      const probe = new Probe(harm, at);
      const { failure } = await runPoint(trial, probe, { store, order: 'fifo', faults: [], durationMs: 0, drift: 0 });
      if (failure !== undefined) {
        const point = harm === 'abort' ? `aborted at point ${at}` : `${harm} at call ${at + 1}`;
        throw new Violation(failure.invariant, `${point}: ${failure.message}`);
      }
      missed = probe.hit ? 0 : missed + 1;
      if (probe.hit) report[harm]++;
    }
  }
  return report;
}

function runPoint(trial: Trial, probe: Probe, options: SeedOptions): Promise<SeedOutcome> {
  const scenario = async (world: SimulatedWorld): Promise<void> => {
    world.invariant('point', () => {
      probe.step();
      return undefined;
    });
    await trial(world, probe.attempt);
  };
  return runSeed(scenario, 0, options);
}
