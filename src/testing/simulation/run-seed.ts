import { checkInteger, checkWord, invalidOption } from '../../core/checks.js';
import { type FaultName, faultNames } from './faults.js';
import { fifo, type Order, type OrderName, priorityOrder, randomOrder } from './order.js';
import { type PersonalityName, personalities } from './personality.js';
import { drawPlan, type Strike } from './plan.js';
import { Scheduler } from './scheduler.js';
import { SeededRandom } from './seeded-random.js';
import { Trace, type TraceEvent } from './trace.js';
import { Violation } from './violation.js';
import { SimulatedWorld } from './world.js';

/** What happens in a world, from its beginning to its end. */
export type Scenario = (world: SimulatedWorld) => Promise<void>;

/** What can be said about the world of a seed, instead of leaving it to the seed. */
export interface SeedOptions {
  /** Which store is simulated. Default: either, by the seed. */
  readonly store?: PersonalityName | undefined;
  /** In which order things happen that are due at once. Default: any, by the seed. */
  readonly order?: OrderName | undefined;
  /** How long faults strike, in virtual milliseconds. Default 60,000. */
  readonly durationMs?: number | undefined;
  /** Which faults may strike. Default: all. */
  readonly faults?: readonly FaultName[] | undefined;
  /** Exactly these strikes, and no others; to see a failure with less around it. */
  readonly strikes?: readonly Strike[] | undefined;
  /** By how much of its speed a clock may be wrong. Default 0.005; sessions allow for 0.01. */
  readonly drift?: number | undefined;
  /** Whether to keep what happened in words. Default: false; it costs time. */
  readonly record?: boolean | undefined;
}

/** How the world of one seed went. */
export interface SeedOutcome {
  readonly seed: number;
  readonly store: PersonalityName;
  readonly order: OrderName;
  /** What was broken; undefined where all went well. */
  readonly failure: { readonly invariant: string; readonly message: string; readonly error: unknown } | undefined;
  /** What could strike. */
  readonly strikes: readonly Strike[];
  /** What did strike, and found something to strike. */
  readonly struck: ReadonlyMap<FaultName, number>;
  readonly reached: ReadonlyMap<string, number>;
  /** How much virtual time went by, in milliseconds. */
  readonly simulatedMs: number;
  readonly steps: number;
  /** The same for the same course of events. */
  readonly hash: string;
  readonly events: readonly TraceEvent[];
}

/** More than this is no progress. */
const mostSteps = 5_000_000;

function orderOf(name: OrderName, random: SeededRandom): Order {
  if (name === 'fifo') return fifo;
  if (name === 'random') return randomOrder(random);
  return priorityOrder(random, { depth: random.whole(3, 10), steps: 2_000, tickMs: random.pick([1, 5, 20]) });
}

/** Everything that a seed decides before anything happens. */
function draw(seed: number, options: SeedOptions) {
  const random = new SeededRandom(seed);
  const store = options.store ?? (random.fork('store').chance(0.6) ? 'etcd' : 'consul');
  const order =
    options.order ?? random.fork('order').pick(['random', 'random', 'random', 'fifo', 'pct', 'pct'] as const);
  const ttlMs = random.fork('ttl').pick(store === 'etcd' ? [2_000, 3_000, 5_000] : [10_000, 15_000]);
  const latency = random.fork('latency').pick([
    { leastMs: 0.2, mostMs: 1 },
    { leastMs: 1, mostMs: 5 },
    { leastMs: 5, mostMs: 60 },
  ]);
  const lockDelayMs = store === 'etcd' ? 0 : random.fork('lock-delay').pick([0, 0, 1_000, 15_000]);
  const { durationMs = 60_000, drift = 0.005, faults = faultNames } = options;
  const strikes = options.strikes ?? drawPlan(random.fork('plan'), { durationMs, ttlMs, faults });
  return { random, store, order, ttlMs, latency, lockDelayMs, durationMs, drift, strikes };
}

/** @internal Throws `INVALID_OPTION` for what cannot be simulated. */
export function checkSeed({ store, order, durationMs, faults = [], drift }: SeedOptions): void {
  if (store !== undefined) checkWord(store, 'store', Object.keys(personalities));
  if (order !== undefined) checkWord(order, 'order', ['fifo', 'random', 'pct']);
  if (durationMs !== undefined) checkInteger(durationMs, 'durationMs', 0);
  for (const fault of faults) checkWord(fault, 'faults', faultNames);
  if (drift === undefined || (drift >= 0 && drift < 1)) return;
  throw invalidOption('drift', 'drift must be from 0 to below 1.', 'out-of-range');
}

/**
 * Runs a scenario in the world of one seed, to its end or to the first thing that is broken. Never rejects for that, but
 * with `INVALID_OPTION`.
 */
export async function runSeed(scenario: Scenario, seed: number, options: SeedOptions = {}): Promise<SeedOutcome> {
  checkSeed(options);
  const { store, order, lockDelayMs, ...drawn } = draw(seed, options);
  const trace = new Trace(options.record === true);
  const scheduler = new Scheduler(orderOf(order, drawn.random.fork('choices')), {
    before: ({ owner }) => {
      trace.step(scheduler.now(), owner);
      if (trace.count > mostSteps) throw new Violation('L0', `no end after ${mostSteps} steps`);
    },
    after: () => world.check(),
  });
  const world = new SimulatedWorld({ ...drawn, timeline: scheduler, trace, personality: personalities[store] });
  world.service.lockDelayMs = lockDelayMs;
  const failure = await run(scenario, world, scheduler);
  const { struck, reached } = world;
  return {
    ...{ seed, store, order, failure, strikes: drawn.strikes, struck, reached },
    ...{ simulatedMs: scheduler.now(), steps: trace.count, hash: trace.hash, events: trace.events },
  };
}

async function run(scenario: Scenario, world: SimulatedWorld, scheduler: Scheduler): Promise<SeedOutcome['failure']> {
  const unhandled = (error: unknown): void => world.fail(new Violation('S2', `unhandled rejection: ${String(error)}`));
  process.on('unhandledRejection', unhandled);
  try {
    let over = false;
    const whole = (async () => {
      await scenario(world);
      await world.finish();
    })();
    const note = (): void => {
      over = true;
    };
    whole.then(note, note);
    await scheduler.run(() => over);
    if (!over)
      throw new Violation('L0', 'nothing is left to happen, and the scenario has not come to its end: a deadlock');
    await whole;
    world.check();
    return undefined;
  } catch (error) {
    const invariant = error instanceof Violation ? error.invariant : 'error';
    return { invariant, message: error instanceof Error ? error.message : String(error), error };
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}
