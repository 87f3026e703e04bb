import type { Store } from '../../../src/core/store.js';
import { shrink } from '../shrink.js';
import { generate, type Step } from './generate.js';
import { type Abilities, Side } from './side.js';

/** Opens a store that is closed again by whoever asked for it. Two of them share what they write, or nothing at all. */
export type OpenStore = () => Store | Promise<Store>;

export interface StoreFinding {
  readonly seed: number;
  readonly sentence: string;
  readonly steps: readonly Step[];
}

export interface StoreVerdict {
  readonly ops: number;
  readonly programs: number;
  /** How often each outcome occurred. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly finding?: StoreFinding;
}

export interface StoreDifferOptions {
  readonly stores: readonly [OpenStore, OpenStore];
  readonly seed: number;
  readonly ops: number;
  readonly progress?: (played: number) => void;
  /** How long to look for a shorter program that shows the same difference. Default: a minute. */
  readonly shrinkMs?: number;
  /** How long a watch may take to show what there is. Default: 5 seconds. */
  readonly patienceMs?: number;
}

/** Plays random programs on two stores at once until so many operations were the same, or one was not. */
export async function differStores(options: StoreDifferOptions): Promise<StoreVerdict> {
  const { stores, seed, ops, progress, shrinkMs = 60_000, patienceMs = 5_000 } = options;
  const stage = { stores, patienceMs };
  const outcomes = new Map<string, number>();
  let [played, next] = [0, seed];
  while (played < ops) {
    const mine = next++;
    const steps = generate(mine);
    const sentence = await playOnStores(stage, steps, outcomes);
    if (sentence !== undefined) {
      const deadline = performance.now() + shrinkMs;
      const short = await shrink(steps, async (less) => {
        return performance.now() < deadline && (await playOnStores(stage, less)) !== undefined;
      });
      const finding = { seed: mine, sentence: (await playOnStores(stage, short)) ?? sentence, steps: short };
      return { ops: played, programs: next - seed, outcomes, finding };
    }
    played += steps.length;
    progress?.(played);
  }
  return { ops: played, programs: next - seed, outcomes };
}

/** What occurs in a run that is long enough to say anything. */
export const requiredOutcomes = [
  ...['commit done', 'commit refused', 'commit LEASE_NOT_FOUND', 'commit DUPLICATE_KEY', 'read done', 'grant done'],
  ...['renew done', 'renew LEASE_NOT_FOUND', 'revoke done', 'watch done', 'settle done'],
];

async function playOnStores(
  { stores, patienceMs }: Pick<Required<StoreDifferOptions>, 'stores' | 'patienceMs'>,
  steps: readonly Step[],
  outcomes = new Map<string, number>(),
): Promise<string | undefined> {
  const opened = await Promise.all(stores.map((open) => open()));
  const abilities = { ...commonAbilities(opened), patienceMs };
  // What a program that failed has left behind must not be in the way of the next one.
  const prefix = `/random/${process.hrtime.bigint()}/`;
  const sides = opened.map((store) => new Side(store, prefix, abilities));
  const each = <T>(run: (side: Side) => Promise<T>): Promise<T[]> => Promise.all(sides.map(run));
  try {
    await each((side) => side.begin());
    for (const [n, step] of steps.entries()) {
      const answers = await each((side) => side.play(step, n));
      const outcome = `${step.kind} ${outcomeOf(answers[0])}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const found = differenceIn(answers, n, 'said') ?? differenceIn(await each((side) => side.look(n)), n, 'left');
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    await each((side) => side.end());
  }
}

function differenceIn([a, b]: readonly unknown[], n: number, what: string): string | undefined {
  const [first, second] = [a, b].map((value) =>
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)),
  );
  return first === second ? undefined : `step ${n} ${what} ${first} on one store and ${second} on the other`;
}

function outcomeOf(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'ok' in answer) return answer.ok ? 'done' : 'refused';
  return typeof answer === 'string' && /^[A-Z_]+$/.test(answer) ? answer : 'done';
}

function commonAbilities(stores: readonly Store[]): Omit<Abilities, 'patienceMs'> {
  const all = (has: (traits: Store['traits']) => boolean): boolean => stores.every(({ traits }) => has(traits));
  return {
    rangeGuards: all(({ rangeGuards }) => rangeGuards),
    pastReads: all(({ pastReads }) => pastReads),
    countedRevisions: all(({ name }) => name !== 'consul'),
  };
}
