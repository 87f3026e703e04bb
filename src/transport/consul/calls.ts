import { Backoff } from '../../core/backoff.js';
import { describeCall, unknownOutcome } from '../../core/call-errors.js';
import type { Clock, Random } from '../../core/clock.js';
import { openScope, orAbort, type Scope, sleep, timeoutError } from '../../core/signals.js';
import type { CallOptions } from '../../core/store.js';
import { CoordinationError, type ErrorDetails, isCoordinationError } from '../../errors.js';
import { Failure, garbledAnswer, meaningOf } from './failure.js';
import { type Answer, type Exchange, Http } from './http.js';
import { type ConsulConfig, checkTokenText } from './options.js';

/** Kinds of requests, for counting. */
export type RequestKind = 'txn' | 'read' | 'poll' | 'grant' | 'renew' | 'revoke' | 'leader';

/** One call, whatever it takes. */
export interface Job<A> {
  readonly kind: RequestKind;
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Statuses that are an answer, besides 200. */
  readonly accepts?: readonly number[];
  /** Makes sense of an answer. What it throws as PROTOCOL_ERROR leaves a write's outcome unknown. */
  readonly read: (answer: Answer) => A;
  /** Applied at most once. Without it, doing it again does no harm. */
  readonly write?: boolean;
  /** For messages: `commit`, `read`; and what it is about. */
  readonly verb: string;
  readonly details?: ErrorDetails;
  /** What an ACL policy must say for it. */
  readonly rule: string;
}

const sessionConnections = 4;

/** The longest that a server can make us wait by asking for it. */
const longestPauseMs = 5_000;

/** A token that was asked for. */
type Asked = Promise<string | undefined>;

const none: Asked = Promise.resolve(undefined);

/** A call under way. */
interface Struggle<A> {
  readonly job: Job<A>;
  readonly timeoutMs: number;
  readonly untilMs: number;
  readonly scope: Scope;
  backoff: Backoff | undefined;
  attempts: number;
  tokens: number;
  token: Asked;
}

/**
 * Calls, each within its time: with a token where there is one, and repeated only as far as that can do no harm.
 */
export class Calls {
  readonly counts = new Map<RequestKind, number>();
  readonly #config: ConsulConfig;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #http: Http;
  readonly #polls: Http;
  readonly #sessions: Http;
  readonly #scopes = new Set<Scope>();
  readonly #recovered: (sinceMs: number) => void;
  /** What every request says about where it is meant for. */
  readonly #place: string;
  #token: Asked | undefined;
  #failedMs: number | undefined;
  #closed: { readonly reason: unknown } | undefined;

  /** `recovered` is told when a call was answered again after one had failed on its way, and when that was. */
  constructor(config: ConsulConfig, clock: Clock, random: Random, recovered: (sinceMs: number) => void) {
    this.#config = config;
    this.#clock = clock;
    this.#random = random;
    this.#http = new Http(config, clock, config.connections.calls);
    this.#polls = new Http(config, clock, config.connections.watches);
    this.#sessions = new Http(config, clock, sessionConnections);
    this.#recovered = recovered;
    this.#place = new URLSearchParams(config.place).toString();
  }

  /** Ends everything with this reason. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const scope of [...this.#scopes]) scope.abort(reason);
    this.#http.close(reason);
    this.#polls.close(reason);
    this.#sessions.close(reason);
  }

  /** A call to its end. */
  async call<A>(job: Job<A>, options: CallOptions | undefined): Promise<A> {
    const timeoutMs = options?.timeoutMs ?? this.#config.timeouts.callMs;
    const untilMs = this.#clock.now() + timeoutMs;
    const scope = this.#open(options?.signal);
    const struggle: Struggle<A> = {
      job,
      timeoutMs,
      untilMs,
      scope,
      backoff: undefined,
      attempts: 0,
      tokens: 0,
      token: none,
    };
    try {
      for (;;) {
        try {
          return await this.#attempt(struggle);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          await this.#recover(struggle, error);
        }
      }
    } finally {
      this.#done(scope);
    }
  }

  /** A scope that ends with the signal, or with the store. */
  #open(signal: AbortSignal | undefined): Scope {
    const scope = openScope(this.#clock, { signal }, 'a call');
    if (this.#closed !== undefined) scope.abort(this.#closed.reason);
    this.#scopes.add(scope);
    return scope;
  }

  #done(scope: Scope): void {
    this.#scopes.delete(scope);
    scope[Symbol.dispose]();
  }

  /** Waits, unless the signal or the store ends it before, with its reason. */
  async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const scope = this.#open(signal);
    try {
      await sleep(this.#clock, ms, scope);
    } finally {
      this.#done(scope);
    }
  }

  /** One request, once, whose answer begins within this time. Rejects with what became of it as a coded error. */
  async once<A>(job: Job<A>, beginMs: number, signal: AbortSignal): Promise<A> {
    for (let tokens = 0; ; tokens++) {
      const asked = this.#currentToken();
      try {
        const token = await orAbort(asked, signal);
        return await this.#exchange(this.#httpFor(job), job, { token, beginMs, signal });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const again = error.meaning.remedy === 'new-token' && this.#config.token !== undefined && tokens === 0;
        if (error.pauseMs > 0) await this.pause(error.pauseMs, signal);
        if (!again) throw error.toError(describeCall(job), job.details, job.rule);
        this.#forget(asked);
      }
    }
  }

  async #attempt<A>(struggle: Struggle<A>): Promise<A> {
    const { job, untilMs, scope } = struggle;
    const { attemptMs } = this.#config.timeouts;
    const leftMs = Math.max(1, untilMs - this.#clock.now());
    struggle.token = this.#currentToken();
    const token = struggle.token === none ? undefined : await this.#tokenWithin(struggle.token, leftMs, scope);
    const beginMs = job.write === true ? leftMs : Math.min(attemptMs, leftMs);
    return this.#exchange(this.#httpFor(job), job, { token, beginMs, limitMs: leftMs, signal: scope });
  }

  /** A session must not have to wait behind calls that the store is slow to answer. */
  #httpFor<A>({ kind }: Job<A>): Http {
    if (kind === 'poll') return this.#polls;
    return kind === 'txn' || kind === 'read' ? this.#http : this.#sessions;
  }

  async #exchange<A>(http: Http, job: Job<A>, how: Omit<Exchange, 'method' | 'path'>): Promise<A> {
    const { method, body } = job;
    this.counts.set(job.kind, (this.counts.get(job.kind) ?? 0) + 1);
    let answer: Answer;
    try {
      answer = await http.exchange({ ...how, method, path: this.#target(job), body });
    } catch (error) {
      // What is wrong with one poll need not concern the others.
      const single = job.kind === 'poll' || job.kind === 'leader';
      if (error instanceof Failure && !single) this.#failedMs = this.#clock.now();
      throw error;
    }
    if (job.kind !== 'poll') this.#answered();
    const { status, body: text } = answer;
    if (status !== 200 && job.accepts?.includes(status) !== true) {
      const said = withoutToken(text.trim(), how.token);
      throw new Failure(meaningOf(status, text), `${status} ${said}`, { pauseMs: pauseOf(answer) });
    }
    return readAnswer(job, answer);
  }

  #answered(): void {
    const failedMs = this.#failedMs;
    if (failedMs === undefined) return;
    this.#failedMs = undefined;
    this.#recovered(failedMs);
  }

  #target<A>({ path, query }: Job<A>): string {
    const parts = [query === undefined ? '' : new URLSearchParams(query).toString(), this.#place];
    const text = parts.filter((part) => part !== '').join('&');
    return text === '' ? path : `${path}?${text}`;
  }

  /** A token that Consul no longer knows, unless another one was asked for meanwhile. */
  #forget(asked: Asked): void {
    if (this.#token === asked) this.#token = undefined;
  }

  #currentToken(): Asked {
    const { token } = this.#config;
    if (token === undefined) return none;
    this.#token ??= askFor(token).catch((error: unknown) => {
      this.#token = undefined;
      throw error;
    });
    return this.#token;
  }

  /** Whoever gives the token may be slow, and must not keep a call beyond its time. */
  async #tokenWithin(asked: Asked, leftMs: number, scope: Scope): Promise<string | undefined> {
    const wait = openScope(this.#clock, { timeoutMs: leftMs }, 'the token');
    try {
      return await orAbort(orAbort(asked, scope), wait);
    } finally {
      wait[Symbol.dispose]();
    }
  }

  /** Decides what becomes of a call after a failure: throws its error, or returns when it may be tried again. */
  async #recover<A>(struggle: Struggle<A>, failure: Failure): Promise<void> {
    const { job, scope, untilMs } = struggle;
    const { meaning, pauseMs } = failure;
    struggle.attempts++;
    scope.throwIfAborted();
    const what = describeCall(job);
    if (job.write === true && meaning.applied === 'unknown')
      throw unknownOutcome(what, job.details ?? {}, failure.toError(what));
    const error = (): CoordinationError => failure.toError(what, job.details, job.rule);
    const late = (): CoordinationError => timeoutError(struggle.timeoutMs, what, { ...job.details, cause: error() });
    if (this.#clock.now() >= untilMs) throw late();
    if (!this.#mayRepeat(struggle, failure)) throw error();
    struggle.backoff ??= new Backoff(this.#clock, this.#random, this.#config.retry);
    const waitMs = Math.max(struggle.backoff.nextMs(), pauseMs);
    if (this.#clock.now() + waitMs >= untilMs) throw meaning.code === 'TIMEOUT' ? late() : error();
    await sleep(this.#clock, waitMs, scope);
  }

  #mayRepeat<A>(struggle: Struggle<A>, { meaning }: Failure): boolean {
    if (meaning.remedy === 'none' || struggle.attempts >= this.#config.retry.attempts) return false;
    if (meaning.remedy === 'repeat') return true;
    this.#forget(struggle.token);
    return this.#config.token !== undefined && ++struggle.tokens <= 1;
  }
}

/** What a server says may be what it was sent. */
function withoutToken(text: string, token: string | undefined): string {
  return token === undefined ? text : text.replaceAll(token, '(token)');
}

async function askFor(source: () => string | Promise<string>): Promise<string> {
  let token: unknown;
  try {
    token = await source();
  } catch (cause) {
    const sentence = 'The function that gives the token has failed; it is asked again with the next call.';
    throw new CoordinationError('UNAUTHENTICATED', sentence, { field: 'token', retryable: true, cause });
  }
  checkTokenText(token);
  return token;
}

function readAnswer<A>(job: Job<A>, answer: Answer): A {
  try {
    return job.read(answer);
  } catch (error) {
    if (!isCoordinationError(error, 'PROTOCOL_ERROR')) throw error;
    throw new Failure(garbledAnswer, error.message);
  }
}

/** For how long the answer asks not to be bothered. A date instead of seconds is not used by Consul. */
function pauseOf({ headers }: Answer): number {
  const seconds = Number(headers['retry-after'] ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, longestPauseMs) : 0;
}
