import { checkCall, checkKnown } from '../core/checks.js';
import { decodeJsonObject, encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import { Hold, runHolding } from '../core/hold.js';
import type { CallOptions, Entry } from '../core/store.js';
import { CoordinationError } from '../errors.js';
import { exclusive, Line } from './line.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';

export interface MutexOptions extends SessionChoice {
  /** A few words about who this is or what for, shown to those who look at the line. */
  readonly label?: string | undefined;
}

export interface AcquireOptions extends CallOptions {
  /** Anything that JSON can say, shown to those who look at the line, beside host, process id and label. */
  readonly info?: unknown;
}

/** One that holds a mutex, or waits for it, as the store shows it. Foreign programs leave most of it out. */
export interface Contender {
  /** The ticket's key. */
  readonly key: string;
  /** Its place in line, and its fencing token once it holds. */
  readonly token: bigint;
  readonly host?: string;
  readonly pid?: number;
  readonly label?: string;
  /** When it lined up, by its own wall clock, in milliseconds since 1970. */
  readonly since?: number;
  readonly info?: unknown;
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
    if (options.label !== undefined && typeof options.label !== 'string') {
      throw new CoordinationError('INVALID_OPTION', 'label must be a string.', { field: 'label' });
    }
    this.#line = new Line(client, path, sessionSource(client, options), exclusive, (parts) => new Hold(parts));
    this.#client = client;
    this.#about = aboutClient(client, options.label);
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
    return { signal, timeoutMs, value: () => this.#ticketValue(info) };
  }

  #ticketValue(info: unknown): Uint8Array {
    const since = Math.round(this.#client.clock.wall());
    if (info === undefined) return encodeText(`${this.#about},"since":${since}}`);
    try {
      return encodeText(`${this.#about},"since":${since},"info":${JSON.stringify(info) ?? 'null'}}`);
    } catch (cause) {
      throw new CoordinationError('INVALID_OPTION', 'info must be something that JSON can say.', {
        field: 'info',
        cause,
      });
    }
  }
}

/** The beginning of a ticket's JSON, up to what differs from one acquisition to the next. */
function aboutClient({ identity }: ClientContext, label: string | undefined): string {
  return JSON.stringify({ kind: 'mutex', ...identity, label }).slice(0, -1);
}

function contender({ key, created, value }: Entry): Contender {
  const about = decodeJsonObject(value) ?? {};
  const { host, pid, label, since, info } = about as Record<'host' | 'pid' | 'label' | 'since' | 'info', unknown>;
  return {
    key,
    token: created,
    ...(typeof host === 'string' && { host }),
    ...(typeof pid === 'number' && { pid }),
    ...(typeof label === 'string' && { label }),
    ...(typeof since === 'number' && { since }),
    ...(info !== undefined && { info }),
  };
}
