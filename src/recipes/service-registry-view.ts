import { Backoff } from '../core/backoff.js';
import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import { RangeView } from '../core/range-view.js';
import { firstOf, type Scope } from '../core/signals.js';
import type { Entry } from '../core/store.js';
import { CoordinationError, isCoordinationError, isRetryable, printable } from '../errors.js';
import { decodeInstance, type Instance, type InstanceFormat } from './service-registry-instance.js';

/** The instances of a service at one time. */
export interface ServiceView<Meta> {
  /** By id. Those that are not healthy, or have no weight, are among them. */
  readonly instances: readonly Instance<Meta>[];
  /** The revision of the store at which this was so. */
  readonly revision: bigint;
  /**
   * Where the store cannot be reached: the last time at which this was known to be so, on the wall clock, in milliseconds
   * since 1970. Undefined while the store is there.
   */
  readonly staleSince: number | undefined;
}

/** Who is told of what an {@link InstanceWatch} sees. Nothing that it throws is caught. */
export interface InstanceListener {
  /** The instances are others, or say something else, or this is the first view. */
  changed(): void;
  /** {@link InstanceWatch.staleSince} has come or gone. */
  stale(): void;
  /**
   * The watch ended with this error, and begins anew, but where the store is closed. Before the first view, also: there was
   * no answer in time (`TIMEOUT`).
   */
  failed(error: unknown): void;
  /** An entry is not an instance, and is left out. */
  skipped(error: CoordinationError): void;
}

/** How long to wait for the first sight of a watch before the store counts as away, in milliseconds. */
const patienceMs = 5_000;

interface Decoded<Meta> {
  readonly modified: bigint;
  readonly instance: Instance<Meta> | undefined;
}

/**
 * The instances of a service, kept as they are in the store. A watch can fall silent without an error, and can lose
 * events: so every `checkMs` or sooner another one is begun, whose first sight is a fresh one and takes over. Where that
 * does not come in time, what is known is stale, and stays. An error ends a watch, never this.
 */
export class InstanceWatch<Meta> {
  readonly #client: ClientContext;
  readonly #format: InstanceFormat<Meta>;
  readonly #checkMs: number;
  readonly #listener: InstanceListener;
  readonly #backoff: Backoff;
  #current: RangeView | undefined;
  /** Begun, and not yet as new as the current one. */
  #next: RangeView | undefined;
  #begunAt = 0;
  #confirmedAt: number;
  #timer: Cancel = () => {};
  #decoded = new Map<string, Decoded<Meta>>();
  #view: ServiceView<Meta> | undefined;
  #staleSince: number | undefined;
  #dirty = false;
  #working = false;
  #ended = false;

  constructor(client: ClientContext, format: InstanceFormat<Meta>, checkMs: number, listener: InstanceListener) {
    this.#client = client;
    this.#format = format;
    this.#checkMs = checkMs;
    this.#listener = listener;
    this.#backoff = new Backoff(client.clock, client.random, { baseMs: 50, capMs: 10_000 });
    this.#confirmedAt = client.clock.wall();
  }

  /** What is known; undefined before the first view. */
  get view(): ServiceView<Meta> | undefined {
    return this.#view && { ...this.#view, staleSince: this.#staleSince };
  }

  get staleSince(): number | undefined {
    return this.#staleSince;
  }

  /** Begins. To be called once. */
  start(): void {
    this.#begin();
  }

  /** Ends the watch and its timers. Nobody is told anything any more. */
  stop(): void {
    this.#ended = true;
    this.#timer();
    this.#current?.stop();
    this.#next?.stop();
  }

  #begin(): void {
    this.#timer();
    this.#next?.stop();
    const { store, clock } = this.#client;
    this.#begunAt = clock.wall();
    this.#timer = clock.after(Math.min(patienceMs, this.#checkMs), () => this.#missed());
    try {
      const listener = {
        changed: (view: RangeView) => this.#sees(view),
        failed: (error: unknown) => this.#fail(error),
      };
      this.#next = new RangeView(store, { prefix: `${this.#format.path}/` }, listener);
    } catch (error) {
      this.#fail(error);
    }
  }

  #sees(view: RangeView): void {
    if (view === this.#next) {
      // One that begins behind what was told already must catch up first, so that nothing is ever undone.
      if (this.#current !== undefined && view.revision < this.#current.revision) return;
      this.#current?.stop();
      this.#current = view;
      this.#next = undefined;
      this.#backoff.reset();
      this.#confirm(this.#begunAt);
      const { clock, random } = this.#client;
      this.#timer();
      this.#timer = clock.after(this.#checkMs * (0.5 + random() / 2), () => this.#begin());
    } else this.#confirm(this.#client.clock.wall());
    this.#dirty = true;
    if (!this.#working) void this.#work();
  }

  /** The sight that was begun did not come. It may still; another one is begun after a while. */
  #missed(): void {
    this.#timer = this.#client.clock.after(this.#checkMs, () => this.#begin());
    this.#setStale(this.#confirmedAt);
    const sentence = `There is no answer about "${printable(this.#format.path)}".`;
    if (this.#view === undefined) this.#listener.failed(new CoordinationError('TIMEOUT', sentence));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#timer();
    this.#current?.stop();
    this.#next?.stop();
    this.#current = undefined;
    this.#next = undefined;
    const closed = isCoordinationError(error, 'CLOSED');
    if (closed) this.stop();
    else this.#timer = this.#client.clock.after(this.#backoff.nextMs(), () => this.#begin());
    this.#setStale(this.#confirmedAt);
    this.#listener.failed(error);
  }

  #confirm(atWall: number): void {
    this.#confirmedAt = Math.max(this.#confirmedAt, atWall);
    this.#setStale(undefined);
  }

  #setStale(since: number | undefined): void {
    if ((this.#staleSince === undefined) === (since === undefined)) return;
    this.#staleSince = since;
    if (this.#view !== undefined) this.#listener.stale();
  }

  /** Reads what is new, one state after the other: a schema may take its time. */
  async #work(): Promise<void> {
    this.#working = true;
    while (this.#dirty && !this.#ended) {
      this.#dirty = false;
      const view = this.#current;
      // It failed meanwhile; the next one is under way.
      if (view === undefined) break;
      const { revision } = view;
      const entries = [...view.entries.values()];
      const all = await Promise.all(entries.map(async (entry) => [entry.key, await this.#read(entry)] as const));
      if (!this.#ended) this.#publish(new Map(all), revision);
    }
    this.#working = false;
  }

  async #read(entry: Entry): Promise<Decoded<Meta>> {
    const known = this.#decoded.get(entry.key);
    if (known?.modified === entry.modified) return known;
    const { modified } = entry;
    try {
      return { modified, instance: await decodeInstance(entry, this.#format) };
    } catch (error) {
      // It throws nothing else.
      if (!this.#ended) this.#listener.skipped(error as CoordinationError);
      return { modified, instance: undefined };
    }
  }

  #publish(decoded: Map<string, Decoded<Meta>>, revision: bigint): void {
    const before = this.#decoded;
    this.#decoded = decoded;
    const first = this.#view === undefined;
    const same = decoded.size === before.size && [...decoded].every(([key, one]) => before.get(key) === one);
    const old = this.#view?.instances ?? [];
    this.#view = { instances: same && !first ? old : instancesOf(decoded.values()), revision, staleSince: undefined };
    if (first || !same) this.#listener.changed();
  }
}

function instancesOf<Meta>(decoded: Iterable<Decoded<Meta>>): readonly Instance<Meta>[] {
  const instances = [...decoded].flatMap(({ instance }) => (instance === undefined ? [] : [instance]));
  return Object.freeze(instances.sort((a, b) => (a.id < b.id ? -1 : 1)));
}

/** Whether waiting does not mend it: what one who waits for the first view, or for the next one, rejects with. */
export function isLasting(error: unknown): boolean {
  return !isRetryable(error);
}

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
      if (!isLasting(error)) return;
      this.#failure = { error };
      this.#wake();
    };
    this.#watch = new InstanceWatch(client, format, checkMs, { changed: tell, stale: tell, failed, skipped });
    this.#watch.start();
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
