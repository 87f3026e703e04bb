import { type Client, Metadata, status } from '@grpc/grpc-js';
import { describeCall, unknownOutcome } from '../../core/call-errors.js';
import type { Clock, Random } from '../../core/clock.js';
import { onAbort, openScope, orAbort, type Scope, timeoutError } from '../../core/signals.js';
import type { CallOptions } from '../../core/store.js';
import type { ErrorDetails } from '../../errors.js';
import { Auth, isAuthDisabled } from './auth.js';
import { AuthenticateRequest } from './codec/etcd.js';
import type { Endpoints } from './endpoints.js';
import { Failure } from './failure.js';
import { finished, type Method, methods } from './methods.js';
import type { EtcdConfig } from './options.js';
import { Retry } from './retry.js';
import { startUnary, type Unary, type UnaryEnd } from './unary.js';

/** One unary call, whatever it takes. */
export interface Job<A> {
  readonly method: Method<A>;
  readonly request: Buffer;
  /** `write`: applied at most once. `repeatable`: doing it again does no harm. */
  readonly kind: 'write' | 'repeatable';
  /** For messages: `commit`, `read`; and what it is about. */
  readonly verb: string;
  readonly details?: ErrorDetails;
  readonly options?: CallOptions | undefined;
  /** Sent without a token: the login itself. */
  readonly anonymous?: boolean;
}

/** An attempt under way, as the one thing that the end of a store needs of it. */
interface Open {
  end(reason: unknown): void;
}

/** A call that has met its first failure, or that has to connect first. */
interface Struggle {
  readonly scope: Scope;
  readonly untilMs: number;
  readonly retry: Retry;
  attempts: number;
  logins: number;
  metadata: Metadata | undefined;
  last: Failure | undefined;
}

const maxLogins = 3;

/**
 * Unary calls: to the endpoint in use, to others when it fails, with a token where one is needed, always with a deadline,
 * and repeated only as far as that can do no harm. A call that succeeds at once pays for none of this.
 */
export class Calls {
  readonly auth: Auth;
  readonly #config: EtcdConfig;
  readonly #endpoints: Endpoints;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #life: AbortSignal;
  readonly #open = new Set<Open>();
  readonly #counts = new Map<string, number>();

  constructor(config: EtcdConfig, endpoints: Endpoints, clock: Clock, random: Random, life: AbortSignal) {
    this.#config = config;
    this.#endpoints = endpoints;
    this.#clock = clock;
    this.#random = random;
    this.#life = life;
    this.auth = new Auth(config.auth, (name, password) => this.#login(name, password));
  }

  /** How many requests of each method were handed to a connection. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Makes a call and gives its answer. Rejects as the contract says. */
  async call<A>(job: Job<A>): Promise<A> {
    this.#life.throwIfAborted();
    const timeoutMs = job.options?.timeoutMs ?? this.#config.timeouts.callMs;
    const connection = this.#endpoints.current;
    const client = connection.ready;
    const metadata = this.auth.ready;
    if (client === undefined || metadata === undefined) return await this.#struggle(job, timeoutMs, timeoutMs);
    const startedMs = this.#clock.now();
    try {
      return await this.#attempt(client, connection.address.name, job, metadata, timeoutMs);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const leftMs = startedMs + timeoutMs - this.#clock.now();
      return await this.#struggle(job, timeoutMs, leftMs, { failure: error, metadata });
    }
  }

  /** Ends every call with this reason. */
  close(reason: unknown): void {
    for (const open of [...this.#open]) open.end(reason);
  }

  async #struggle<A>(
    job: Job<A>,
    timeoutMs: number,
    leftMs: number,
    first?: { readonly failure: Failure; readonly metadata: Metadata },
  ): Promise<A> {
    using scope = openScope(this.#clock, { signal: job.options?.signal }, job.verb);
    const unlink = onAbort(this.#life, (reason) => scope.abort(reason));
    const retry = new Retry(this.#clock, this.#random, this.#config.retry);
    const untilMs = this.#clock.now() + leftMs;
    const { failure: last, metadata } = first ?? {};
    const struggle: Struggle = { scope, untilMs, retry, attempts: 0, logins: 0, metadata, last };
    try {
      for (;;) {
        if (struggle.last !== undefined) await this.#recover(job, timeoutMs, struggle, struggle.last);
        try {
          return await this.#next(job, struggle);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          struggle.last = error;
        }
      }
    } finally {
      unlink();
    }
  }

  /** One more attempt: connect, log in, send. */
  async #next<A>(job: Job<A>, struggle: Struggle): Promise<A> {
    const { signal } = struggle.scope;
    signal.throwIfAborted();
    if (job.anonymous !== true && this.auth.ready === undefined) {
      await orAbort(this.#inTime(struggle, this.auth.metadata()), signal);
    }
    const connection = this.#endpoints.current;
    const client = await connection.connect(this.#left(struggle), signal);
    const metadata = job.anonymous === true ? new Metadata() : await this.auth.metadata();
    struggle.metadata = metadata;
    return await this.#attempt(client, connection.address.name, job, metadata, this.#left(struggle));
  }

  async #inTime<T>(struggle: Struggle, promise: Promise<T>): Promise<T> {
    let cancel = (): void => {};
    const meaning = { code: 'TIMEOUT', applied: 'no', remedy: 'repeat' } as const;
    const late = new Promise<never>((_, reject) => {
      const failure = new Failure(meaning, this.#endpoints.current.address.name, 'no token in time');
      cancel = this.#clock.after(this.#left(struggle), () => reject(failure));
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      cancel();
    }
  }

  #left({ untilMs }: Struggle): number {
    return Math.max(1, untilMs - this.#clock.now());
  }

  /** Decides what becomes of a call after a failure: throws its error, or returns when it may be tried again. */
  async #recover<A>(job: Job<A>, timeoutMs: number, struggle: Struggle, failure: Failure): Promise<void> {
    const { meaning } = failure;
    const { attempts: maxAttempts } = this.#config.retry;
    struggle.attempts++;
    struggle.scope.throwIfAborted();
    const what = describeCall(job);
    if (meaning.remedy === 'other-endpoint') this.#leave(failure);
    if (meaning.remedy === 'authenticate' && struggle.metadata !== undefined) this.auth.expire(struggle.metadata);
    if (job.kind === 'write' && meaning.applied === 'unknown')
      throw unknownOutcome(what, job.details ?? {}, failure.toError(what));
    const late = this.#clock.now() >= struggle.untilMs;
    if (late) throw timeoutError(timeoutMs, what, { ...job.details, cause: failure.toError(what) });
    if (!this.#mayRepeat(failure, struggle) || struggle.attempts >= maxAttempts)
      throw failure.toError(what, job.details);
    const round = struggle.attempts % this.#endpoints.count === 0;
    const again = meaning.remedy === 'repeat' || (meaning.remedy === 'authenticate' && struggle.logins > 1);
    if (round || again) await struggle.retry.wait(this.#left(struggle), struggle.scope.signal);
  }

  #mayRepeat({ meaning }: Failure, struggle: Struggle): boolean {
    if (meaning.remedy === 'none') return false;
    // Certificates do not mend themselves: each endpoint gets one chance.
    if (meaning.code === 'TLS_FAILED') return struggle.attempts < this.#endpoints.count;
    if (meaning.remedy === 'authenticate') return this.auth.renewable && ++struggle.logins <= maxLogins;
    return true;
  }

  #leave({ meaning, endpoint, patient }: Failure): void {
    // A caller in a great hurry says nothing about the endpoint.
    if (meaning.code !== 'TIMEOUT') this.#endpoints.failed(endpoint);
    else if (patient) this.#endpoints.failed(endpoint, true);
  }

  #attempt<A>(client: Client, endpoint: string, job: Job<A>, metadata: Metadata, leftMs: number): Promise<A> {
    const { method, request, kind, options } = job;
    const { attemptMs } = this.#config.timeouts;
    const limitMs = kind === 'repeatable' && attemptMs < leftMs ? attemptMs : leftMs;
    const deadline = this.#clock.wall() + limitMs;
    this.#counts.set(method.name, (this.#counts.get(method.name) ?? 0) + 1);
    return new Promise<A>((resolve, reject) => {
      let unlink: (() => void) | undefined;
      const open: Open = {
        end: (reason) => {
          if (!this.#open.delete(open)) return;
          unlink?.();
          reject(reason);
          call.cancel();
        },
      };
      this.#open.add(open);
      const done = (end: UnaryEnd<A>): void => {
        if (!this.#open.delete(open)) return;
        unlink?.();
        if ('answer' in end) resolve(end.answer);
        else reject(Failure.of(end.code, end.details, endpoint, limitMs >= Math.min(attemptMs, 1_000)));
      };
      let call: Unary;
      try {
        call = startUnary(client, method, request, metadata, deadline, done);
      } catch {
        this.#open.delete(open);
        reject(Failure.of(status.UNAVAILABLE, 'Channel closed before call started', endpoint));
        return;
      }
      if (options?.signal !== undefined) unlink = onAbort(options.signal, open.end);
    });
  }

  async #login(name: string, password: string): Promise<string | undefined> {
    const request = finished(AuthenticateRequest.encode({ name, password }));
    try {
      const job = {
        method: methods.authenticate,
        request,
        kind: 'repeatable',
        verb: 'log in',
        anonymous: true,
      } as const;
      return (await this.call(job)).token;
    } catch (error) {
      if (isAuthDisabled(error)) return undefined;
      throw error;
    }
  }
}
