import { checkCall, checkKnown, closedError } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { SafeEmitter } from '../core/emitter.js';
import { firstOf, openScope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { type Candidate, type Strategy, strategies } from './service-registry-balance.js';
import { type EjectionOptions, ejectionOf } from './service-registry-ejection.js';
import type { Instance, InstanceFormat, InstanceMeta } from './service-registry-instance.js';
import { InstancePool } from './service-registry-pool.js';
import { InstanceWatch, isLasting, type ServiceView } from './service-registry-view.js';

export interface ResolverOptions<Meta = InstanceMeta> extends CallOptions {
  /**
   * `round-robin`: in turn, in proportion to the weights. `random`: by weight. `least-loaded`: the less loaded of two
   * chosen by weight, by what they report and what was picked and not released yet. `sticky`: by the `key` of a pick, the
   * same instance in every process; an instance that comes or goes moves only its own share. Default `round-robin`.
   */
  readonly strategy?: Strategy | undefined;
  /** Which instances count. Asked once for each thing that an instance says, not for each pick. Default: all. */
  readonly filter?: ((instance: Instance<Meta>) => boolean) | undefined;
  /** Whether to go on with the last known instances while the store cannot be reached. Default true. */
  readonly keepLastGood?: boolean | undefined;
  /** How failures that are reported keep instances out. */
  readonly ejection?: EjectionOptions | undefined;
}

export interface PickOptions {
  /** What to be `sticky` by, where that is the strategy: a user, a session. */
  readonly key?: string | undefined;
  /** Ids of instances not to pick, as those that a call has tried already. */
  readonly exclude?: readonly string[] | undefined;
}

/** An instance that was picked, and counts as busy with one more call until it is released. */
export interface Picked<Meta = InstanceMeta> extends Disposable {
  readonly instance: Instance<Meta>;
  /** The call is over. Only `least-loaded` needs to know. Idempotent; `using` calls it too. */
  release(): void;
}

export interface ResolverEvents<Meta = InstanceMeta> {
  /** The instances are others, or say something else. */
  readonly change: ServiceView<Meta>;
  /** The store cannot be reached; `since` is the last time at which the view was known to be true, as 1970 counts. */
  readonly stale: { readonly since: number };
  /** The store can be reached again. */
  readonly fresh: ServiceView<Meta>;
  /** An instance is kept out of the picks for `forMs`. */
  readonly ejected: { readonly instance: Instance<Meta>; readonly forMs: number; readonly error: unknown };
  /** An entry that is no instance (`CORRUPT_DATA`), what ended a watch, what a filter or a listener threw. */
  readonly error: unknown;
}

/** What a {@link Resolver} is made from. */
export interface ResolverParts<Meta> extends InstanceFormat<Meta> {
  readonly client: ClientContext;
  readonly checkMs: number;
}

/** The names of the options of {@link ResolverOptions}, beside those of every call. */
const resolverOptions = ['strategy', 'filter', 'keepLastGood', 'ejection'] as const;

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
    if (isLasting(error)) this.#opened({ error });
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

function invalid(field: string, sentence: string): CoordinationError {
  return new CoordinationError('INVALID_OPTION', sentence, { field });
}

function checkResolver<Meta>(options: ResolverOptions<Meta>): void {
  checkCall(options, 'resolver', resolverOptions);
  const { strategy, filter, keepLastGood } = options;
  if (strategy !== undefined && !strategies.includes(strategy)) {
    throw invalid('strategy', `strategy must be one of ${strategies.join(', ')}.`);
  }
  if (filter !== undefined && typeof filter !== 'function') throw invalid('filter', 'filter must be a function.');
  if (keepLastGood !== undefined && typeof keepLastGood !== 'boolean') {
    throw invalid('keepLastGood', 'keepLastGood must be true or false.');
  }
}

function checkPick(options: PickOptions, isSticky: boolean): void {
  checkKnown(options, ['key', 'exclude'], 'pick');
  const { key, exclude } = options;
  if (key === undefined ? isSticky : typeof key !== 'string') {
    throw invalid('key', 'key must be a string, and the strategy "sticky" needs one.');
  }
  if (exclude !== undefined && !Array.isArray(exclude)) throw invalid('exclude', 'exclude must be an array of ids.');
}
