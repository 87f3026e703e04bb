/** A state, and since which revision of the store it was so. */
interface Since<T> {
  readonly revision: bigint;
  readonly state: T;
}

/** The states that something in the store was in, one after the other. Tells what a call can have seen of it. */
export class StateLog<T> {
  readonly #states: Since<T>[];

  constructor(first: T) {
    this.#states = [{ revision: 0n, state: first }];
  }

  /** As it is now. */
  get last(): T {
    return (this.#states.at(-1) as Since<T>).state;
  }

  /** From this revision on it is like this. */
  push(revision: bigint, state: T): void {
    this.#states.push({ revision, state });
  }

  /** The present moment, for {@link since}. */
  mark(): number {
    return this.#states.length - 1;
  }

  /** All states from that moment on, the one that was then and the present one among them. */
  since(mark: number): T[] {
    return this.#states.slice(mark).map(({ state }) => state);
  }

  /** Whether it was in such a state at any time from that moment on. */
  someSince(mark: number, fits: (state: T) => boolean): boolean {
    for (let at = mark; at < this.#states.length; at++) if (fits((this.#states[at] as Since<T>).state)) return true;
    return false;
  }

  /** As it was at this revision. */
  at(revision: bigint): T {
    let at = this.#states.length - 1;
    while (at > 0 && (this.#states[at] as Since<T>).revision > revision) at--;
    return (this.#states[at] as Since<T>).state;
  }

  /** Since which revision it was as at that moment. */
  revisionOf(mark: number): bigint {
    return (this.#states[mark] as Since<T>).revision;
  }
}
