import type { Election, Observation } from 'coterie';
import { rises, until } from './tools.js';

/** Collects what an election's observer sees: a leader's value, or "vacant". */
export class Observer {
  readonly seen: string[] = [];
  readonly observations: Observation[] = [];
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;
  #error: unknown;

  constructor(election: Election) {
    this.#done = this.#follow(election).catch((error: unknown) => {
      if (error !== this.#controller.signal.reason) this.#error = error;
    });
  }

  async #follow(election: Election): Promise<void> {
    for await (const one of election.observe({ signal: this.#controller.signal })) {
      this.observations.push(one);
      this.seen.push(one.leader === undefined ? 'vacant' : one.value);
    }
  }

  /** Waits until this is what was seen last. */
  async sees(last: string): Promise<void> {
    await until(`an observer to see "${last}"`, () => {
      if (this.#error !== undefined) throw this.#error;
      return this.seen.at(-1) === last;
    });
  }

  /** Whether the revisions it was told rose from one observation to the next. */
  get inOrder(): boolean {
    return rises(this.observations.map(({ revision }) => revision));
  }

  /** Ends the observer. Rejects with what ended it before. */
  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#done;
    if (this.#error !== undefined) throw this.#error;
  }
}
