import { checkCall, checkFunction, checkKnown } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { Hold, runHolding } from '../core/hold.js';
import type { CallOptions } from '../core/store.js';
import { Line } from './line.js';
import { exclusive } from './line-rule.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';
import { type AcquireOptions, aboutClient, type Contender, contender, ticketValue } from './line-ticket.js';

export interface MutexOptions extends SessionChoice {
  /** A few words about who this is or what for, shown to those who look at the line. */
  readonly label?: string | undefined;
}

/**
 * Mutual exclusion between processes: at most one holds it, in the order of arrival.
 *
 * Not reentrant, and not shared between tasks of a process: every acquisition has a ticket of its own. The holder is
 * told of a loss before the store can give the mutex to another; yet a lock that a lease backs cannot stop a process
 * that sleeps between the check and the deed, so fence what must not happen twice: see {@link Hold}.
 *
 * Tickets lie under `<path>/`, in the layout of etcd's Go `concurrency` package: a Go program, `etcdctl lock` or jetcd
 * can share the mutex.
 */
export class Mutex {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #line: Line;
  readonly #about: string;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: MutexOptions = {}) {
    checkKnown(options, [...sessionOptions, 'label'], 'Mutex');
    this.#line = new Line(client, path, sessionSource(client, options), exclusive, (parts) => new Hold(parts));
    this.#client = client;
    this.#about = aboutClient(client, 'mutex', options.label);
    this.path = path;
  }

  /**
   * Waits for the mutex, in line. One round trip when it is free; when it is not, the wait costs two watches, and the
   * handoff one event and one round trip.
   *
   * Rejects with the reason of `signal`, with `TIMEOUT`, with `SESSION_LOST` if so chosen by `onSessionLost`, with
   * `TICKET_LOST` when somebody deleted the ticket, with `CLOSED` or `SESSION_CLOSED` after the client was closed, or with an error of the store that waiting does not
   * mend. In each case the ticket is out of the line again. Outages are waited out for as long as `timeoutMs` allows.
   */
  async acquire(options: AcquireOptions = {}): Promise<Hold> {
    return this.#line.acquire(this.#joinOptions(options));
  }

  /**
   * The mutex if it is free, else undefined, without waiting. One round trip and no write when it is busy, two when it
   * is free. Rejects as {@link Mutex.acquire}.
   */
  async tryAcquire(options: AcquireOptions = {}): Promise<Hold | undefined> {
    return this.#line.tryAcquire(this.#joinOptions(options));
  }

  /**
   * Runs `task` while holding the mutex, and gives it back after, whatever becomes of the task. Resolves to the task's
   * result; rejects with the task's error, or, where the mutex was lost before the task ended well, with the reason of
   * the loss. The task should stop when `hold.signal` aborts.
   */
  async run<T>(task: (hold: Hold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    checkFunction(task, 'task');
    const hold = await this.acquire(options);
    return runHolding(hold, () => task(hold));
  }

  /** Who holds the mutex; undefined where nobody does. One round trip. */
  async holder(options: CallOptions = {}): Promise<Contender | undefined> {
    const [first] = await this.#contenders(options);
    return first;
  }

  /** Who waits for the mutex, in order, without the holder. One round trip. */
  async waiters(options: CallOptions = {}): Promise<readonly Contender[]> {
    return (await this.#contenders(options)).slice(1);
  }

  async #contenders(options: CallOptions): Promise<readonly Contender[]> {
    const { tickets } = await this.#line.tickets(options);
    return tickets.map(contender);
  }

  #joinOptions(options: AcquireOptions) {
    checkCall(options, 'acquire', ['info']);
    const { signal, timeoutMs, info } = options;
    return { signal, timeoutMs, value: () => ticketValue(this.#client, this.#about, info) };
  }
}
