import { checkInteger } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import type { CallOptions } from '../core/store.js';
import { QueueBase } from './queue-base.js';
import type { QueueOptions } from './queue-parts.js';
import { checkPut, checkPutMany, type ItemOptions, type PutOptions, type PutResult } from './queue-put.js';

/** The priority of an item that says none. */
const defaultPriority = 100;

/** An item's priority. */
export interface Priority {
  /** An integer from 0 to 2^53 - 1; the lower, the sooner. Default 100. */
  readonly priority?: number | undefined;
}

/**
 * A queue whose more urgent items come first: of those that are free, one with the lowest `priority`, and among equals in
 * the order in which the store accepted them. Never is an item taken while a more urgent one was there when the deciding
 * read began, which is after the call. Items that are less urgent can wait for ever. In all else as {@link Queue}.
 */
export class PriorityQueue<T = unknown> extends QueueBase<T> {
  /** Sends nothing. Throws as the constructor of {@link Queue}. */
  constructor(client: ClientContext, path: string, options: QueueOptions<T> = {}) {
    super(client, path, options, 'priority', 'PriorityQueue');
  }

  /** Adds an item. As {@link Queue.put} in all else; also throws `INVALID_OPTION` for what is no priority. */
  override async put(value: T, options: PutOptions & Priority = {}): Promise<PutResult> {
    const call = checkPut(options, ['priority']);
    return await this.putter.put(value, { ...options, priority: priorityOf(options) }, call);
  }

  /** As {@link Queue.putMany}, in the order of their priorities. */
  override async putMany(
    items: readonly ({ readonly value: T } & ItemOptions & Priority)[],
    options: CallOptions = {},
  ): Promise<readonly PutResult[]> {
    checkPutMany(items, options, ['priority']);
    const ranked = items.map((item) => ({ ...item, priority: priorityOf(item) }));
    return await this.putter.putMany(ranked, options);
  }
}

function priorityOf({ priority = defaultPriority }: Priority): number {
  checkInteger(priority, 'priority', 0);
  return priority;
}
