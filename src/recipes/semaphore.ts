import { Backoff } from '../core/backoff.js';
import { checkCall, checkFunction, checkKnown } from '../core/checks.js';
import { decodeJsonObject } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { Hold, type HoldParts, runHolding } from '../core/hold.js';
import { checkPath } from '../core/keys.js';
import { openScope, type Scope } from '../core/signals.js';
import { type CallOptions, type Entry, put, read } from '../core/store.js';
import { isCoordinationError, isRetryable, printable } from '../errors.js';
import { Line } from './line.js';
import { exclusive } from './line-rule.js';
import { retrying, type SessionChoice, sessionOptions, sessionSource } from './line-session.js';
import { type AcquireOptions, aboutClient, type Contender, contender, ticketValue } from './line-ticket.js';
import { checkPermits, Limit } from './semaphore-limit.js';
import { PermitRule, permitsOf, shareOf } from './semaphore-rule.js';

export interface SemaphoreOptions extends SessionChoice {
  /**
   * How many permits there are, from 1. The first one who uses the semaphore puts it into the store; whoever gives
   * neither that number nor the present limit is refused with `LIMIT_MISMATCH`. Default: what is stored.
   */
  readonly permits?: number | undefined;
  /** A few words about who this is or what for, shown to those who look at the line. */
  readonly label?: string | undefined;
}

export interface PermitRunOptions extends AcquireOptions {
  /** How many permits to hold while the task runs. Default 1. */
  readonly permits?: number | undefined;
}

/** One that holds permits, or waits for them. */
export interface PermitContender extends Contender {
  /** How many; Infinity where the ticket, of a foreign program, does not say. */
  readonly permits: number;
}

/** Permits that are held, all of them or none. */
export class Permits extends Hold {
  /** How many. */
  readonly permits: number;

  /** @internal `waited`: others may watch the ticket, to learn that it waits no more. */
  constructor(parts: HoldParts, waited: boolean) {
    super(parts);
    this.permits = shareOf(parts.ticket.value).permits;
    if (waited) void this.#tellServed(parts.ticket.value).catch(() => {});
  }

  /** The next one finds out by itself once per TTL, so that this may fail, as with the end of the hold. */
  async #tellServed(value: Uint8Array): Promise<void> {
    const backoff = new Backoff(this.client.clock, this.client.random);
    const told = JSON.stringify({ ...decodeJsonObject(value), served: true });
    while (this.isHeld()) {
      try {
        await this.commit([put(this.key, told, this.session.lease)], { timeoutMs: this.session.patienceMs });
        return;
      } catch (error) {
        if (!isRetryable(error) && !isCoordinationError(error, 'UNKNOWN_OUTCOME')) throw error;
        await backoff.wait(this.signal);
      }
    }
  }
}

/**
 * So many permits between processes: no more are held at once than there are, in the order of arrival, many or few. One
 * that wants many is not overtaken by others that want few. The limit can change while in use: where it shrinks,
 * nobody is let in until enough have left. See {@link Hold} on what a hold that a lease backs can promise.
 */
export class Semaphore {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #line: Line<Permits>;
  readonly #limit: Limit;
  readonly #about: string;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: SemaphoreOptions = {}) {
    checkKnown(options, [...sessionOptions, 'permits', 'label'], 'Semaphore');
    checkPath(path);
    if (options.permits !== undefined) checkPermits(options.permits, 'permits');
    const sessions = sessionSource(client, options);
    const made = (parts: HoldParts, waited: boolean) => new Permits(parts, waited);
    this.#line = new Line(client, `${path}/line`, sessions, exclusive, made);
    this.#limit = new Limit(client, `${path}/limit`, options.permits);
    this.#client = client;
    this.#about = aboutClient(client, 'semaphore', options.label);
    this.path = path;
  }

  /**
   * Waits in line for so many permits. One round trip when there is room, two where this object is the first to say how
   * many there are but not the first of all. Where there is none, a watch or two while waiting, and then one round trip.
   *
   * Rejects as {@link Mutex.acquire}; with `INVALID_OPTION` where there never are so many, with `LIMIT_MISMATCH` where
   * others agreed on another limit, or where by now there are fewer than asked for, with `CORRUPT_DATA` where somebody
   * deleted or garbled the limit. In each case nothing is left in line.
   */
  async acquire(permits = 1, options: AcquireOptions = {}): Promise<Permits> {
    return this.#line.acquire(this.#joinOptions(permits, options));
  }

  /**
   * So many permits if there is room, else undefined, without waiting. One round trip and no write when there is none,
   * two when there is. Rejects as {@link Semaphore.acquire}.
   */
  async tryAcquire(permits = 1, options: AcquireOptions = {}): Promise<Permits | undefined> {
    return this.#line.tryAcquire(this.#joinOptions(permits, options));
  }

  /** Runs `task` while holding permits. As {@link Mutex.run}. */
  async run<T>(task: (hold: Permits) => Promise<T> | T, options: PermitRunOptions = {}): Promise<T> {
    checkFunction(task, 'task');
    checkCall(options, 'run', ['permits', 'info']);
    const { permits, ...others } = options;
    const hold = await this.acquire(permits, others);
    return runHolding(hold, () => task(hold));
  }

  /**
   * Changes the limit for everybody. What is held stays held; where it is more than the new limit, nobody is let in
   * until there is room. Who waits for more than the new limit is refused with `LIMIT_MISMATCH`. Safe to say again
   * where it rejects. Two round trips.
   */
  async resize(limit: number, options: CallOptions = {}): Promise<void> {
    checkCall(options, 'resize');
    checkPermits(limit, 'limit');
    await this.#within(options, (scope) => this.#limit.write(limit, scope));
  }

  /** How many permits there are. Rejects with `INVALID_OPTION` where nobody has said so yet. One round trip. */
  async limit(options: CallOptions = {}): Promise<number> {
    const { limit } = await this.#state(options);
    return limit;
  }

  /**
   * How many permits nobody holds; what somebody in line waits for may be among them. One round trip.
   */
  async available(options: CallOptions = {}): Promise<number> {
    const { limit, holders } = await this.#state(options);
    return Math.max(0, limit - permitsOf(holders));
  }

  /** Who holds permits. After the limit was made smaller, those that are too many may be told as waiting. One round trip. */
  async holders(options: CallOptions = {}): Promise<readonly PermitContender[]> {
    const { holders } = await this.#state(options);
    return holders.map(described);
  }

  /** Who waits for permits, in order. One round trip. */
  async waiters(options: CallOptions = {}): Promise<readonly PermitContender[]> {
    const { holders, line } = await this.#state(options);
    return line.slice(holders.length).map(described);
  }

  async #state(options: CallOptions) {
    checkCall(options, 'semaphore');
    const queries = [this.#limit.query, { prefix: `${this.path}/line/`, order: 'oldest' }] as const;
    const { store } = this.#client;
    return this.#within(options, async (scope) => {
      const commit = () => store.commit([], queries.map(read), { signal: scope.signal });
      const [limits, line = []] = (await retrying(this.#client, scope, commit)).reads;
      const limit = this.#limit.told(limits?.[0]);
      return { limit, line, holders: holdersOf(line, limit) };
    });
  }

  async #within<T>(options: CallOptions, task: (scope: Scope) => Promise<T>): Promise<T> {
    using scope = openScope(this.#client.clock, options, `at the semaphore "${printable(this.path)}"`);
    return await task(scope);
  }

  #joinOptions(permits: number, options: AcquireOptions) {
    checkPermits(permits, 'permits');
    checkCall(options, 'acquire', ['info']);
    const { signal, timeoutMs, info } = options;
    const value = () => ticketValue(this.#client, this.#about, info, `,"permits":${permits}`);
    return { signal, timeoutMs, value, rule: () => new PermitRule(this.path, this.#limit, permits) };
  }
}

function described(ticket: Entry): PermitContender {
  return { ...contender(ticket), permits: shareOf(ticket.value).permits };
}

/** The first of the line: all that fit, and all up to the last that says that it was served. */
function holdersOf(line: readonly Entry[], limit: number): readonly Entry[] {
  let sum = 0;
  const until = line.findLastIndex(({ value }) => shareOf(value).served);
  return line.filter(({ value }, at) => {
    sum += shareOf(value).permits;
    return sum <= limit || at <= until;
  });
}
