import { Backoff } from '../../core/backoff.js';
import type { Clock, Random } from '../../core/clock.js';
import { onAbort, sleep } from '../../core/signals.js';
import { isRetryable } from '../../errors.js';
import type { Scope } from './keys.js';
import { TokenBucket } from './token-bucket.js';
import type { State, View } from './view.js';

/** What one blocking query found. */
export interface Polled {
  readonly state: State;
  /** What to wait on next. */
  readonly index: bigint;
}

/** What is asked: how a scope is, at once, or once something has changed since `index`. */
export interface Question {
  readonly scope: Scope;
  /** What it is called by whoever watches it, for messages. */
  readonly name: string;
  readonly index: bigint | undefined;
  readonly signal: AbortSignal;
}

/** What a poll needs of its store. */
export interface PollContext {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a query waits for a change. */
  readonly watchMs: number;
  ask(question: Question): Promise<Polled>;
}

/** How often an answer may come that changes nothing: a watched key that is not there is woken by every write. */
const idle = { burst: 2, perSecond: 5 };
/** How often what changes is looked at. What it was in between is not seen. */
const busy = { burst: 100, perSecond: 100 };

/** So many entries that did not concern anybody count as one answer more. */
const besideShare = 200;

/** One blocking query after the other about one scope, for all views that it shows. */
export class Poll {
  readonly scope: Scope;
  readonly views = new Set<View>();
  readonly #context: PollContext;
  readonly #stopped = new AbortController();
  readonly #idle: TokenBucket;
  readonly #busy: TokenBucket;
  readonly #backoff: Backoff;
  /** The index of the last answer. */
  #last: bigint | undefined;
  /** What to wait on: the same, unless an answer is wanted at once. */
  #index: bigint | undefined;
  #current: { readonly askedMs: number; readonly end: AbortController } | undefined;

  constructor(scope: Scope, context: PollContext) {
    this.scope = scope;
    this.#context = context;
    const { clock, random } = context;
    this.#idle = new TokenBucket(clock, idle.burst, idle.perSecond);
    this.#busy = new TokenBucket(clock, busy.burst, busy.perSecond);
    this.#backoff = new Backoff(clock, random, { baseMs: 50, capMs: 2_000 });
  }

  /** Begins, with a first answer at once. */
  start(): void {
    void this.#run();
  }

  /** Ends the query under way and asks no more. */
  stop(): void {
    this.#stopped.abort(stopping);
  }

  /** Asks again at once, where the query under way is older than that: its connection may be dead. */
  renew(sinceMs: number): void {
    if (this.#current !== undefined && this.#current.askedMs < sinceMs) this.#current.end.abort(renewing);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const askedMs = this.#context.clock.now();
        const polled = await this.#ask();
        this.#backoff.reset();
        await this.#tell(polled, this.#context.clock.now() - askedMs);
      } catch (error) {
        // What comes next is to be answered at once, so that it is soon known whether it is answered at all.
        this.#index = undefined;
        if (signal.aborted || error === renewing) continue;
        if (isRetryable(error)) await sleep(this.#context.clock, this.#backoff.nextMs(), signal).catch(() => {});
        else this.#fail(error);
      }
    }
  }

  async #ask(): Promise<Polled> {
    const end = new AbortController();
    this.#current = { askedMs: this.#context.clock.now(), end };
    const unlink = onAbort(this.#stopped.signal, (reason) => end.abort(reason));
    const [first] = this.views;
    try {
      const name = first?.name ?? this.scope.text;
      return await this.#context.ask({ scope: this.scope, name, index: this.#index, signal: end.signal });
    } finally {
      this.#current = undefined;
      unlink();
    }
  }

  /** Hands the state on, and waits until it is time to ask again. */
  async #tell({ state, index }: Polled, tookMs: number): Promise<void> {
    // After its tombstones were swept, or from a backup, a range can be older than it was. Consul says to start over.
    const reset = this.#last !== undefined && index < this.#last;
    // An answer before its time without anything new: the state was replaced, and would now be waited on in vain.
    const early = index === this.#index && tookMs < this.#context.watchMs;
    const moved = index !== this.#last;
    this.#last = index;
    this.#index = reset || early ? undefined : index;
    let changed = false;
    for (const view of this.views) if (view.accept(state, reset)) changed = true;
    const { signal } = this.#stopped;
    if (changed) await this.#busy.take(1, signal);
    // What lies beside that which is watched has changed. The next change may be about it.
    else if (moved && state.entries.length > 0) await this.#busy.take(1 + state.entries.length / besideShare, signal);
    else await this.#idle.take(1, signal);
    // Often nobody wants to know more: whoever waited for a key to go has what it wanted.
    if (changed) await sleep(this.#context.clock, 0, signal);
  }

  #fail(error: unknown): void {
    this.stop();
    for (const view of [...this.views]) view.queue.fail(error);
  }
}

const stopping = { name: 'nobody watches any more' } as const;
const renewing = { name: 'to be asked again' } as const;
