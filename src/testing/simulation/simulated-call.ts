import type { Clock } from '../../core/clock.js';
import { onAbort, timeoutError } from '../../core/signals.js';
import type { CallOptions } from '../../core/store.js';
import { CoordinationError } from '../../errors.js';

/** What can be asked of a store and is answered once. */
export type CallName = 'read' | 'commit' | 'grant' | 'renew' | 'revoke';

/** How long a call may take that does not say so itself. */
const defaultTimeoutMs = 5_000;

/**
 * One question that a client has put to the store. It ends once: by its answer, by the caller, or by what became of the
 * connection. The store may serve it after that: what was sent is sent.
 */
export class SimulatedCall {
  readonly name: CallName;
  /** What the store does when the request gets there. Throws the store's own errors. */
  readonly serve: () => unknown;
  /** For how long the store keeps it waiting, as things are. */
  readonly waitMs: () => number;
  /** Whether it may have changed anything, so that it cannot be made again. */
  readonly #writes: boolean;
  readonly #resolve: (answer: never) => void;
  readonly #reject: (error: unknown) => void;
  readonly #ended: (call: SimulatedCall) => void;
  readonly #cancelTimer: () => void;
  #unlink: () => void = () => {};
  #over = false;

  constructor(setup: CallSetup) {
    const { clock, options, name } = setup;
    this.name = name;
    this.serve = setup.serve;
    this.waitMs = setup.waitMs ?? (() => 0);
    this.#writes = setup.writes;
    this.#resolve = setup.resolve;
    this.#reject = setup.reject;
    this.#ended = setup.ended;
    const timeoutMs = options?.timeoutMs ?? defaultTimeoutMs;
    this.#cancelTimer = clock.after(timeoutMs, () => {
      const cause = timeoutError(timeoutMs, name);
      this.fail(this.#writes ? unknownOutcome(cause) : cause);
    });
    this.#unlink = onAbort(options?.signal, (reason) => this.fail(reason));
  }

  get over(): boolean {
    return this.#over;
  }

  /** The answer is there. */
  answer(answer: unknown): void {
    // What `serve` has returned is what the caller was promised: both come from the same method of the store.
    if (this.#end()) this.#resolve(answer as never);
  }

  /** It was refused, or given up. */
  fail(error: unknown): void {
    if (this.#end()) this.#reject(error);
  }

  /** The connection is gone, with the request or with the answer to it. */
  lose(): void {
    this.fail(this.#writes ? unknownOutcome() : unreachable(this.name));
  }

  /** There is nobody to connect to: nothing was sent. */
  refuse(): void {
    this.fail(unreachable(this.name));
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#cancelTimer();
    this.#unlink();
    this.#ended(this);
    return true;
  }
}

/** What a {@link SimulatedCall} is made of. */
export interface CallSetup {
  readonly name: CallName;
  readonly clock: Clock;
  readonly options: CallOptions | undefined;
  readonly writes: boolean;
  readonly serve: () => unknown;
  readonly waitMs?: (() => number) | undefined;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
  readonly ended: (call: SimulatedCall) => void;
}

function unreachable(name: CallName): CoordinationError {
  return new CoordinationError('UNAVAILABLE', `The store cannot be reached (${name}).`);
}

function unknownOutcome(cause?: unknown): CoordinationError {
  const sentence = 'It cannot be told whether the commit was applied: no answer came.';
  return new CoordinationError('UNKNOWN_OUTCOME', sentence, { cause });
}
