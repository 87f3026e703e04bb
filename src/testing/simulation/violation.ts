/** A promise of the code under test was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** Which promise: a short name, as `M2`, by which runs, mutants and documents call it. */
  readonly invariant: string;

  constructor(invariant: string, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}
