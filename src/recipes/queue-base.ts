import { checkCall, checkInteger, checkTimeout } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { type CallOptions, type Entry, read } from '../core/store.js';
import { type ConsumeOptions, checkConsume, consumeOne, together } from './queue-consume.js';
import { Dead, type DeadLetter } from './queue-dead.js';
import type { Job } from './queue-job.js';
import { checkId, type QueueOrder } from './queue-keys.js';
import { type QueueOptions, type QueueParts, queueParts } from './queue-parts.js';
import { checkPut, checkPutMany, type ItemOptions, type PutOptions, type PutResult, Putter } from './queue-put.js';
import { type TakeOptions, type TakeOrder, Taker } from './queue-take.js';

/** An item that waits in a queue, or is in flight. */
export interface PeekedItem<T> {
  readonly id: string;
  /** Undefined where it cannot be decoded. */
  readonly value: T | undefined;
  readonly bytes: Uint8Array;
  /** How often it was delivered so far. */
  readonly attempts: number;
  /** As it was put; 0 in a queue without priorities. */
  readonly priority: number;
}

/** What all queues can do; they differ in the order of their items. */
export abstract class QueueBase<T> {
  readonly path: string;
  /** @internal */
  protected readonly putter: Putter<T>;
  readonly #parts: QueueParts<T>;
  readonly #taker: Taker<T>;
  readonly #dead: Dead<T>;

  /** @internal */
  constructor(client: ClientContext, path: string, options: QueueOptions<T>, order: QueueOrder, name: string) {
    this.#parts = queueParts(client, path, options, order, name);
    this.#dead = new Dead(this.#parts);
    this.#taker = new Taker(this.#parts, this.#dead);
    this.putter = new Putter(this.#parts);
    this.path = path;
  }

  /**
   * Adds an item, once: through lost answers, and even by several calls with the same `id`. One round trip. Rejects with
   * the reason of `signal` or with `TIMEOUT`, after which it may have been added or not; with `INVALID_VALUE`,
   * `VALUE_TOO_LARGE`, or with an error of the store that waiting does not mend.
   */
  async put(value: T, options: PutOptions = {}): Promise<PutResult> {
    const call = checkPut(options);
    return await this.putter.put(value, options, call);
  }

  /**
   * Adds items, in this order, by as few commits as the store allows: 31 in one on etcd, 15 on Consul. Rejects as
   * {@link QueueBase.put}, after which some may have been added: to put them again is safe where they have ids.
   */
  async putMany(
    items: readonly ({ readonly value: T } & ItemOptions)[],
    options: CallOptions = {},
  ): Promise<readonly PutResult[]> {
    checkPutMany(items, options);
    return await this.putter.putMany(items, options);
  }

  /**
   * Waits for the next item, which is this consumer's alone until it is acknowledged, given back or lost. Two round trips
   * when there is one, often one; while there is none, the first of all consumers in line watches the queue for all.
   *
   * Rejects with the reason of `signal`, with `TIMEOUT`, with `SESSION_LOST` if so chosen by `onSessionLost`, with `CLOSED`
   * or `SESSION_CLOSED`, or with an error of the store that waiting does not mend. Then nothing is taken, and no place in
   * line is left. Outages are waited out for as long as `timeoutMs` allows.
   */
  async take(options: TakeOptions = {}): Promise<Job<T>> {
    const { order, call } = this.#orderOf(1, options, 'take');
    const [job] = await this.#taker.take(order, call);
    return job as Job<T>; // There is one: that is what was waited for.
  }

  /** The next item if there is one now, else undefined. One or two round trips. Rejects as {@link QueueBase.take}. */
  async tryTake(options: TakeOptions = {}): Promise<Job<T> | undefined> {
    const { order, call } = this.#orderOf(1, options, 'tryTake');
    const [job] = await this.#taker.tryTake(order, call);
    return job;
  }

  /**
   * Waits until there is an item, and takes up to `count` of those that are there, by one commit: 31 at most on etcd, 15
   * on Consul. As {@link QueueBase.take} in all else.
   */
  async takeMany(count: number, options: TakeOptions = {}): Promise<readonly Job<T>[]> {
    checkInteger(count, 'count', 1);
    const { order, call } = this.#orderOf(count, options, 'takeMany');
    return await this.#taker.take(order, call);
  }

  /**
   * Takes items and hands them to `handler`, so many at once as `concurrency` says, until `signal` aborts; then waits for
   * the handlers that run, and resolves. An item is acknowledged when its handler has ended well, and given back, to come
   * again after `retryDelayMs`, when it threw. The handler should stop when `job.signal` aborts. Rejects where
   * {@link QueueBase.take} does, after all handlers have ended.
   */
  async consume(handler: (job: Job<T>) => Promise<unknown> | unknown, options: ConsumeOptions<T> = {}): Promise<void> {
    checkConsume(handler, options);
    const { concurrency = 1, visibilityMs, signal } = options;
    const take = (ended: AbortSignal): Promise<Job<T>> => this.take({ signal: ended, visibilityMs });
    const loop = (ended: AbortSignal): Promise<void> => consumeOne(take, handler, options, ended);
    await together(this.#parts.client, signal, concurrency, loop);
  }

  /**
   * Takes one item after the other. One that is not acknowledged by the time the next is asked for, or the loop is left,
   * is given back.
   */
  async *jobs(options: TakeOptions = {}): AsyncGenerator<Job<T>, void, undefined> {
    for (;;) {
      const job = await this.take(options);
      try {
        yield job;
      } finally {
        await job.release();
      }
    }
  }

  /** As {@link QueueBase.jobs}: `for await (const job of queue)`. */
  [Symbol.asyncIterator](): AsyncGenerator<Job<T>, void, undefined> {
    return this.jobs();
  }

  /** How many items there are: waiting, not due yet, or in flight. One round trip, over which all their headers come. */
  async depth(options: CallOptions = {}): Promise<number> {
    checkCall(options, 'depth');
    const { client, keys } = this.#parts;
    return (await client.store.read({ prefix: keys.items }, options)).entries.length;
  }

  /** How many items are in flight: taken, and neither acknowledged nor given back. One round trip. */
  async inFlight(options: CallOptions = {}): Promise<number> {
    checkCall(options, 'inFlight');
    const { client, keys } = this.#parts;
    return (await client.store.read({ prefix: keys.claims }, options)).entries.length;
  }

  /** The first items in order, in flight or not, due or not; takes nothing. Two round trips for each 100 or so. */
  async peek(count = 1, options: CallOptions = {}): Promise<readonly PeekedItem<T>[]> {
    checkInteger(count, 'count', 1);
    checkCall(options, 'peek');
    const { client, keys, order, typed } = this.#parts;
    const items = await this.#taker.shelf.first(count);
    const values: (Entry | undefined)[] = [];
    for (let at = 0; at < items.length; at += client.store.traits.maxOps) {
      const ops = items.slice(at, at + client.store.traits.maxOps).map(({ id }) => read({ key: keys.value(id) }));
      const { reads } = await client.store.commit([], ops, options);
      values.push(...reads.map(([entry]) => entry));
    }
    const shown = items.map(async ({ id, rank, header }, n) => {
      const bytes = values[n]?.value;
      // Acknowledged meanwhile.
      if (bytes === undefined) return undefined;
      const value = await typed.decode(bytes, keys.value(id)).catch(() => undefined);
      return { id, value, bytes, attempts: header.attempts, priority: order === 'priority' ? Number(rank) : 0 };
    });
    return (await Promise.all(shown)).filter((item) => item !== undefined);
  }

  /** The dead letters, the oldest first. One round trip, and one for each. None where the queue keeps none. */
  async *deadLetters(options: CallOptions = {}): AsyncGenerator<DeadLetter<T>, void, undefined> {
    checkCall(options, 'deadLetters');
    yield* this.#dead.list(options);
  }

  /**
   * Puts a dead letter back into the queue, with all its attempts before it. Resolves to whether there was one; rejects
   * with `CONFLICT` where an item of the same id is in the queue. Two round trips.
   */
  async requeue(id: string, options: CallOptions = {}): Promise<boolean> {
    checkId(id, this.#parts.keys);
    checkCall(options, 'requeue');
    return await this.#dead.requeue(id, options);
  }

  /** Deletes a dead letter. Resolves to whether there was one. Two round trips. */
  async discard(id: string, options: CallOptions = {}): Promise<boolean> {
    checkId(id, this.#parts.keys);
    checkCall(options, 'discard');
    return await this.#dead.discard(id, options);
  }

  #orderOf(
    count: number,
    options: TakeOptions,
    what: string,
  ): { readonly order: TakeOrder; readonly call: CallOptions } {
    checkCall(options, what, ['visibilityMs']);
    const { visibilityMs = this.#parts.visibilityMs, signal, timeoutMs } = options;
    checkTimeout(visibilityMs, 'visibilityMs');
    return { order: { count, visibilityMs }, call: { signal, timeoutMs } };
  }
}
