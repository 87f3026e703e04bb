import type { ClientContext } from '../core/context.js';
import { QueueBase } from './queue-base.js';
import type { QueueOptions } from './queue-parts.js';

/**
 * A queue whose items come due, in the `delayMs` that they are put with, by default at once: each is delivered at least
 * once, to one consumer at a time, not before its time, and the one that has been due for longest first. In all else as
 * {@link Queue}.
 *
 * The clocks are the wall clocks of producers and consumers: an item comes as much too early or too late as they differ.
 */
export class DelayQueue<T = unknown> extends QueueBase<T> {
  /** Sends nothing. Throws as the constructor of {@link Queue}. */
  constructor(client: ClientContext, path: string, options: QueueOptions<T> = {}) {
    super(client, path, options, 'due', 'DelayQueue');
  }
}
