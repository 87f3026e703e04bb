import { checkFunction, checkInteger, checkKnown, checkTimeout, invalidOption } from '../../core/checks.js';
import { type Clock, systemClock } from '../../core/clock.js';
import { line, type Model, partitionsOf } from './model.js';
import { checkHistory, type Operation } from './operation.js';
import { isTooWide } from './overlap.js';
import { type Evidence, Part } from './part.js';
import { show, text } from './values.js';

export interface LinearizableOptions {
  /** How long to search, by the clock. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * How many configurations to remember at once, over all partitions, of 32 bytes each; where hundreds of operations are of
   * unknown outcome, one counts as several. Default 4,000,000, which comes to some 200 MB.
   */
  readonly maxStates?: number;
  /** What the time is read from. Default: the machine's clock. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** What a check came to. `describe()` says it in words. Only `linearizable` is a pass: `unknown` is none. */
export type Linearizability<S, I, O> =
  | { readonly verdict: 'linearizable'; readonly partitions: number; describe(): string }
  | (Evidence<S, I, O> & { readonly verdict: 'illegal'; readonly partition: string; describe(): string })
  | {
      readonly verdict: 'unknown';
      /** What ran out first. */
      readonly reason: 'time' | 'states';
      /** The partitions of which nothing is known; all others are linearizable. */
      readonly partitions: readonly string[];
      describe(): string;
    };

/** Tries in the first turn of a partition; each round doubles them. */
const firstTurn = 4_096;
/** Tries between two looks at the clock. */
const betweenLooks = 4_096;
/** Operations before the one that is stuck which people are shown. */
const shown = 8;

/** What the search may cost, and what it holds now. */
class Budget {
  readonly #untilMs: number;
  readonly #maxStates: number;
  readonly #clock: Pick<Clock, 'now'>;
  #held = 0;

  constructor({ timeoutMs = 10_000, maxStates = 4_000_000, clock = systemClock }: LinearizableOptions) {
    this.#untilMs = clock.now() + timeoutMs;
    this.#maxStates = maxStates;
    this.#clock = clock;
  }

  get timeIsUp(): boolean {
    return this.#clock.now() >= this.#untilMs;
  }

  /** Lets a part go on for so many tries. What it comes to an end with, or runs out of, makes it forget all. */
  spend(part: AnyPart, tries: number): 'linearizable' | 'illegal' | 'more' | 'time' | 'states' {
    const others = this.#held - part.size;
    for (let left = tries; left > 0; left -= betweenLooks) {
      const came = part.advance(Math.min(left, betweenLooks));
      const over = this.timeIsUp ? 'time' : 'states';
      if (came === 'more' && over === 'states' && others + part.size <= this.#maxStates) continue;
      if (came !== 'illegal') part.forget();
      this.#held = others;
      return came === 'more' ? over : came;
    }
    this.#held = others + part.size;
    return 'more';
  }
}

// Neither states nor inputs matter to what goes on here.
type AnyPart = Pick<Part<unknown, unknown, unknown>, 'name' | 'weight' | 'size' | 'advance' | 'forget'>;

interface Found<P> {
  readonly illegal?: P;
  readonly undecided: readonly P[];
  readonly reason: 'time' | 'states';
}

/** The parts to search, and the names of those in which so much is under way at once that there is no use in trying. */
function partsOf<S, I, O>(history: readonly Operation<I, O>[], model: Model<S, I, O>) {
  const parts: Part<S, I, O>[] = [];
  const wide: string[] = [];
  for (const [name, operations] of partitionsOf(history, model)) {
    if (isTooWide(operations)) wide.push(name);
    else parts.push(new Part(name, operations, model));
  }
  return { parts, wide };
}

/** Gives each part its turn, the cheapest first, and longer turns in each round: an illegal one shows soon, wherever it is. */
function searchAll<P extends AnyPart>(parts: readonly P[], budget: Budget): Found<P> {
  const undecided: P[] = [];
  let reason: 'time' | 'states' | undefined;
  let waiting = [...parts].sort((a, b) => a.weight - b.weight);
  for (let turn = firstTurn; waiting.length > 0; turn *= 2) {
    const next: P[] = [];
    for (const part of waiting) {
      const came = budget.timeIsUp ? 'time' : budget.spend(part, turn);
      if (came === 'illegal') return { illegal: part, undecided, reason: 'time' };
      if (came === 'more') next.push(part);
      if (came !== 'time' && came !== 'states') continue;
      reason ??= came;
      undecided.push(part);
    }
    waiting = next;
  }
  return { undecided, reason: reason ?? 'time' };
}

function where(partition: string): string {
  return partition === '' ? '' : ` of ${show(partition)}`;
}

/** Where an illegal history comes to its end, for people. */
function describeEvidence(name: string, partition: string, evidence: Evidence<unknown, unknown, unknown>): string {
  const { settled, order, state, stuck, around } = evidence;
  const left = order.length - shown;
  const before = settled + Math.max(0, left);
  return [
    `The history${where(partition)} is not linearizable as ${name}.`,
    ...(before > 0 ? [`After ${before} operations that fit:`] : []),
    ...order.slice(Math.max(0, left)).map((operation) => `    ${line(operation)}`),
    `  it is in a state such as ${text(state)}. What has to be next does not fit:`,
    `  > ${line(stuck)}`,
    ...(around.length > 0 ? ['  and putting before it any of these, which overlap it, does not help:'] : []),
    ...around.slice(0, shown).map((operation) => `    ${line(operation)}`),
    ...(around.length > shown ? [`    and ${around.length - shown} more`] : []),
  ].join('\n');
}

/** Refuses what is no model, with `INVALID_OPTION`. */
export function checkModel(model: unknown): void {
  if (typeof model !== 'object' || model === null)
    throw invalidOption('model', 'A model must be given.', 'not-a-model');
  const { step, isRead, partition, key } = model as { [name: string]: unknown };
  checkFunction(step, 'model.step');
  for (const [name, given] of Object.entries({ isRead, partition, key })) {
    if (given !== undefined) checkFunction(given, `model.${name}`);
  }
}

/**
 * Tells whether a history could have come from an object that does one operation after the other, as its model says, each
 * at one moment between call and return. What is of unknown outcome may have taken effect at any moment after its call, or
 * never; what failed had none. The answer is exact, but for `unknown`: the budget was not enough, which no test may take
 * for a pass.
 *
 * The work grows with the length of the history, and exponentially with the number of operations under way at once on one
 * object: up to ten processes are fine; see docs/checkers.md for figures. Split histories by object with
 * {@link Model.partition}. Where the store tells revisions, `checkWitness` takes histories of any length and width.
 *
 * Throws `INVALID_OPTION`, `UNKNOWN_OPTION` and `INVALID_TIMEOUT` for input it cannot take, and `INVALID_VALUE` for inputs
 * and states that cannot be compared.
 */
export function checkLinearizable<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  options: LinearizableOptions = {},
): Linearizability<S, I, O> {
  checkHistory(history);
  checkModel(model);
  checkKnown(options, ['timeoutMs', 'maxStates', 'clock'], 'checkLinearizable');
  checkTimeout(options.timeoutMs);
  if (options.maxStates !== undefined) checkInteger(options.maxStates, 'maxStates', 1);
  if (options.clock !== undefined) checkFunction(options.clock.now, 'clock.now');
  const budget = new Budget(options);
  const { parts, wide } = partsOf(history, model);
  const { illegal, undecided, reason } = searchAll(parts, budget);
  if (illegal !== undefined) {
    const evidence = illegal.evidence();
    const describe = (): string => describeEvidence(model.name, illegal.name, evidence);
    return { verdict: 'illegal', partition: illegal.name, ...evidence, describe };
  }
  const count = parts.length + wide.length;
  const partitions = [...undecided.map(({ name }) => name), ...wide];
  if (partitions.length === 0) {
    const describe = (): string => `The history is linearizable as ${model.name} (partitions: ${count}).`;
    return { verdict: 'linearizable', partitions: count, describe };
  }
  const first = undecided.length > 0 ? reason : 'states';
  return { verdict: 'unknown', reason: first, partitions, describe: () => describeUnknown(first, partitions, count) };
}

function describeUnknown(reason: 'time' | 'states', undecided: readonly string[], all: number): string {
  const names = undecided.slice(0, shown).map((name) => show(name));
  const ran = reason === 'time' ? 'timeoutMs ran out' : 'there were more configurations than maxStates';
  return `Not known: ${ran} on ${undecided.length} of ${all} partitions (${names.join(', ')}). This is no pass.`;
}
