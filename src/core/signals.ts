/**
 * All linking of abort signals, in one place, so that every listener added here is taken off here. AbortSignal.any and
 * AbortSignal.timeout are not used anywhere: in Node they keep their sources and timers alive for as long as the source
 * lives (nodejs/node #54614, #55351), which leaks on a signal that outlives its waits.
 */
import { setMaxListeners } from 'node:events';
import { CoordinationError, type ErrorDetails } from '../errors.js';
import type { Cancel, Clock } from './clock.js';
import type { CallOptions } from './store.js';

/** What a wait can be ended by. */
export type Stop = AbortSignal | Scope;

/**
 * The end of one wait: with its caller's signal, after its caller's timeout, or by {@link abort}. An AbortSignal of its own
 * is made only for those who ask for it; making one costs more than all else that taking a free lock costs this process.
 */
export class Scope implements Disposable {
  readonly #unlink: () => void;
  readonly #cancelTimer: Cancel | undefined;
  #ended: { readonly reason: unknown } | undefined;
  #listeners: ((reason: unknown) => void)[] = [];
  #controller: AbortController | undefined;

  /** @internal Use {@link openScope}. */
  constructor(clock: Clock, { signal, timeoutMs }: CallOptions, what: string, toldMs: number | undefined) {
    this.#unlink = onAbort(signal, this.abort);
    if (timeoutMs === undefined) return;
    this.#cancelTimer = clock.after(timeoutMs, () => this.abort(timeoutError(toldMs ?? timeoutMs, what)));
  }

  /** Aborts when the wait ends. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#ended !== undefined;
  }

  /** Throws the reason if the wait has ended. */
  throwIfAborted(): void {
    if (this.#ended !== undefined) throw this.#ended.reason;
  }

  /** Ends the wait with this reason. Only the first end counts. */
  readonly abort = (reason: unknown): void => {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const run of listeners) run(reason);
    this.#controller?.abort(reason);
  };

  /** As {@link onAbort}. */
  onEnd(run: (reason: unknown) => void): () => void {
    if (this.#ended !== undefined) run(this.#ended.reason);
    else this.#listeners.push(run);
    return () => {
      this.#listeners = this.#listeners.filter((one) => one !== run);
    };
  }

  /** Takes listener and timer away. What was not ended by then is not ended any more, but by {@link abort}. */
  [Symbol.dispose](): void {
    this.#cancelTimer?.();
    this.#unlink();
  }
}

/**
 * Opens a scope over a caller's `signal` and `timeoutMs`. It must be disposed of. `what` stands in the sentence of the
 * `TIMEOUT` error: "Timed out after 50 ms: <what>"; `toldMs` is the time to name there, where `timeoutMs` is what is left
 * of it.
 */
export function openScope(clock: Clock, options: CallOptions, what: string, toldMs?: number): Scope {
  return new Scope(clock, options, what, toldMs);
}

/** The error of a wait that took longer than its caller allowed. */
export function timeoutError(timeoutMs: number, what: string, details: ErrorDetails = {}): CoordinationError {
  const all = { field: 'timeoutMs', ...details };
  return new CoordinationError('TIMEOUT', `Timed out after ${timeoutMs} ms: ${what}`, all);
}

const nothing = (): void => {};

/** Calls `run` with the reason once the signal aborts, at once if it has already. Returns how to take the listener off. */
export function onAbort(signal: Stop | undefined, run: (reason: unknown) => void): () => void {
  if (signal === undefined) return nothing;
  if (signal instanceof Scope) return signal.onEnd(run);
  // Many waits on one signal, as that of a shutdown, are no leak: each takes its listener off. Node would warn at eleven.
  if (signal instanceof EventTarget) setMaxListeners(0, signal);
  const end = (): void => run(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return () => signal.removeEventListener('abort', end);
}

/**
 * Resolves to the reason of the signal once it aborts, at once if it has already, which an `abort` listener that is added
 * too late would wait for in vain.
 */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => onAbort(signal, resolve));
}

/**
 * The promise, or the reason of the signal as soon as it aborts, whichever is first. The promise itself goes on; a later
 * rejection of it is taken note of and dropped.
 */
export function orAbort<T>(promise: Promise<T>, signal: Stop | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const unlink = onAbort(signal, reject);
    promise.then(resolve, reject).finally(unlink);
  });
}

/** Waits for a promise no longer than a caller's `signal` and `timeoutMs` allow. The promise itself goes on. */
export async function within<T>(clock: Clock, options: CallOptions, what: string, promise: Promise<T>): Promise<T> {
  if (options.signal === undefined && options.timeoutMs === undefined) return promise;
  const scope = openScope(clock, options, what);
  try {
    return await orAbort(promise, scope);
  } finally {
    scope[Symbol.dispose]();
  }
}

/** Waits on the given clock. Rejects with the reason of the signal, at once when it aborts. */
export function sleep(clock: Clock, ms: number, signal?: Stop): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    if (signal?.aborted) {
      onAbort(signal, reject);
      return;
    }
    const cancel = clock.after(ms, () => {
      unlink();
      resolve();
    });
    const unlink = onAbort(signal, (reason) => {
      cancel();
      reject(reason);
    });
  });
}

/**
 * A wait on whichever comes first of several things, each of which is taken off again when the wait is over. `arm`
 * attaches a source and returns how to detach it.
 */
export async function firstOf(
  signal: Stop,
  arms: readonly ((wake: () => void, fail: (error: unknown) => void) => () => void)[],
): Promise<void> {
  signal.throwIfAborted();
  const detach: (() => void)[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      detach.push(onAbort(signal, reject));
      for (const arm of arms) detach.push(arm(resolve, reject));
    });
  } finally {
    for (const undo of detach) undo();
  }
}
