import type { ClientContext } from '../core/context.js';
import { News } from '../core/news.js';
import { RangeView, type ViewListener } from '../core/range-view.js';
import { firstOf, type Scope } from '../core/signals.js';
import type { QueueKeys } from './queue-keys.js';

/** Watches do lose events: how often one who waits looks anyway, in milliseconds. */
const lookAnywayMs = 10_000;

/**
 * Tells when there may be something to take: an item was put, or given back, or its consumer's lease ran out. It watches
 * one key that every put writes, and the claims, of which there are as many as items in flight; not the items.
 */
export class QueueNews {
  readonly #client: ClientContext;
  readonly #views: readonly RangeView[];
  /** Views that have not shown how things were when they began. */
  #opening = 2;
  readonly #news = new News();

  constructor(client: ClientContext, keys: QueueKeys) {
    this.#client = client;
    const bell = this.#listener(true);
    const claims = this.#listener(false);
    this.#views = [
      new RangeView(client, { key: keys.bell }, bell),
      new RangeView(client, { prefix: keys.claims }, claims),
    ];
  }

  /** Waits for the next news, or until the wall clock shows `dueMs`. */
  async next(dueMs: number, scope: Scope): Promise<void> {
    const { clock } = this.#client;
    if (!this.#news.heard) {
      const waitMs = Math.min(lookAnywayMs, dueMs - clock.wall());
      await firstOf(scope, [this.#news.arm, (resolve) => clock.after(Math.max(1, waitMs), resolve)]);
    }
    this.#news.take();
  }

  stop(): void {
    for (const view of this.#views) view.stop();
  }

  /** Somebody who takes an item makes a claim, which is no news; one that goes can mean that the item is free. */
  #listener(puts: boolean): ViewListener {
    let open = false;
    return {
      changed: (_, batch) => {
        const told = batch.kind === 'snapshot' || puts || batch.deletes.length > 0;
        if (!open) this.#opening--;
        open = true;
        if (told && this.#opening === 0) this.#news.tell();
      },
      failed: this.#news.fail,
    };
  }
}
