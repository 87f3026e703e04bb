import type { ClientContext } from '../core/context.js';
import { diagnostics } from '../core/diagnostics.js';
import type { Hold, HoldParts } from '../core/hold.js';
import type { Ticket } from '../core/key-watch.js';
import { checkPath } from '../core/keys.js';
import type { Session } from '../core/session.js';
import { openScope, type Scope } from '../core/signals.js';
import type { CallOptions, Entry } from '../core/store.js';
import { isCoordinationError, printable } from '../errors.js';
import { Place } from './line-place.js';
import { retrying, type SessionSource } from './line-session.js';

/** What makes one kind of waiting line differ from another. */
export interface LineRule {
  /** How much of the line a decision has to look at: the nearest ticket ahead, or all that are ahead. */
  readonly reach: 'nearest' | 'all';
  /**
   * The ticket that has to go, or to change, before this one can be served; undefined where it can be served now.
   * `ahead` is ordered from the oldest to the newest.
   */
  blocker(ahead: readonly Ticket[], mine: Pick<Ticket, 'key' | 'value'>): Ticket | undefined;
}

/** One at a time, in the order of arrival. */
export const exclusive: LineRule = { reach: 'nearest', blocker: (ahead) => ahead.at(-1) };

/** How a line is joined. */
export interface JoinOptions extends CallOptions {
  /** The ticket's value. Asked for at every join, since a line can be joined again on a new session. */
  value(session: Session): Uint8Array;
}

/**
 * The waiting line under mutex, election and their kin. Whoever waits has a ticket: a key under the path, on its
 * session's lease. The order is that of creation. A waiter watches the one ticket that blocks it, and its own; when one
 * of them changes, a single linearizable read decides, and nobody is served unless its own ticket was seen in that
 * read. So a release wakes one waiter, and costs the same with two waiting as with a thousand.
 */
export class Line<H extends Hold = Hold> {
  readonly path: string;
  readonly #client: ClientContext;
  readonly #sessions: SessionSource;
  readonly #rule: LineRule;
  readonly #makeHold: (parts: HoldParts) => H;
  /** For messages; made once, since every acquisition names them. */
  readonly #waiting: string;

  constructor(
    client: ClientContext,
    path: string,
    sessions: SessionSource,
    rule: LineRule,
    makeHold: (parts: HoldParts) => H,
  ) {
    checkPath(path);
    this.path = path;
    this.#client = client;
    this.#sessions = sessions;
    this.#rule = rule;
    this.#makeHold = makeHold;
    this.#waiting = `waiting in line at "${printable(path)}"`;
  }

  /**
   * Waits in line until served. When it ends early, for whatever reason, the ticket is taken out of the line before
   * the promise rejects, or, where the store cannot be reached just then, in the background.
   */
  async acquire(options: JoinOptions): Promise<H> {
    const { clock } = this.#client;
    const { timeoutMs } = options;
    if (diagnostics.acquire.hasSubscribers) diagnostics.acquire.publish({ path: this.path });
    const deadline = timeoutMs === undefined ? undefined : clock.now() + timeoutMs;
    let leftMs = timeoutMs;
    for (;;) {
      try {
        return await this.#attempt(options, leftMs);
      } catch (error) {
        // The session died under the waiter; nobody else ended the wait. Behind the same promise, line up again.
        if (!isCoordinationError(error, 'SESSION_LOST') || !this.#sessions.rejoin) throw error;
        options.signal?.throwIfAborted();
      }
      if (deadline !== undefined) leftMs = Math.max(1, deadline - clock.now());
    }
  }

  /**
   * Serves at once or not at all: undefined where somebody is in the way. Writes nothing when the line is found busy;
   * where somebody else gets in between the look and the join, the ticket is withdrawn again.
   */
  async tryAcquire(options: JoinOptions): Promise<H | undefined> {
    const scope = openScope(this.#client.clock, options, `trying "${printable(this.path)}"`);
    try {
      const session = await this.#sessions.get(scope);
      const value = options.value(session);
      if (await this.#busy(value, scope)) return undefined;
      const place = new Place(this.#client, session, this.path, value, this.#rule, scope);
      return await place.stay(async () => {
        const blocker = await place.join();
        return blocker === undefined ? this.#makeHold(await place.serve()) : undefined;
      });
    } finally {
      scope[Symbol.dispose]();
    }
  }

  /** All tickets, from the oldest. One round trip. */
  async tickets(options: CallOptions): Promise<{ readonly revision: bigint; readonly tickets: readonly Entry[] }> {
    const { revision, entries } = await this.#client.store.read({ prefix: `${this.path}/`, order: 'oldest' }, options);
    return { revision, tickets: entries };
  }

  async #attempt({ signal, timeoutMs, value }: JoinOptions, leftMs: number | undefined): Promise<H> {
    const scope = openScope(this.#client.clock, { signal, timeoutMs: leftMs }, this.#waiting, timeoutMs);
    try {
      const session = await this.#sessions.get(scope);
      const place = new Place(this.#client, session, this.path, value(session), this.#rule, scope);
      return await place.stay(async () => {
        let blocker = await place.join();
        while (blocker !== undefined) blocker = await place.waitFor(blocker);
        return this.#makeHold(await place.serve());
      });
    } finally {
      scope[Symbol.dispose]();
    }
  }

  async #busy(value: Uint8Array, scope: Scope): Promise<boolean> {
    const { store } = this.#client;
    const { signal } = scope;
    const nearest = this.#rule.reach === 'nearest' ? { limit: 1 } : {};
    const query = { prefix: `${this.path}/`, order: 'oldest', ...nearest } as const;
    const { entries } = await retrying(this.#client, signal, () => store.read(query, { signal }));
    return this.#rule.blocker(entries, { key: `${this.path}/`, value }) !== undefined;
  }
}
