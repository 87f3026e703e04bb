import type { ClientContext } from '../core/context.js';
import { QueueBase } from './queue-base.js';
import type { QueueOptions } from './queue-parts.js';

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
}
