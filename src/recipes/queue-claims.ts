import { encodeText } from '../core/codec.js';
import { commitOnce } from '../core/commit-once.js';
import type { Session } from '../core/session.js';
import { openScope, orAbort, type Scope, within } from '../core/signals.js';
import { type Entry, type Op, put, read, unchanged } from '../core/store.js';
import { isCoordinationError } from '../errors.js';
import { confirmed, retrying } from './line-session.js';
import { Job } from './queue-job.js';
import { encodeHeader, type Item } from './queue-keys.js';
import type { QueueParts } from './queue-parts.js';
import type { Shelf } from './queue-shelf.js';

/** How long one that stops waiting may keep its caller for the store, before the rest is done in the background. */
export const leaveWithinMs = 1_000;

/** Makes items a consumer's. */
export class Claims<T> {
  readonly #parts: QueueParts<T>;
  readonly #shelf: Shelf;

  constructor(parts: QueueParts<T>, shelf: Shelf) {
    this.#parts = parts;
    this.#shelf = shelf;
  }

  /**
   * Claims items, all of them or none: resolves to none where some were taken or have changed. Nobody who has a claim lets
   * go of it without a trace, since a claim changes the header; so a claim is made once, whatever answer was lost.
   *
   * Where the caller gives up meanwhile, what is claimed nevertheless is given back.
   */
  async claim(
    items: readonly Item[],
    session: Session,
    visibilityMs: number | undefined,
    scope: Scope,
  ): Promise<readonly Job<T>[]> {
    const claiming = this.#claimAll(items, session, visibilityMs);
    try {
      return await orAbort(claiming, scope);
    } catch (error) {
      const undone = claiming.then((jobs) => Promise.all(jobs.map((job) => job.undeliver())));
      const { clock } = this.#parts.client;
      await within(clock, { timeoutMs: leaveWithinMs }, 'giving back', undone).catch(() => {});
      throw error;
    }
  }

  async #claimAll(
    items: readonly Item[],
    session: Session,
    visibilityMs: number | undefined,
  ): Promise<readonly Job<T>[]> {
    const { client, keys } = this.#parts;
    const about = encodeText(JSON.stringify({ kind: 'claim', ...client.identity }));
    const claims = items.map((item) => {
      const header = { ...item.header, attempts: item.header.attempts + 1 };
      return { item: { ...item, header }, key: session.names.takeTicket(keys.claimsOf(item.id)) };
    });
    const [first] = claims;
    if (first === undefined) return [];
    const guards = items.map(({ key, modified }) => unchanged(key, modified));
    const ops = claims.flatMap(({ item, key }): Op[] => [
      put(item.key, encodeHeader(item.header)),
      put(key, about, session.lease),
      read({ key: keys.value(item.id) }),
    ]);
    using scope = openScope(client.clock, {}, '');
    session.onEnd(scope.abort);
    let [late, made] = [false, false];
    const unanswered = (): void => {
      late = true;
    };
    try {
      const outcome = await commitOnce(client, scope, {
        guards,
        ops,
        witness: first.key,
        timeoutMs: session.patienceMs,
        unanswered,
      });
      if (outcome.kind === 'refused') {
        this.#shelf.refused();
        return [];
      }
      made = true;
      const [created, values] =
        outcome.kind === 'applied'
          ? [outcome.commit.revision, outcome.commit.reads]
          : [outcome.witness.created, await this.#values(items, scope)];
      await confirmed(client, session, scope);
      const jobs = claims.map((claim, n) => this.#deliver(claim, created, values[n]?.[0], session, visibilityMs));
      return (await Promise.all(jobs)).filter((job) => job !== undefined);
    } catch (error) {
      if (isCoordinationError(error, 'LEASE_NOT_FOUND')) throw session.leaseGone(error);
      // What nobody gets a job for would be kept from all others for as long as the session lives.
      if (made || late) for (const { key } of claims) void session.cleanUp(key, late);
      throw error;
    } finally {
      session.offEnd(scope.abort);
    }
  }

  async #values(items: readonly Item[], scope: Scope): Promise<readonly (readonly Entry[])[]> {
    const { client, keys } = this.#parts;
    const ops = items.map(({ id }) => read({ key: keys.value(id) }));
    const { reads } = await retrying(client, scope, () => client.store.commit([], ops, { signal: scope.signal }));
    return reads;
  }

  /** A claimed item as a job; undefined where its value cannot be decoded, and it goes its own way. */
  async #deliver(
    { item, key }: { readonly item: Item; readonly key: string },
    created: bigint,
    entry: Entry | undefined,
    session: Session,
    visibilityMs: number | undefined,
  ): Promise<Job<T> | undefined> {
    const { client, keys, typed } = this.#parts;
    const bytes = entry?.value ?? new Uint8Array();
    const returned = (): void => this.#shelf.clear();
    const ticket = { key, created, value: new Uint8Array(), lease: session.lease };
    const hold = { client, session, ticket, late: false, watch: undefined };
    const parts = { setup: this.#parts, item, bytes, returned };
    try {
      const value = await typed.decode(bytes, keys.value(item.id));
      return new Job(hold, { ...parts, value, visibilityMs });
    } catch {
      // Where even that fails, the claim goes with the session. Those that were claimed with it are none the worse.
      await new Job(hold, { ...parts, value: undefined, visibilityMs: undefined }).reject().catch(() => {});
      return undefined;
    }
  }
}
