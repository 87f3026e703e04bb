import { checkFunction, checkInteger, checkKnown, checkOptions, checkTimeout } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { openScope } from '../core/signals.js';
import { isCoordinationError } from '../errors.js';
import type { Job } from './queue-job.js';
import { checkDelay } from './queue-put.js';

export interface ConsumeOptions<T> {
  /** How many items to work on at once, from 1. Default 1. */
  readonly concurrency?: number | undefined;
  /** Ends the consuming: nothing more is taken. */
  readonly signal?: AbortSignal | undefined;
  /** How long each item has, in milliseconds. Default: the queue's own. */
  readonly visibilityMs?: number | undefined;
  /** How long an item rests after its handler failed, in milliseconds. Default 1,000. */
  readonly retryDelayMs?: number | undefined;
  /** Told what a handler threw, and why an item could not be acknowledged. What it throws itself ends the consuming. */
  readonly onError?: ((error: unknown, job: Job<T>) => void) | undefined;
}

const consumeOptions = ['concurrency', 'signal', 'visibilityMs', 'retryDelayMs', 'onError'] as const;

/** Checks what a consumer is told. */
export function checkConsume<T>(handler: unknown, options: ConsumeOptions<T>): void {
  checkFunction(handler, 'handler');
  checkKnown(options, consumeOptions, 'consume');
  const { concurrency = 1, retryDelayMs, onError, visibilityMs, signal } = options;
  checkOptions({ signal }, 'consume');
  checkTimeout(visibilityMs, 'visibilityMs');
  checkInteger(concurrency, 'concurrency', 1);
  checkDelay(retryDelayMs);
  if (onError !== undefined) checkFunction(onError, 'onError');
}

/** Works on one item after the other until the signal aborts. */
export async function consumeOne<T>(
  take: (signal: AbortSignal) => Promise<Job<T>>,
  handler: (job: Job<T>) => Promise<unknown> | unknown,
  { retryDelayMs = 1_000, onError = () => {} }: ConsumeOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let job: Job<T>;
    try {
      job = await take(signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    try {
      await handler(job);
      await job.ack().catch(unlessGivenBack);
    } catch (error) {
      await job.nack({ delayMs: retryDelayMs });
      onError(error, job);
    } finally {
      // After an acknowledgement this does nothing.
      await job.release();
    }
  }
}

/** A handler may give its item back by itself. */
function unlessGivenBack(error: unknown): void {
  if (!isCoordinationError(error, 'RELEASED')) throw error;
}

/** Runs so many of a loop at once. When one of them fails, the others are ended too, and waited for. */
export async function together(
  { clock }: ClientContext,
  ended: AbortSignal | undefined,
  count: number,
  loop: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  using scope = openScope(clock, { signal: ended }, 'consuming');
  const { signal } = scope;
  const failures: unknown[] = [];
  const runs = Array.from({ length: count }, () =>
    loop(signal).catch((error: unknown) => {
      failures.push(error);
      scope.abort(error);
    }),
  );
  await Promise.all(runs);
  if (failures.length > 0) throw failures[0];
}
