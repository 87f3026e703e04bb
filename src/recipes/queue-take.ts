import { encodeText } from '../core/codec.js';
import { Hold } from '../core/hold.js';
import { onAbort, openScope, orAbort, type Scope, within } from '../core/signals.js';
import type { CallOptions } from '../core/store.js';
import { isCoordinationError, printable } from '../errors.js';
import { Line } from './line.js';
import { exclusive } from './line-rule.js';
import { retrying } from './line-session.js';
import { Claims, leaveWithinMs } from './queue-claims.js';
import type { Dead } from './queue-dead.js';
import type { Job } from './queue-job.js';
import { QueueNews } from './queue-news.js';
import type { QueueParts } from './queue-parts.js';
import { Shelf } from './queue-shelf.js';

export interface TakeOptions extends CallOptions {
  /** How long the consumer has for it, in milliseconds. Default: the queue's own. */
  readonly visibilityMs?: number | undefined;
}

/** How many items to take, for how long. */
export interface TakeOrder {
  readonly count: number;
  readonly visibilityMs: number | undefined;
}

/** Takes items from a queue. */
export class Taker<T> {
  readonly #parts: QueueParts<T>;
  readonly #shelf: Shelf;
  readonly #dead: Dead<T>;
  readonly #claims: Claims<T>;
  readonly #line: Line;
  /** The consumers of this process wait for each other here, so that one of them stands in line for all. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: QueueParts<T>, dead: Dead<T>) {
    this.#parts = parts;
    this.#dead = dead;
    this.#shelf = new Shelf(parts);
    this.#claims = new Claims(parts, this.#shelf);
    this.#line = new Line(parts.client, parts.keys.line, parts.sessions, exclusive, (hold) => new Hold(hold));
  }

  get shelf(): Shelf {
    return this.#shelf;
  }

  /** Waits until there is something to take. */
  async take(order: TakeOrder, call: CallOptions): Promise<readonly Job<T>[]> {
    return await this.#run(call, async (scope) => {
      const jobs = await this.#tryTake(order, scope);
      return jobs.length > 0 ? jobs : await this.#inTurn(scope, () => this.#wait(order, scope));
    });
  }

  /** What can be taken now, if anything. */
  async tryTake(order: TakeOrder, call: CallOptions): Promise<readonly Job<T>[]> {
    return await this.#run(call, (scope) => this.#tryTake(order, scope));
  }

  /** Starts anew with another session where one is lost, if that is wanted. */
  async #run<R>(call: CallOptions, attempt: (scope: Scope) => Promise<R>): Promise<R> {
    const { client, keys, sessions } = this.#parts;
    using scope = openScope(client.clock, call, `waiting for an item of "${printable(keys.path)}"`);
    for (;;) {
      try {
        return await attempt(scope);
      } catch (error) {
        scope.throwIfAborted();
        // A place in line that somebody deleted is no reason to stop waiting.
        const lost = isCoordinationError(error, 'SESSION_LOST') && sessions.rejoin;
        if (!lost && !isCoordinationError(error, 'TICKET_LOST')) throw error;
      }
    }
  }

  async #inTurn<R>(scope: Scope, task: () => Promise<R>): Promise<R> {
    const before = this.#turn;
    let leave = (): void => {};
    const mine = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#turn = before.then(() => mine);
    try {
      await orAbort(before, scope);
      return await task();
    } finally {
      leave();
    }
  }

  /** Of all consumers that wait, the first in line looks when there is news, and the others do nothing. */
  async #wait(order: TakeOrder, caller: Scope): Promise<readonly Job<T>[]> {
    const { client, keys } = this.#parts;
    const value = (): Uint8Array => encodeText(JSON.stringify({ kind: 'consumer', ...client.identity }));
    using scope = openScope(client.clock, {}, '');
    const offCaller = onAbort(caller, scope.abort);
    let turn: Hold | undefined;
    let news: QueueNews | undefined;
    let jobs: readonly Job<T>[] = [];
    try {
      turn = await this.#line.acquire({ signal: scope.signal, value });
      onAbort(turn.signal, scope.abort);
      news = new QueueNews(client, keys);
      while (jobs.length === 0) {
        await news.next(this.#shelf.nextDueMs, scope);
        jobs = await this.#tryTake(order, scope);
      }
      return jobs;
    } finally {
      offCaller();
      news?.stop();
      const left = turn?.release().catch(() => {});
      // Whoever got something need not wait for that.
      if (left !== undefined && jobs.length === 0) {
        await within(client.clock, { timeoutMs: leaveWithinMs }, 'leaving', left).catch(() => {});
      }
    }
  }

  async #tryTake(order: TakeOrder, scope: Scope): Promise<readonly Job<T>[]> {
    const { client, sessions, maxAttempts } = this.#parts;
    for (let count = order.count; ; count = Math.ceil(count / 2)) {
      const session = await sessions.get(scope);
      const items = await retrying(client, scope, () => this.#shelf.pick(this.#most(count), session.lease, scope));
      try {
        for (const item of items) if (item.header.attempts >= maxAttempts) await this.#dead.bury(item, scope);
        const alive = items.filter(({ header }) => header.attempts < maxAttempts);
        if (items.length === 0) return [];
        const jobs = alive.length === 0 ? [] : await this.#claims.claim(alive, session, order.visibilityMs, scope);
        if (jobs.length > 0) return jobs;
      } catch (error) {
        // They are still where they were, and come before what else the shelf has.
        this.#shelf.clear();
        throw error;
      } finally {
        this.#shelf.putBack(items);
      }
    }
  }

  /** As many as fit into one commit. */
  #most(count: number): number {
    return Math.min(count, Math.floor((this.#parts.client.store.traits.maxOps - 1) / 4));
  }
}
