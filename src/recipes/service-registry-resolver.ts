import { closedError } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { SafeEmitter } from '../core/emitter.js';
import { firstOf, openScope } from '../core/signals.js';
import { CoordinationError, isRetryable, printable } from '../errors.js';
import type { Candidate } from './service-registry-balance.js';
import { ejectionOf } from './service-registry-ejection.js';
import type { Instance, InstanceFormat, InstanceMeta } from './service-registry-instance.js';
import { InstancePool } from './service-registry-pool.js';
import {
  checkPick,
  checkResolver,
  type Picked,
  type PickOptions,
  type ResolverEvents,
  type ResolverOptions,
} from './service-registry-resolver-options.js';
import { InstanceWatch, type ServiceView } from './service-registry-view.js';

/** What a {@link Resolver} is made from. */
export interface ResolverParts<Meta> extends InstanceFormat<Meta> {
  readonly client: ClientContext;
  readonly checkMs: number;
}

/**
 * Picks instances of a service from memory, out of a view that one watch keeps as the store has it. Made by
 * {@link ServiceRegistry.resolver}; to be closed.
 */
export class Resolver<Meta = InstanceMeta> implements AsyncDisposable {
  readonly path: string;
  /** Events: `change`, `stale`, `fresh`, `ejected`, `error`. */
  readonly events = new SafeEmitter<ResolverEvents<Meta>>();
  readonly #watch: InstanceWatch<Meta>;
  readonly #pool: InstancePool<Meta>;
  readonly #isSticky: boolean;
  readonly #keepLastGood: boolean;
  #closed = false;
  #opened: (failure?: { readonly error: unknown }) => void = () => {};

  private constructor(parts: ResolverParts<Meta>, options: ResolverOptions<Meta>) {
    const { client, path, checkMs } = parts;
    const { strategy = 'round-robin', filter, keepLastGood = true } = options;
    const ejection = ejectionOf(options.ejection);
    this.#pool = new InstancePool({ client, strategy, ejection, filter: (instance) => this.#fits(instance, filter) });
    this.path = path;
    this.#isSticky = strategy === 'sticky';
    this.#keepLastGood = keepLastGood;
    this.#watch = new InstanceWatch(client, parts, checkMs, {
      changed: () => this.#changed(),
      stale: () => this.#stale(),
      failed: (error) => this.#failed(error),
      skipped: (error) => this.events.emitSafe('error', error),
    });
  }

  /** @internal */
  static async open<Meta>(parts: ResolverParts<Meta>, options: ResolverOptions<Meta>): Promise<Resolver<Meta>> {
    checkResolver(options);
    const resolver = new Resolver(parts, options);
    const { signal, timeoutMs } = options;
    using scope = openScope(parts.client.clock, { signal, timeoutMs }, `resolving "${printable(parts.path)}"`);
    const firstView = (wake: () => void, fail: (error: unknown) => void) => {
      resolver.#opened = (failure) => (failure === undefined ? wake() : fail(failure.error));
      resolver.#watch.start();
      return () => {};
    };
    try {
      await firstOf(scope, [firstView]);
      return resolver;
    } catch (error) {
      await resolver.close();
      throw error;
    }
  }

  /** The instances as they are known, those that are not picked among them. From memory. */
  get view(): ServiceView<Meta> {
    // Nobody has a resolver before its first view.
    return this.#watch.view as ServiceView<Meta>;
  }

  /** While the store cannot be reached: since when, on the wall clock, in milliseconds since 1970; else undefined. */
  get staleSince(): number | undefined {
    return this.#watch.staleSince;
  }

  /** Which instances failures keep out of the picks now, unless there is nothing else to pick. */
  get ejected(): readonly Instance<Meta>[] {
    return [...this.#pool.ejected()].map(({ instance }) => instance);
  }

  /**
   * An instance, by the strategy. Those that are ejected are picked only where nothing else is left. At once, from memory;
   * no round trip.
   *
   * Throws `NO_INSTANCE` where there is none, with the reasons in its sentence and, as `problem`, `empty` (none is known),
   * `none-fit` or `stale`; `INVALID_OPTION` without a `key` where the strategy is `sticky`; `CLOSED`.
   */
  pick(options: PickOptions = {}): Picked<Meta> {
    checkPick(options, this.#isSticky);
    if (this.#closed) throw closedError('resolver');
    const { key = '', exclude = [] } = options;
    if (!this.#keepLastGood && this.staleSince !== undefined) throw this.#noInstance('stale', exclude);
    const candidate = this.#pool.choose(key, exclude);
    if (candidate === undefined) throw this.#noInstance(this.#pool.size === 0 ? 'empty' : 'none-fit', exclude);
    return take(candidate);
  }

  /**
   * Picks, runs `task` with the instance, and reports what became of it: an error of the task, which this rejects with, is
   * a failure of the instance. For a task whose errors are not all the fault of the instance, use {@link Resolver.pick}.
   */
  async run<T>(task: (instance: Instance<Meta>) => Promise<T> | T, options: PickOptions = {}): Promise<T> {
    using picked = this.pick(options);
    const { instance } = picked;
    let result: T;
    try {
      result = await task(instance);
    } catch (error) {
      this.reportFailure(instance, error);
      throw error;
    }
    this.reportSuccess(instance);
    return result;
  }

  /**
   * A call to this instance failed: it is kept out of the picks for a time that doubles with each failure since the last
   * success. A failure that is reported while it is out counts as the one that brought that about. Forgotten when the
   * instance has registered anew.
   */
  reportFailure(instance: Instance<Meta>, error?: unknown): void {
    const forMs = this.#pool.failed(instance);
    if (forMs !== undefined) this.events.emitSafe('ejected', { instance, forMs, error });
  }

  /** A call to this instance went well: its failures are forgotten. */
  reportSuccess(instance: Instance<Meta>): void {
    this.#pool.succeeded(instance);
  }

  /** Ends the watch; nothing is left behind. Idempotent, never rejects. No round trip. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watch.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #changed(): void {
    this.#pool.update(this.view.instances);
    this.#opened();
    this.events.emitSafe('change', this.view);
  }

  #fits(instance: Instance<Meta>, filter: ResolverOptions<Meta>['filter']): boolean {
    try {
      return filter === undefined || filter(instance);
    } catch (error) {
      this.events.emitSafe('error', error);
      return false;
    }
  }

  #stale(): void {
    const since = this.staleSince;
    if (since === undefined) this.events.emitSafe('fresh', this.view);
    else this.events.emitSafe('stale', { since });
  }

  #failed(error: unknown): void {
    if (!isRetryable(error)) this.#opened({ error });
    this.events.emitSafe('error', error);
  }

  #noInstance(problem: 'empty' | 'none-fit' | 'stale', exclude: readonly string[]): CoordinationError {
    const excluded = exclude.length === 0 ? '' : `, ${exclude.length} not wanted here`;
    const away = problem === 'stale' ? ', but the store cannot be reached' : '';
    const reasons = `${this.#pool.describe()}${excluded}${away}`;
    const sentence = `There is no instance of "${printable(this.path)}" to pick: ${reasons}.`;
    return new CoordinationError('NO_INSTANCE', sentence, { key: this.path, problem });
  }
}

function take<Meta>(candidate: Candidate<Meta>): Picked<Meta> {
  let released = false;
  const release = (): void => {
    if (!released) candidate.inFlight--;
    released = true;
  };
  candidate.inFlight++;
  return { instance: candidate.instance, release, [Symbol.dispose]: release };
}
