/** One of the things that are compared. */
export interface Side {
  readonly name: string;
  /** Measures for a short while and gives the samples. */
  round(): Promise<readonly number[]>;
}

export interface Interleaving {
  readonly forMs: number;
  /** Rounds that are made even when time is over. Default 4, so that each side has been first twice. */
  readonly minRounds?: number;
  /** Milliseconds, as `performance.now()`. */
  readonly now?: () => number;
}

/**
 * Measures several things in turn, round after round, each round in the opposite order of the last, so that what else
 * goes on on the machine meets all of them alike. Gives the samples of each side, by round.
 */
export async function interleave(sides: readonly Side[], options: Interleaving): Promise<Map<string, number[][]>> {
  const { forMs, minRounds = 4, now = () => performance.now() } = options;
  const samples = new Map<string, number[][]>(sides.map(({ name }) => [name, []]));
  const until = now() + forMs;
  for (let n = 0; n < minRounds || now() < until; n++) {
    for (const side of n % 2 === 0 ? sides : [...sides].reverse()) {
      samples.get(side.name)?.push([...(await side.round())]);
    }
  }
  return samples;
}

/** The samples of one side, all rounds together. */
export function samplesOf(samples: ReadonlyMap<string, number[][]>, name: string): number[] {
  return (samples.get(name) ?? []).flat();
}

/** Runs something `count` times, one after the other, and gives how long each took, in milliseconds. */
export async function timeEach(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await run();
    tookMs.push(performance.now() - began);
  }
  return tookMs;
}

/** Runs something in `lanes` loops at once for a while. Gives how often it was done, and how long that took. */
export async function timeLanes(
  lanes: number,
  forMs: number,
  run: (lane: number) => Promise<unknown>,
): Promise<{ readonly count: number; readonly tookMs: number }> {
  const began = performance.now();
  let count = 0;
  const loop = async (lane: number): Promise<void> => {
    while (performance.now() - began < forMs) {
      await run(lane);
      count++;
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => loop(lane)));
  return { count, tookMs: performance.now() - began };
}
