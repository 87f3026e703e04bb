import type { ClientContext } from '../core/context.js';
import { type KeyNews, KeyWatch, type Ticket } from '../core/key-watch.js';
import { News } from '../core/news.js';
import { RangeView } from '../core/range-view.js';
import type { Blocker, RangeBlocker } from './line-rule.js';

/** What a ticket in line watches: itself, and what is in its way. */
export class Watches {
  readonly #client: ClientContext;
  #own: KeyWatch | undefined;
  #ahead: { readonly key: string; readonly watch: KeyWatch } | undefined;
  #range: { readonly view: RangeView; blocker: RangeBlocker } | undefined;
  /** Of what is watched. */
  readonly news = new News();

  constructor(client: ClientContext) {
    this.#client = client;
  }

  /** From now on watches this, and nothing else beside the own ticket. */
  follow(mine: Ticket, blocker: Blocker): void {
    if ('range' in blocker) this.#followRange(blocker);
    else this.#followTickets(mine, blocker);
  }

  /** The watch on the own ticket, for whoever takes over. */
  takeOwn(): KeyWatch | undefined {
    const own = this.#own;
    this.#own = undefined;
    return own;
  }

  stopBlocker(): void {
    this.#ahead?.watch.stop();
    this.#ahead = undefined;
    this.#range?.view.stop();
    this.#range = undefined;
  }

  stopOwn(): void {
    this.takeOwn()?.stop();
  }

  #followTickets(mine: Ticket, ahead: Ticket): void {
    this.#own ??= new KeyWatch(this.#client.store, mine, (news) => this.#hear(news));
    if (this.#ahead?.key === ahead.key) return;
    this.stopBlocker();
    const watch = new KeyWatch(this.#client.store, ahead, (news) => {
      if (news.kind === 'gone') this.stopBlocker();
      this.#hear(news);
    });
    this.#ahead = { key: ahead.key, watch };
  }

  /** The range has the own ticket in it. */
  #followRange(blocker: RangeBlocker): void {
    if (this.#range !== undefined) {
      this.#range.blocker = blocker;
      return;
    }
    this.stopBlocker();
    const listener = {
      changed: () => {
        if (this.#range?.blocker.passes(this.#range.view)) this.news.tell();
      },
      failed: this.news.fail,
    };
    this.#range = { view: new RangeView(this.#client, blocker.range, listener), blocker };
  }

  #hear(news: KeyNews): void {
    if (news.kind === 'error') this.news.fail(news.error);
    else this.news.tell();
  }
}
