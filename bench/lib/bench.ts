import type { Figure } from './figures.js';

/** What a bench can need a server of. */
export type StoreKind = 'etcd' | 'consul';

/** What a bench is given. */
export interface BenchContext {
  /** Of the servers that the bench needs. Empty for a bench that needs none. */
  readonly endpoints: readonly string[];
  /** How long to measure, about. A bench takes longer by its warm-up and its preparations. */
  readonly seconds: number;
}

export interface Bench {
  readonly name: string;
  /** What it measures, in a few words. */
  readonly about: string;
  readonly needs: StoreKind | undefined;
  run(context: BenchContext): Promise<readonly Figure[]>;
}

/** A part of the key space that no earlier run has touched. */
export function freshPath(bench: string): string {
  return `/coterie-bench/${bench}/${process.pid}-${Math.round(performance.timeOrigin)}`;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
