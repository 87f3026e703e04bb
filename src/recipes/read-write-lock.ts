import { checkCall, checkFunction, checkKnown } from '../core/checks.js';
import type { ClientContext } from '../core/context.js';
import { runHolding } from '../core/hold.js';
import type { CallOptions, Entry } from '../core/store.js';
import { Line } from './line.js';
import { exclusive, type LineRule } from './line-rule.js';
import { type SessionChoice, sessionOptions, sessionSource } from './line-session.js';
import { type AcquireOptions, aboutClient, type Contender, contender, ticketValue } from './line-ticket.js';
import { type LockMode, modeOf, ReadWriteHold } from './read-write-hold.js';

export interface ReadWriteLockOptions extends SessionChoice {
  /** A few words about who this is or what for, shown to those who look at the line. */
  readonly label?: string | undefined;
}

/** One that holds a read-write lock, or waits for it. */
export interface ReadWriteContender extends Contender {
  /** A ticket that does not say that it reads counts as a writer's. */
  readonly mode: LockMode;
}

/** A reader waits for the nearest writer ahead; it is served with all readers that stand next to it in line. */
const shared: LineRule = {
  look: (prefix, mine) => [{ prefix, order: 'oldest', ...(mine && { createdBefore: mine.created + 1n }) }],
  blocker: ([line = []], mine) =>
    line.findLast(({ key, value }) => key !== mine?.key && modeOf(value).mode === 'write'),
};

/**
 * Many readers or one writer between processes, in the order of arrival: a reader that comes after a waiting writer
 * waits for it, so that writers are not starved, nor readers by writers.
 *
 * Tokens of writers increase; a reader's is greater than that of every writer that was before it. Not reentrant: see
 * {@link ReadWriteHold.tryUpgrade} for a reader that wants to write. As with {@link Mutex}, fence what must not happen
 * twice: see {@link Hold}.
 */
export class ReadWriteLock {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #readers: Line<ReadWriteHold>;
  readonly #writers: Line<ReadWriteHold>;
  readonly #about: string;

  /** Sends nothing. Throws `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_TTL`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(client: ClientContext, path: string, options: ReadWriteLockOptions = {}) {
    checkKnown(options, [...sessionOptions, 'label'], 'ReadWriteLock');
    const sessions = sessionSource(client, options);
    // One line, seen in two ways.
    this.#readers = new Line(client, path, sessions, shared, (parts) => new ReadWriteHold(parts));
    this.#writers = new Line(client, path, sessions, exclusive, (parts) => new ReadWriteHold(parts));
    this.#client = client;
    this.#about = aboutClient(client, 'read-write-lock', options.label);
    this.path = path;
  }

  /**
   * Waits until no writer is ahead in line. One round trip when there is none; otherwise as {@link Mutex.acquire}, whose
   * errors it has too.
   */
  async acquireRead(options: AcquireOptions = {}): Promise<ReadWriteHold> {
    return this.#readers.acquire(this.#joinOptions('read', options));
  }

  /** Waits until nobody is ahead in line. One round trip when nobody is; otherwise as {@link Mutex.acquire}. */
  async acquireWrite(options: AcquireOptions = {}): Promise<ReadWriteHold> {
    return this.#writers.acquire(this.#joinOptions('write', options));
  }

  /**
   * A reader's hold if no writer has the lock or waits for it, else undefined, without waiting. One round trip and no
   * write when there is one, two when there is none.
   */
  async tryAcquireRead(options: AcquireOptions = {}): Promise<ReadWriteHold | undefined> {
    return this.#readers.tryAcquire(this.#joinOptions('read', options));
  }

  /** A writer's hold if nobody has the lock, else undefined. Costs as {@link ReadWriteLock.tryAcquireRead}. */
  async tryAcquireWrite(options: AcquireOptions = {}): Promise<ReadWriteHold | undefined> {
    return this.#writers.tryAcquire(this.#joinOptions('write', options));
  }

  /** Runs `task` as a reader. As {@link Mutex.run}. */
  async read<T>(task: (hold: ReadWriteHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    checkFunction(task, 'task');
    const hold = await this.acquireRead(options);
    return runHolding(hold, () => task(hold));
  }

  /** Runs `task` as the writer. As {@link Mutex.run}. */
  async write<T>(task: (hold: ReadWriteHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    checkFunction(task, 'task');
    const hold = await this.acquireWrite(options);
    return runHolding(hold, () => task(hold));
  }

  /** Who holds the lock: readers, or one writer; empty where nobody does. One round trip. */
  async holders(options: CallOptions = {}): Promise<readonly ReadWriteContender[]> {
    const { tickets } = await this.#readers.tickets(options);
    return tickets.filter(isHolder(tickets)).map(described);
  }

  /** Who waits for the lock, in order. One round trip. */
  async waiters(options: CallOptions = {}): Promise<readonly ReadWriteContender[]> {
    const { tickets } = await this.#readers.tickets(options);
    const holds = isHolder(tickets);
    return tickets.filter((ticket) => !holds(ticket)).map(described);
  }

  #joinOptions(mode: LockMode, options: AcquireOptions) {
    checkCall(options, mode, ['info']);
    const { signal, timeoutMs, info } = options;
    const value = () => ticketValue(this.#client, this.#about, info, `,"mode":"${mode}"`);
    return { signal, timeoutMs, value };
  }
}

function described(ticket: Entry): ReadWriteContender {
  return { ...contender(ticket), mode: modeOf(ticket.value).mode };
}

/** Tells the tickets that hold: the oldest, and with a reader the other readers up to the first writer. */
function isHolder(line: readonly Entry[]): (ticket: Entry) => boolean {
  const holders = new Set<Entry>();
  // Nobody who came after a reader had become a writer holds beside it.
  let until: bigint | undefined;
  for (const ticket of line) {
    const { mode, upgraded } = modeOf(ticket.value);
    const writes = mode === 'write' && !upgraded;
    if (holders.size > 0 && (writes || (until !== undefined && ticket.created > until))) break;
    holders.add(ticket);
    if (writes) break;
    if (upgraded) until = ticket.modified;
  }
  return (ticket) => holders.has(ticket);
}
