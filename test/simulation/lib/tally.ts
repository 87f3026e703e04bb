import { Violation } from 'coterie/testing';

/** One call that may do it. To be told how it ended, unless its process dies first. */
export interface Doing {
  /** It says that it did it. */
  done(): void;
  /** It says that it did not. */
  not(): void;
  /** It says that this is not known: it may do it yet. */
  unknown(): void;
}

/**
 * How often something was done that calls do exactly once each: no more often than calls can have done it, and no less often
 * than calls say that they did. Throws a {@link Violation} as soon as that is not so.
 */
export class Tally {
  readonly #invariant: string;
  readonly #what: string;
  #happened = 0;
  #known = 0;
  #possible = 0;

  constructor(invariant: string, what: string) {
    this.#invariant = invariant;
    this.#what = what;
  }

  begin(): Doing {
    this.#possible++;
    return {
      done: () => {
        this.#known++;
        this.#check();
      },
      not: () => {
        this.#possible--;
        this.#check();
      },
      unknown: () => {},
    };
  }

  /** The store shows that it was done once more. */
  happened(): void {
    this.#happened++;
    this.#check();
  }

  #check(): void {
    const [happened, known, possible] = [this.#happened, this.#known, this.#possible];
    if (happened >= known && happened <= possible) return;
    const sentence = `${this.#what}: happened ${happened} times, ${known} calls say that they did it, ${possible} can have`;
    throw new Violation(this.#invariant, sentence);
  }
}
