import type { Clock } from './clock.js';
import { openScope, orAbort, type Scope } from './signals.js';

/** Does the work of several callers at once. Resolves to a result for each. */
export type Work<Item, Result> = (items: readonly Item[], scope: Scope) => Promise<readonly Result[]>;

interface Caller<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Work that is done for one batch of callers after the other: whoever comes while a batch is under way is in the next
 * one. A caller that gives up takes its item out, if it is not under way already; a batch that all its callers gave up is
 * ended.
 */
export class Batches<Item, Result> {
  readonly #clock: Clock;
  readonly #work: Work<Item, Result>;
  #next = new Set<Caller<Item, Result>>();
  #current: { readonly callers: Set<Caller<Item, Result>>; readonly scope: Scope } | undefined;

  constructor(clock: Clock, work: Work<Item, Result>) {
    this.#clock = clock;
    this.#work = work;
  }

  /** Has the item worked on. Rejects with the reason of the scope, or with what the work of its batch rejected with. */
  async submit(item: Item, scope: Scope): Promise<Result> {
    scope.throwIfAborted();
    const { promise, ...settle } = deferred<Result>();
    const caller = { item, ...settle };
    this.#next.add(caller);
    if (this.#current === undefined) void this.#run();
    try {
      return await orAbort(promise, scope);
    } catch (error) {
      this.#giveUp(caller, error);
      throw error;
    }
  }

  #giveUp(caller: Caller<Item, Result>, reason: unknown): void {
    this.#next.delete(caller);
    const current = this.#current;
    if (current?.callers.delete(caller) && current.callers.size === 0) current.scope.abort(reason);
  }

  async #run(): Promise<void> {
    while (this.#next.size > 0) {
      const batch = [...this.#next];
      this.#next = new Set();
      using scope = openScope(this.#clock, {}, 'a batch');
      this.#current = { callers: new Set(batch), scope };
      try {
        const results = await this.#work(
          batch.map(({ item }) => item),
          scope,
        );
        // There is a result for each item.
        for (const [at, { resolve }] of batch.entries()) resolve(results[at] as Result);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      this.#current = undefined;
    }
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}
