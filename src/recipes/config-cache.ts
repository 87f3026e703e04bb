import { Backoff } from '../core/backoff.js';
import { checkCall, checkFunction, closedError } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import type { SafeEmitter } from '../core/emitter.js';
import { firstOf, openScope } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import type { ConfigEvents, ConfigState } from './config-announcer.js';
import { begin, refusedError } from './config-begin.js';
import { findFormat } from './config-format.js';
import { Archive, type ConfigHistory, type ConfigHistoryOptions } from './config-history.js';
import type { ConfigRejection } from './config-judge.js';
import { Keeper } from './config-keeper.js';
import type { Layer } from './config-layer.js';
import { type ConfigKey, type ConfigOptions, configPath, planOf } from './config-options.js';
import { type ConfigListener, Selection, Versions } from './config-readers.js';
import { type Inspect, inspectSymbol } from './config-secrets.js';
import type { ConfigExplanation } from './config-stack.js';
import { valueAt } from './config-value.js';
import type { ConfigSource, ConfigVersion } from './config-version.js';
import { type ConfigWriteOptions, Writer } from './config-writer.js';

/** How long a revision is waited for before the watch is opened anew, in case the word of it got lost. */
const lookAnywayMs = { baseMs: 1_000, capMs: 15_000 };

const nothingYet = { revision: 0n, stored: [] } as const;

/** What a cache is put together from. */
interface Parts<T> {
  readonly client: ClientContext;
  readonly keeper: Keeper<T>;
  readonly layer: Layer;
  readonly writer: Writer;
  readonly archive: Archive;
}

/**
 * A configuration in memory, as it is in the store: reading it is a property access. Nothing becomes current that the
 * schema does not accept, or that is half of a commit; the last good value stays through outages, bad input and accidental
 * deletion, and {@link ConfigCache.state} says so. Layers lie one on the other: defaults, paths of the store, overrides.
 *
 * Nothing that this class prints, throws or publishes shows a value; what prints itself (`inspect`, `toJSON`) shows values
 * without `secrets`. An open cache keeps the process alive until {@link ConfigCache.close}.
 */
export class ConfigCache<T> implements AsyncDisposable, AsyncIterable<ConfigVersion<T>> {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #keeper: Keeper<T>;
  readonly #layer: Layer;
  readonly #writer: Writer;
  readonly #archive: Archive;

  private constructor({ client, keeper, layer, writer, archive }: Parts<T>) {
    this.path = layer.path;
    this.#archive = archive;
    this.#client = client;
    this.#keeper = keeper;
    this.#layer = layer;
    this.#writer = writer;
  }

  /**
   * Opens a cache, and resolves once there is a value: what the store says, if it is there within `timeoutMs` and valid;
   * else what the snapshot file says; else the object layers alone, if there are any and the schema accepts them. A cache
   * that had to do without the store says so, and goes on trying.
   *
   * Rejects with `TIMEOUT`, `UNAVAILABLE` or what else the store says, with `INVALID_CONFIG` where it holds nothing valid,
   * with `UNSUPPORTED` for YAML without its package, with the reason of `signal`, and with `INVALID_OPTION`,
   * `UNKNOWN_OPTION`, `INVALID_TIMEOUT`, `INVALID_KEY`, `INVALID_PREFIX` for bad input. One watch: a request and a read;
   * with several paths, a watch for each and one more read.
   */
  static async open<T = unknown>(
    client: ClientContext,
    path: string,
    options: ConfigOptions<T> = {},
  ): Promise<ConfigCache<T>> {
    const plan = planOf(path, options);
    const node = plan.shape === 'node';
    const format = await findFormat(plan.format, !node);
    const keeper = new Keeper<T>(client, plan, format);
    const { stack, secrets } = keeper;
    const layer = stack.layers.find((one) => one.path === path);
    if (layer === undefined) throw new CoordinationError('INVALID_OPTION', 'layers must have the path of the cache.');
    const { schema } = plan;
    const merged = (value: unknown): unknown => stack.mergedWith(layer, value);
    const writer = new Writer({ client, layer, node, format, schema, secrets, merged });
    try {
      await begin(client, plan, keeper);
    } catch (error) {
      await keeper.close();
      throw error;
    }
    const archive = new Archive({ client, layer, node, format, secrets });
    return new ConfigCache({ client, keeper, layer, writer, archive });
  }

  /** The value, deeply frozen. The same object until something changes, and so is each part of it. No round trip. */
  get current(): T {
    return this.#keeper.current.value;
  }

  /** The revision of the store at which `current` is the truth; 0n where the store has not been seen yet. */
  get revision(): bigint {
    return this.#keeper.current.accepted?.revision ?? 0n;
  }

  /** What is known of the store: see {@link ConfigState}. */
  get state(): ConfigState {
    return this.#keeper.standing.state;
  }

  /** Until when `current` was known to be what the store holds, on the wall clock; undefined where it still is. */
  get staleSince(): number | undefined {
    return this.#keeper.standing.staleSince;
  }

  /** Where `current` comes from. `defaults`: the store was not there yet, or has no key. */
  get source(): ConfigSource {
    return this.#keeper.current.accepted?.source ?? 'defaults';
  }

  /** Why what the store holds is not current; undefined where it is. */
  get rejected(): ConfigRejection | undefined {
    return this.#keeper.standing.rejection;
  }

  /** The last versions that were current, the newest last; as many as `recentSize` says. */
  get recent(): readonly ConfigVersion<T>[] {
    return this.#keeper.announcer.recent;
  }

  /** Events: `change`, `rejected`, `state`, `reset`, `error`. */
  get events(): SafeEmitter<ConfigEvents<T>> {
    return this.#keeper.announcer.events;
  }

  /** What is current at a key, as `get('db.pool')` or `get(['db', 'pool'])`; undefined where nothing is. No round trip. */
  get(key: ConfigKey): unknown {
    return this.#keeper.current.at(configPath(key));
  }

  /** Which layer gave the value of a key, and what it overrode. No round trip. */
  explain(key: ConfigKey): ConfigExplanation {
    const path = configPath(key);
    const { stack, secrets, current } = this.#keeper;
    return stack.explain(path, this.get(path), this.#layer, current.accepted ?? nothingYet, secrets);
  }

  /** Calls `listener` with each change. Returns how to unsubscribe. What a listener throws goes to `events`, as `error`. */
  onChange(listener: ConfigListener<T>): () => void;
  /** Calls `listener` with each change of what `select` makes of the value, or of what a key names, and no other. */
  onChange<S>(select: (value: T) => S, listener: ConfigListener<S>): () => void;
  onChange(key: ConfigKey, listener: ConfigListener<unknown>): () => void;
  onChange(
    select: ((value: T) => unknown) | ConfigKey | ConfigListener<T>,
    listener?: ConfigListener<never>,
  ): () => void {
    const keeper = this.#keeper;
    const selection = selectionOf(select, listener, keeper.current.value);
    if (!keeper.closed) keeper.announcer.readers.add(selection);
    return () => keeper.announcer.readers.delete(selection);
  }

  /**
   * The current version, then each that follows. One who is slow is given the newest, with all that has changed since the
   * last one it was given. Ends when the cache is closed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConfigVersion<T>> {
    const { readers } = this.#keeper.announcer;
    const versions = new Versions<T>(this.#keeper.current.version(), (ended) => readers.delete(ended));
    if (this.#keeper.closed) versions.end();
    else readers.add(versions);
    return versions;
  }

  /**
   * Waits until `current` is at this revision or a later one, as after a write of one's own. Rejects with `INVALID_CONFIG`
   * where the store holds something at that revision or a later one that was refused, with `TIMEOUT`, the reason of
   * `signal`, or `CLOSED`. No round trip; where nothing comes for a second, all of it is read
   * anew, and less and less often after that.
   */
  async waitUntil(revision: bigint, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'waitUntil');
    if (typeof revision !== 'bigint') {
      throw new CoordinationError('INVALID_OPTION', 'revision must be a bigint.', { field: 'revision' });
    }
    const keeper = this.#keeper;
    using scope = openScope(this.#client.clock, options, `revision ${revision} of "${printable(this.path)}"`);
    const pauses = new Backoff(this.#client.clock, this.#client.random, lookAnywayMs);
    while (this.revision < revision) {
      if (keeper.closed) throw closedError('configuration');
      const { rejection } = keeper.standing;
      if (rejection !== undefined && rejection.revision >= revision) throw refusedError(this.path, rejection);
      let late = false;
      const lookAnyway = (wake: () => void) => {
        return this.#client.clock.after(pauses.nextMs(), () => {
          late = true;
          wake();
        });
      };
      await firstOf(scope, [(wake) => keeper.announcer.onDecided(wake), lookAnyway]);
      if (late && keeper.standing.state.kind !== 'stale' && keeper.standing.seen < revision) keeper.refresh();
    }
  }

  /**
   * Writes a value, and resolves to the revision of the commit, exactly once through lost answers. In a tree it becomes the
   * text of one key; in a document, a part of it. The schema has to accept the whole with it.
   *
   * Rejects with `INVALID_CONFIG` where it does not, `CONFLICT` where `ifRevision` or `compare` do not hold, `INVALID_KEY`,
   * `INVALID_VALUE`, the reason of `signal`, `TIMEOUT` (it may have been written then), `UNKNOWN_OUTCOME` where the session
   * ended meanwhile, or what the store says. Three round
   * trips, and the session's, once.
   */
  async set(key: ConfigKey, value: unknown, options: ConfigWriteOptions = {}): Promise<bigint> {
    if (value === undefined) {
      throw new CoordinationError('INVALID_VALUE', 'A value must not be undefined; delete() takes one away.');
    }
    // Only what deletes can find nothing to do.
    return (await this.#write(key, value, options)) ?? this.revision;
  }

  /** Deletes what a key says, and resolves to the revision; to undefined where there was nothing. Rejects as `set`. */
  async delete(key: ConfigKey, options: ConfigWriteOptions = {}): Promise<bigint | undefined> {
    return await this.#write(key, undefined, options);
  }

  async #write(key: ConfigKey, value: unknown, options: ConfigWriteOptions): Promise<bigint | undefined> {
    if (this.#keeper.closed) throw closedError('configuration');
    return await this.#writer.write(configPath(key), value, options);
  }

  /**
   * Resolves to what a key has said over time, the newest first, as the store remembers it, in the layer of the cache's path:
   * back to where the key came to be, but not past a deletion; no further than `limit` (20), and than the store has been
   * compacted. In a document, one revision for each write of the document.
   *
   * Rejects with `UNSUPPORTED` on Consul, which keeps no past, with `INVALID_OPTION` for a `revision` that is still to come,
   * with `INVALID_KEY`, the reason of `signal`, `TIMEOUT`, `CLOSED`, or what the store says. One round trip for each revision.
   */
  async history(key: ConfigKey, options: ConfigHistoryOptions = {}): Promise<ConfigHistory> {
    if (this.#keeper.closed) throw closedError('configuration');
    return await this.#archive.history(configPath(key), options);
  }

  /** Ends the watch, the timers and whoever waits. `current` stays readable. Idempotent; never rejects. */
  close(): Promise<void> {
    return this.#keeper.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For prints: without secrets. */
  toJSON(): object {
    const { path, revision, source } = this;
    const value = this.#keeper.secrets.redact(this.current);
    return { path, revision: String(revision), state: this.state.kind, source, value };
  }

  [inspectSymbol](_depth: number, options: object, inspect: Inspect): string {
    return `ConfigCache ${inspect(this.toJSON(), options)}`;
  }
}

function selectionOf<T>(
  select: ((value: T) => unknown) | ConfigKey | ConfigListener<T>,
  listener: ConfigListener<never> | undefined,
  value: T,
): Selection<T, never> {
  checkFunction(listener ?? select, 'listener');
  // What is selected goes to the listener that came with it: the overloads of onChange hold the two together.
  if (listener === undefined) return new Selection((all: T) => all as never, select as ConfigListener<never>, value);
  if (typeof select === 'function') return new Selection(select as (value: T) => never, listener, value);
  const path = configPath(select);
  return new Selection((all: T) => valueAt(all, path) as never, listener, value);
}
