import { Backoff } from '../core/backoff.js';
import type { Cancel } from '../core/clock.js';
import type { ClientContext } from '../core/context.js';
import { RangeView } from '../core/range-view.js';
import { CoordinationError, isCoordinationError, printable } from '../errors.js';
import { InstanceCache, type ReadInstances } from './service-registry-cache.js';
import type { Instance, InstanceFormat } from './service-registry-instance.js';

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

/** How long to wait for the first sight of a watch before the store counts as away, in milliseconds; less than `checkMs`. */
const patienceMs = 5_000;

/** How long a watch may take to its first sight before another one is tried, in milliseconds: they heal by themselves. */
const giveUpMs = 30_000;

/**
 * The instances of a service, kept as they are in the store. A watch can fall silent without an error, and can lose
 * events: so every `checkMs` or sooner another one is begun, whose first sight is a fresh one and takes over. Where that
 * does not come in time, what is known is stale, and stays. An error ends a watch, never this.
 */
export class InstanceWatch<Meta> {
  readonly #client: ClientContext;
  readonly #format: InstanceFormat<Meta>;
  readonly #cache: InstanceCache<Meta>;
  readonly #checkMs: number;
  readonly #listener: InstanceListener;
  readonly #backoff: Backoff;
  #current: RangeView | undefined;
  /** Begun, and not yet as new as the current one. */
  #next: RangeView | undefined;
  #begunAt = 0;
  #seenAt = 0;
  #confirmedAt: number;
  #timer: Cancel = () => {};
  #view: ServiceView<Meta> | undefined;
  #staleSince: number | undefined;
  #dirty = false;
  #working = false;
  #ended = false;

  constructor(client: ClientContext, format: InstanceFormat<Meta>, checkMs: number, listener: InstanceListener) {
    this.#client = client;
    this.#format = format;
    this.#cache = new InstanceCache(format);
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
    const { clock } = this.#client;
    this.#begunAt = clock.wall();
    this.#timer = clock.after(Math.min(patienceMs, this.#checkMs), () => this.#missed());
    try {
      const listener = {
        changed: (view: RangeView) => this.#sees(view),
        failed: (error: unknown) => this.#fail(error),
      };
      this.#next = new RangeView(this.#client, { prefix: `${this.#format.path}/` }, listener);
    } catch (error) {
      this.#fail(error);
    }
  }

  #sees(view: RangeView): void {
    if (view === this.#current) this.#look(this.#client.clock.wall());
    // One that begins behind what was told already must catch up first, so that nothing is ever undone.
    else if (this.#current === undefined || view.revision >= this.#current.revision) this.#takeOver(view);
  }

  #takeOver(view: RangeView): void {
    this.#current?.stop();
    this.#current = view;
    this.#next = undefined;
    this.#backoff.reset();
    const { clock, random } = this.#client;
    this.#timer();
    this.#timer = clock.after(this.#checkMs * (0.5 + random() / 2), () => this.#begin());
    this.#look(this.#begunAt);
  }

  /** The sight that was begun did not come. It may still; another one is begun after a while. */
  #missed(): void {
    const next = this.#next;
    if (next !== undefined && next.revision >= 0n) {
      // It did come, but is behind: the store counts anew, and the old watch has not heard of it.
      this.#takeOver(next);
      return;
    }
    this.#timer = this.#client.clock.after(giveUpMs, () => this.#begin());
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
    // A store that was closed does not come back.
    const closed = isCoordinationError(error, 'CLOSED');
    if (!closed) this.#timer = this.#client.clock.after(this.#backoff.nextMs(), () => this.#begin());
    this.#setStale(this.#confirmedAt);
    if (!this.#ended) this.#listener.failed(error);
  }

  #setStale(since: number | undefined): void {
    if ((this.#staleSince === undefined) === (since === undefined)) return;
    this.#staleSince = since;
    if (this.#view !== undefined && !this.#ended) this.#listener.stale();
  }

  /** The current watch shows how things were at this time of the wall clock, or later. */
  #look(atWall: number): void {
    this.#seenAt = atWall;
    this.#dirty = true;
    if (!this.#working) void this.#work();
  }

  /** Reads what is new, one state after the other: a schema may take its time. */
  async #work(): Promise<void> {
    this.#working = true;
    while (this.#dirty && !this.#ended) {
      this.#dirty = false;
      const [view, seenAt] = [this.#current, this.#seenAt];
      // It failed meanwhile; the next one is under way.
      if (view === undefined) break;
      const { revision } = view;
      const read = await this.#cache.read([...view.entries.values()]);
      if (this.#ended) break;
      this.#confirmedAt = Math.max(this.#confirmedAt, seenAt);
      // Where it failed while this was read, it is stale, and so is this.
      this.#publish(read, revision, this.#current !== undefined);
    }
    this.#working = false;
  }

  #publish({ instances, skipped }: ReadInstances<Meta>, revision: bigint, fresh: boolean): void {
    const before = this.#view;
    this.#view = { instances, revision, staleSince: undefined };
    for (const error of skipped) if (!this.#ended) this.#listener.skipped(error);
    if (before?.instances !== instances && !this.#ended) this.#listener.changed();
    if (fresh) this.#setStale(undefined);
  }
}
