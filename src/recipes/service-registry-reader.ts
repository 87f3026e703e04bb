import type { ClientContext } from '../core/context.js';
import { firstOf, type Scope } from '../core/signals.js';
import { type CoordinationError, isRetryable } from '../errors.js';
import type { InstanceFormat } from './service-registry-instance.js';
import { InstanceWatch, type ServiceView } from './service-registry-view.js';

/** The views that a watch shows, for one reader: the newest one, whatever came in between. */
export class ViewReader<Meta> {
  readonly #watch: InstanceWatch<Meta>;
  #news = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(
    client: ClientContext,
    format: InstanceFormat<Meta>,
    checkMs: number,
    skipped: (error: CoordinationError) => void,
  ) {
    const tell = (): void => {
      this.#news = true;
      this.#wake();
    };
    const failed = (error: unknown): void => {
      if (isRetryable(error)) return;
      this.#failure = { error };
      this.#wake();
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
    while (!this.#news && this.#failure === undefined) {
      await firstOf(scope, [
        (wake) => {
          this.#wake = wake;
          return () => {};
        },
      ]);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#news = false;
    // There is one: nothing is told before the first.
    return this.#watch.view as ServiceView<Meta>;
  }

  stop(): void {
    this.#watch.stop();
  }
}
