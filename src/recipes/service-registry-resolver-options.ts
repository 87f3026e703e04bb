import { checkCall, checkFlag, checkFunction, checkKnown, invalidOption } from '../core/checks.js';
import type { CallOptions } from '../core/store.js';
import { type Strategy, strategies } from './service-registry-balance.js';
import type { EjectionOptions } from './service-registry-ejection.js';
import type { Instance, InstanceMeta } from './service-registry-instance.js';
import type { ServiceView } from './service-registry-view.js';

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

/** The names of the options of {@link ResolverOptions}, beside those of every call. */
const resolverOptions = ['strategy', 'filter', 'keepLastGood', 'ejection'] as const;

/** Throws `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, or the reason of an aborted signal. */
export function checkResolver<Meta>(options: ResolverOptions<Meta>): void {
  checkCall(options, 'resolver', resolverOptions);
  const { strategy, filter, keepLastGood } = options;
  if (strategy !== undefined && !strategies.includes(strategy)) {
    throw invalidOption('strategy', `strategy must be one of ${strategies.join(', ')}.`);
  }
  if (filter !== undefined) checkFunction(filter, 'filter');
  checkFlag(keepLastGood, 'keepLastGood');
}

/** Throws `INVALID_OPTION`, `UNKNOWN_OPTION`. */
export function checkPick(options: PickOptions, isSticky: boolean): void {
  checkKnown(options, ['key', 'exclude'], 'pick');
  const { key, exclude } = options;
  if (key === undefined ? isSticky : typeof key !== 'string') {
    throw invalidOption('key', 'key must be a string, and the strategy "sticky" needs one.');
  }
  if (exclude !== undefined && !Array.isArray(exclude))
    throw invalidOption('exclude', 'exclude must be an array of ids.');
}
