import { shrink } from '../shrink.js';
import type { Coverage } from './coverage.js';
import { generate } from './generate.js';
import { type Difference, type Pair, play } from './play.js';
import type { Step } from './step.js';

export interface DifferOptions {
  /** Pairs of servers; as many programs are played at once. */
  readonly pairs: readonly Pair[];
  /** The seed of the first program; each later one has the next. */
  readonly seed: number;
  /** Programs are begun until so many steps were played. */
  readonly ops: number;
  readonly coverage?: Coverage;
  readonly progress?: (played: number) => void;
  /** How long to look for a shorter program that shows the same difference. Default: a minute. */
  readonly shrinkMs?: number;
}

export interface Finding extends Difference {
  /** The seed of the one program that shows it. */
  readonly seed: number;
  /** What is left of the program when all is taken away that does not matter. */
  readonly steps: readonly Step[];
}

export interface Verdict {
  readonly programs: number;
  readonly ops: number;
  readonly finding?: Finding;
}

/** Plays random programs on pairs of servers until so many steps were the same, or one was not. */
export async function differ(options: DifferOptions): Promise<Verdict> {
  const { pairs, seed, ops, coverage, progress, shrinkMs = 60_000 } = options;
  let next = seed;
  let played = 0;
  let begun = 0;
  let finding: Finding | undefined;
  const lane = async (pair: Pair): Promise<void> => {
    while (begun < ops && finding === undefined) {
      const mine = next++;
      const steps = generate(mine);
      begun += steps.length;
      const found = await play(pair, steps, coverage);
      played += steps.length;
      progress?.(played);
      if (found !== undefined) finding ??= await explain(pair, { seed: mine, steps, found, shrinkMs });
    }
  };
  await Promise.all(pairs.map(lane));
  return { programs: next - seed, ops: played, ...(finding !== undefined && { finding }) };
}

interface Case {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly found: Difference;
  readonly shrinkMs: number;
}

/** Plays again and again what led to a difference, with less and less of it. */
async function explain(pair: Pair, { seed, steps, found, shrinkMs }: Case): Promise<Finding> {
  const deadline = performance.now() + shrinkMs;
  // Whatever was only noticed when the watches were compared is noticed at the end of each shorter program too.
  const ending = [...steps.slice(0, found.at + 1), { kind: 'sync' } as const];
  const short = await shrink(ending, async (less) => {
    return performance.now() < deadline && (await play(pair, less)) !== undefined;
  });
  const last = short === ending ? undefined : await play(pair, short);
  // What cannot be shown twice is told as it was the first time.
  return last === undefined ? { ...found, seed, steps: ending } : { ...last, seed, steps: short };
}
