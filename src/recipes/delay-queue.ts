import type { ClientContext } from '../core/context.js';
import type { CallOptions } from '../core/store.js';
import { QueueBase } from './queue-base.js';
import type { QueueOptions } from './queue-parts.js';
import { checkPut, checkPutMany, type ItemOptions, type PutOptions, type PutResult } from './queue-put.js';

/**
 * A queue whose items come due: each is delivered at least once, to one consumer at a time, not before its time, and the
 * one that has been due for longest first. In all else as {@link Queue}.
 *
 * The clocks are the wall clocks of producers and consumers: an item comes as much too early or too late as they differ.
 */
export class DelayQueue<T = unknown> extends QueueBase<T> {
  /** Sends nothing. Throws as the constructor of {@link Queue}. */
  constructor(client: ClientContext, path: string, options: QueueOptions<T> = {}) {
    super(client, path, options, 'due', 'DelayQueue');
  }

  /** Adds an item that is due in `delayMs`, by default at once. As {@link Queue.put} in all else. */
  async put(value: T, options: PutOptions = {}): Promise<PutResult> {
    const call = checkPut(options);
    return await this.putter.put(value, options, call);
  }

  /** As {@link Queue.putMany}. */
  async putMany(
    items: readonly ({ readonly value: T } & ItemOptions)[],
    options: CallOptions = {},
  ): Promise<readonly PutResult[]> {
    checkPutMany(items, options);
    return await this.putter.putMany(items, options);
  }
}
