import { type WaitOptions, waitFor } from '../servers/wait.js';

/** What a promise has come to so far. */
export interface Followed<T> {
  readonly outcome: 'pending' | 'resolved' | 'rejected';
  readonly value: T | undefined;
  readonly error: unknown;
  /** As the promise, but its rejection never counts as unhandled. */
  readonly done: Promise<T>;
}

/** Follows a promise without waiting for it. */
export function follow<T>(promise: Promise<T>): Followed<T> {
  const state: { -readonly [K in keyof Followed<T>]: Followed<T>[K] } = {
    outcome: 'pending',
    value: undefined,
    error: undefined,
    done: promise,
  };
  promise.then(
    (value) => Object.assign(state, { outcome: 'resolved', value }),
    (error: unknown) => Object.assign(state, { outcome: 'rejected', error }),
  );
  return state;
}

/**
 * How long something may take that takes milliseconds when all is well. Generous, since the machine may be busy: where
 * it matters that something is quick, everything slower that could have brought it about takes several times longer.
 */
export const promptMs = 8_000;

/** Waits until the condition gives something truthy. */
export function until<T>(
  what: string,
  condition: () => Promise<T> | T,
  options: Partial<WaitOptions> = {},
): Promise<NonNullable<T>> {
  return waitFor(condition, { timeoutMs: promptMs, intervalMs: 10, what, ...options });
}

/** The promise's value, or an error that says what did not come in time. */
export async function soon<T>(what: string, promise: Promise<T>, timeoutMs: number = promptMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The item at this place of a list, which must have one there. */
export function at<T>(items: readonly T[], place: number): T {
  const item = items[place];
  if (item === undefined) throw new Error(`no item at ${place} of ${items.length}`);
  return item;
}

/** The one item of a list. */
export function only<T>(items: readonly T[]): T {
  if (items.length !== 1) throw new Error(`expected one item, found ${items.length}`);
  return at(items, 0);
}

/** Whether each is greater than the one before. */
export function rises(numbers: readonly bigint[]): boolean {
  return numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? number));
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
