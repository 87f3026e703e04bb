/** A version of a recipe that is known to be bad, and what has to notice it. */
export interface Mutant {
  readonly name: string;
  /** Whose simulation has to notice it. */
  readonly recipe: string;
  /** What is wrong with it, and where it was seen: a row of a list of hazards, or a fault of another library. */
  readonly wrong: string;
  /** The file of `src` that is changed. */
  readonly file: string;
  /** What is replaced there; it has to be there exactly once. Several changes where one is not enough. */
  readonly changes: readonly { readonly find: string; readonly replace: string }[];
  /** The invariant that has to be broken. */
  readonly invariant: string;
  /** Within so many seeds. Default 400. */
  readonly seeds?: number;
  /** Found by the search of every point instead, in the trials whose names begin so. */
  readonly points?: string;
  /** For what only shows on one store, or under some faults. */
  readonly options?: { readonly store?: 'etcd' | 'consul'; readonly faults?: readonly string[] };
}
