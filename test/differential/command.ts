/** What the two comparisons have in common as commands. */

export interface CommandOptions {
  readonly ops: number;
  readonly seed: number;
  /** How many pairs of servers are asked at the same time. */
  readonly lanes: number;
  /** What is compared with what. */
  readonly of: string;
}

export class Stopwatch {
  readonly #began = performance.now();
  #told = 0;

  get seconds(): number {
    return Math.round((performance.now() - this.#began) / 100) / 10;
  }

  /** Says now and then how far it has come. */
  tell(played: number, every: number): void {
    if (played - this.#told < every) return;
    this.#told = played;
    console.log(`${played} operations in ${this.seconds} s`);
  }
}

/** The command that shows a difference again. */
export function replay(of: string, seed: number): string {
  return `Again: npm run differential -- --of ${of} --seed ${seed} --ops 1`;
}
