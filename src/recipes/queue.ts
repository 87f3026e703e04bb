import type { ClientContext } from '../core/context.js';
import type { CallOptions } from '../core/store.js';
import { QueueBase } from './queue-base.js';
import type { QueueOptions } from './queue-parts.js';
import { checkPut, checkPutMany, type ItemOptions, type PutOptions, type PutResult } from './queue-put.js';

/**
 * A queue between processes: every item is delivered at least once, to one consumer at a time, in the order in which the
 * store accepted them.
 *
 * An item that its consumer does not acknowledge is delivered again: when it was given back, when its time was over, or
 * when the consumer's lease has run out. The consumer is told of each loss before anybody else can have the item, and one
 * who lost it cannot acknowledge it. Several consumers at work share out what is at the front of the queue among
 * themselves, so that among them the order is only about that of the queue.
 */
export class Queue<T = unknown> extends QueueBase<T> {
  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_TIMEOUT`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: QueueOptions<T> = {}) {
    super(client, path, options, 'age', 'Queue');
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
   * {@link Queue.put}, after which some may have been added: to put them again is safe where they have ids.
   */
  async putMany(
    items: readonly ({ readonly value: T } & ItemOptions)[],
    options: CallOptions = {},
  ): Promise<readonly PutResult[]> {
    checkPutMany(items, options);
    return await this.putter.putMany(items, options);
  }
}
