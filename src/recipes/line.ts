import type { ClientContext } from '../core/context.js';
import { diagnostics } from '../core/diagnostics.js';
import type { Hold, HoldParts } from '../core/hold.js';
import { checkPath } from '../core/keys.js';
import type { Session } from '../core/session.js';
import { openScope, type Scope } from '../core/signals.js';
import type { CallOptions, Entry } from '../core/store.js';
import { printable } from '../errors.js';
import { joinLines } from './line-join.js';
import { Place } from './line-place.js';
import { readAll } from './line-read.js';
import type { LineRule } from './line-rule.js';
import { type SessionSource, servedBy } from './line-session.js';
import { stayInLines } from './line-stay.js';

/** How a line is joined. */
export interface JoinOptions extends CallOptions {
  /** The ticket's value. Asked for at every join, since a line can be joined again on a new session. */
  value(session: Session): Uint8Array;
  /** The rule for this ticket, made anew for each time it lines up. Default: that of the line. */
  rule?(): LineRule;
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
  readonly #makeHold: (parts: HoldParts, waited: boolean) => H;
  /** For messages; made once, since every acquisition names them. */
  readonly #waiting: string;

  constructor(
    client: ClientContext,
    path: string,
    sessions: SessionSource,
    rule: LineRule,
    makeHold: (parts: HoldParts, waited: boolean) => H,
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
    if (diagnostics.acquire.hasSubscribers) diagnostics.acquire.publish({ path: this.path });
    return servedBy(this.#client, this.#sessions, options, this.#waiting, async (session, scope) => {
      const rule = options.rule?.() ?? this.#rule;
      const place = new Place(this.#client, session, this.path, options.value(session), rule, scope);
      return await stayInLines([place], async () => {
        await joinLines([place]);
        const waited = await place.wait();
        return this.#makeHold(await place.serve(), waited);
      });
    });
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
      const rule = options.rule?.() ?? this.#rule;
      if (await this.#busy(rule, scope)) return undefined;
      const place = new Place(this.#client, session, this.path, value, rule, scope);
      return await stayInLines([place], async () => {
        await joinLines([place]);
        return place.blocker() === undefined ? this.#makeHold(await place.serve(), false) : undefined;
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

  async #busy(rule: LineRule, scope: Scope): Promise<boolean> {
    await rule.entrance?.open(scope);
    const reads = await readAll(this.#client, rule.look(`${this.path}/`, undefined), scope);
    return rule.blocker(reads, undefined) !== undefined;
  }
}
