import type { ClientContext } from '../core/context.js';
import { News } from '../core/news.js';
import { firstOf, type Scope } from '../core/signals.js';
import { type CoordinationError, isRetryable } from '../errors.js';
import type { InstanceFormat } from './service-registry-instance.js';
import { InstanceWatch, type ServiceView } from './service-registry-view.js';

/** The views that a watch shows, for one reader: the newest one, whatever came in between. */
export class ViewReader<Meta> {
  readonly #watch: InstanceWatch<Meta>;
  readonly #news = new News();

  constructor(
    client: ClientContext,
    format: InstanceFormat<Meta>,
    checkMs: number,
    skipped: (error: CoordinationError) => void,
  ) {
    const { tell, fail } = this.#news;
    const failed = (error: unknown): void => {
      if (!isRetryable(error)) fail(error);
    };
    this.#watch = new InstanceWatch(client, format, checkMs, { changed: tell, stale: tell, failed, skipped });
    this.#watch.start();
  }

  /** As {@link ViewReader.next}, under a scope that ends with it. */
  async first(scope: Scope): Promise<ServiceView<Meta>> {
    using own = scope;
    return await this.next(own);
  }

  /** The newest view, once there is one that was not read yet. Rejects with the reason of the scope, or a lasting error. */
  async next(scope: Scope): Promise<ServiceView<Meta>> {
    scope.throwIfAborted();
    if (!this.#news.heard) await firstOf(scope, [this.#news.arm]);
    this.#news.take();
    // There is one: nothing is told before the first.
    return this.#watch.view as ServiceView<Meta>;
  }

  stop(): void {
    this.#watch.stop();
  }
}
