/** What a series of measurements comes to. */
export interface Summary {
  readonly samples: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly mean: number;
}

/**
 * The value that a share `q` (0 to 1) of the samples does not exceed, between two neighbours in proportion. NaN where
 * there are no samples, so that a bench that has measured nothing misses its gate.
 */
export function quantile(samples: readonly number[], q: number): number {
  return quantileOf(inOrder(samples), q);
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = inOrder(samples);
  return {
    samples: sorted.length,
    p50: quantileOf(sorted, 0.5),
    p90: quantileOf(sorted, 0.9),
    p99: quantileOf(sorted, 0.99),
    mean: sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length,
  };
}

function inOrder(samples: readonly number[]): readonly number[] {
  return [...samples].sort((a, b) => a - b);
}

function quantileOf(sorted: readonly number[], q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`A quantile lies between 0 and 1, not at ${q}.`);
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
