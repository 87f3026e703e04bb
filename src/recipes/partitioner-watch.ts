import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import { RangeView, type ViewListener } from '../core/range-view.js';

/** Watches do lose events: how often everything is looked at anew, in milliseconds. */
const lookAnywayMs = 30_000;

/** Everything under the path of a partitioner, by one watch after the other. */
export class ShardWatch {
  readonly #client: ClientContext;
  readonly #prefix: string;
  readonly #listener: ViewListener;
  #view: RangeView | undefined;
  #lookAgain: Cancel = () => {};

  constructor(client: ClientContext, prefix: string, listener: ViewListener) {
    this.#client = client;
    this.#prefix = prefix;
    this.#listener = listener;
  }

  /** Begins a watch, and ends the one before. Throws what the store refuses; later that goes to the listener. */
  follow(): void {
    const { store, clock } = this.#client;
    const last = this.#view;
    this.#view = new RangeView(store, { prefix: this.#prefix }, this.#listener);
    last?.stop();
    this.#lookAgain = clock.after(lookAnywayMs, () => {
      try {
        this.follow();
      } catch (error) {
        this.#listener.failed(error);
      }
    });
  }

  /** Ends the watch and its timer. Nobody is told anything any more. */
  stop(): void {
    this.#lookAgain();
    this.#view?.stop();
  }
}
