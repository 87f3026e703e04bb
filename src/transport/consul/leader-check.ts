import type { Cancel, Clock } from '../../core/clock.js';

/** What a check needs of its store. */
export interface LeaderContext {
  readonly clock: Clock;
  /** Between two looks, in milliseconds. */
  readonly leaderMs: number;
  /** Who leads the servers, as its address; empty where nobody does. */
  leader(signal: AbortSignal): Promise<string>;
}

/**
 * Notices that the servers have another leader. A query that waits at the old one, as at a machine that froze or was cut
 * off, may never be answered, and nothing but this tells: the connection to the agent is as good as ever.
 */
export class LeaderCheck {
  readonly #context: LeaderContext;
  readonly #changed: () => void;
  #known: string | undefined;
  #running: AbortController | undefined;
  #cancel: Cancel = () => {};

  constructor(context: LeaderContext, changed: () => void) {
    this.#context = context;
    this.#changed = changed;
  }

  /** Looks from now on, once in a while. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    this.#later(this.#running);
  }

  stop(): void {
    this.#cancel();
    this.#running?.abort(stopping);
    this.#running = undefined;
  }

  #later(running: AbortController): void {
    const { clock, leaderMs } = this.#context;
    this.#cancel = clock.after(leaderMs, () => void this.#look(running));
  }

  async #look(running: AbortController): Promise<void> {
    try {
      const leader = await this.#context.leader(running.signal);
      const before = this.#known;
      if (leader !== '') this.#known = leader;
      if (leader !== '' && before !== undefined && leader !== before) this.#changed();
    } catch {
      // That it cannot be told now is no news. Whoever needs an answer finds out by itself.
    }
    if (this.#running === running) this.#later(running);
  }
}

const stopping = { name: 'nobody watches any more' } as const;
