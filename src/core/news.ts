const nobody = (): void => {};

/** What one who waits is woken by. News that come while nobody waits are kept for the next wait, as one. */
export class News {
  #told = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = nobody;

  /** There is something new. */
  readonly tell = (): void => {
    this.#told = true;
    this.#wake();
  };

  /** Nothing new will come: every {@link take} throws this from now on. */
  readonly fail = (error: unknown): void => {
    this.#failure = { error };
    this.#wake();
  };

  /** Whether there is anything to {@link take}. */
  get heard(): boolean {
    return this.#told || this.#failure !== undefined;
  }

  /** A source for `firstOf`: wakes with the next news, at once where there are some. One that waits at a time. */
  readonly arm = (wake: () => void): (() => void) => {
    this.#wake = wake;
    if (this.heard) wake();
    return () => {
      this.#wake = nobody;
    };
  };

  /** What was told counts as known from here on. Throws what {@link fail} was given, if it was. */
  take(): void {
    this.#told = false;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
