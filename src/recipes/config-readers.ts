import { equal } from './config-value.js';
import type { ConfigDifference, ConfigVersion } from './config-version.js';

/** Told of what is now, what was before, and how the whole configuration differs. */
export type ConfigListener<S> = (next: S, previous: S, diff: readonly ConfigDifference[]) => unknown;

/** One who is told of changes in a part. */
export interface Reader<T> {
  /** May throw, or return a promise that rejects. */
  tell(version: ConfigVersion<T>): unknown;
  /** Nothing follows. */
  end(): void;
}

/** Tells a listener of changes in what it selects, and of no others. */
export class Selection<T, S> implements Reader<T> {
  readonly #select: (value: T) => S;
  readonly #listener: ConfigListener<S>;
  #last: S;

  /** Throws what `select` throws. */
  constructor(select: (value: T) => S, listener: ConfigListener<S>, value: T) {
    this.#select = select;
    this.#listener = listener;
    this.#last = select(value);
  }

  tell(version: ConfigVersion<T>): unknown {
    const [previous, next] = [this.#last, this.#select(version.value)];
    // A selection that makes something new each time is compared by what is in it.
    if (Object.is(previous, next) || equal(previous, next)) return undefined;
    this.#last = next;
    return this.#listener(next, previous, version.diff);
  }

  end(): void {}
}

/**
 * Versions, one after the other, for one who may be slower than they come: it is given the newest, with what has changed
 * since the last one it was given. However slow it is, two versions are kept for it.
 */
export class Versions<T> implements AsyncIterableIterator<ConfigVersion<T>>, Reader<T> {
  readonly #ended: (versions: Versions<T>) => void;
  #given: T;
  #newest: ConfigVersion<T> | undefined;
  #reset = false;
  #done = false;
  #waiting: ((result: IteratorResult<ConfigVersion<T>>) => void)[] = [];

  constructor(first: ConfigVersion<T>, ended: (versions: Versions<T>) => void) {
    this.#given = first.value;
    this.#newest = first;
    this.#ended = ended;
  }

  tell(version: ConfigVersion<T>): void {
    this.#reset ||= version.reset;
    this.#newest = version;
    const resolve = this.#waiting.shift();
    const result = resolve && this.#take();
    if (result !== undefined) resolve?.(result);
  }

  async next(): Promise<IteratorResult<ConfigVersion<T>>> {
    if (this.#done) return { done: true, value: undefined };
    return this.#take() ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }

  /** No more versions: whoever waits is told so. */
  end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#newest = undefined;
    for (const resolve of this.#waiting) resolve({ done: true, value: undefined });
    this.#waiting = [];
    this.#ended(this);
  }

  async return(): Promise<IteratorResult<ConfigVersion<T>>> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): IteratorResult<ConfigVersion<T>> | undefined {
    const newest = this.#newest;
    if (newest === undefined) return undefined;
    const version = newest.since(this.#given, this.#reset);
    this.#newest = undefined;
    this.#reset = false;
    this.#given = newest.value;
    return { done: false, value: version };
  }
}
