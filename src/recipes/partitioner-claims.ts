import { Backoff } from '../core/backoff.js';
import type { ClientContext } from '../core/context.js';
import type { Session } from '../core/session.js';
import { absent, type Entry, put, remove, unchanged } from '../core/store.js';
import { isCoordinationError, isRetryable } from '../errors.js';
import type { Membership } from './group.js';
import { claimsIn, claimValue, type ShardPaths } from './partitioner-map.js';

/** The commits by which one member claims shards. */
export class ShardClaims {
  /** The incarnations in which something was claimed. */
  readonly incarnations = new Set<bigint>();
  /** How many shards fit into one commit. */
  readonly most: number;
  readonly #client: ClientContext;
  readonly #paths: ShardPaths;
  readonly #shards: number;
  readonly #membership: Membership<unknown>;
  #session: Session | undefined;
  /** A claim was never answered. */
  #doubt = false;

  constructor(client: ClientContext, paths: ShardPaths, shards: number, membership: Membership<unknown>) {
    this.#client = client;
    this.#paths = paths;
    this.#shards = shards;
    this.#membership = membership;
    this.most = Math.floor((client.store.traits.maxOps - 1) / 2);
  }

  /**
   * Claims all of these, or none. Resolves to the token; to undefined where they were not all free, or where it could not
   * be told, which the view clears up. One round trip.
   */
  async claim(session: Session, shards: readonly number[]): Promise<bigint | undefined> {
    const { id, token, guard } = this.#membership;
    this.incarnations.add(token);
    this.#session = session;
    const keys = shards.map((shard) => this.#paths.key(shard));
    const value = claimValue(id, token);
    // Not once the member has left: a claim that comes late claims nothing.
    const guards = [guard, ...keys.map(absent)];
    const ops = keys.map((key) => put(key, value, session.lease));
    const commit = await this.#patiently(session, () => {
      return this.#client.store.commit(guards, ops, { timeoutMs: session.patienceMs });
    });
    return commit?.ok ? commit.revision : undefined;
  }

  /** Deletes what stands at the key of a shard, unless it has changed. One round trip. */
  async clear(session: Session, { key, modified }: Entry): Promise<void> {
    const { store } = this.#client;
    await this.#patiently(session, () => {
      return store.commit([unchanged(key, modified)], [remove(key)], { timeoutMs: session.patienceMs });
    });
  }

  /**
   * A claim that was never answered may have been made all the same, until the membership was gone, on which it depends.
   * Nobody else knows of it; so this looks, once that is certain. So it does for `strays`, which were not given back.
   */
  async sweep(strays: boolean): Promise<void> {
    const session = this.#session;
    if (!(this.#doubt || strays) || session === undefined) return;
    await this.#membership.gone;
    const { clock, random } = this.#client;
    const backoff = new Backoff(clock, random, { baseMs: 100, capMs: 10_000 });
    while (!session.signal.aborted) {
      try {
        return await this.#sweepOnce(session);
      } catch {
        await backoff.wait(session.signal).catch(() => {});
      }
    }
  }

  async #sweepOnce(session: Session): Promise<void> {
    const { store } = this.#client;
    const { lease, patienceMs: timeoutMs } = session;
    const { entries } = await store.read({ prefix: this.#paths.shards }, { timeoutMs });
    const left = claimsIn(entries, this.#paths, this.#shards, lease, this.incarnations);
    for (const { shard, token } of left) {
      const key = this.#paths.key(shard);
      await store.commit([unchanged(key, token)], [remove(key)], { timeoutMs });
    }
  }

  /** Undefined where it failed in a way that passes, or that the view clears up. */
  async #patiently<T>(session: Session, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (isCoordinationError(error, 'LEASE_NOT_FOUND')) session.leaseGone(error);
      else if (isCoordinationError(error, 'UNKNOWN_OUTCOME')) this.#doubt = true;
      else if (!isRetryable(error)) throw error;
      return undefined;
    }
  }
}
