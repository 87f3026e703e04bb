import { Backoff } from '../core/backoff.js';
import { News } from '../core/news.js';
import { RangeView, type ViewListener } from '../core/range-view.js';
import type { Session } from '../core/session.js';
import { firstOf, onAbort, type Scope, within } from '../core/signals.js';
import type { Entry } from '../core/store.js';
import type { Membership } from './group.js';
import { ShardClaims } from './partitioner-claims.js';
import { mismatchError } from './partitioner-hold.js';
import { ShardMap } from './partitioner-map.js';
import { type OwnedParts, OwnedShards } from './partitioner-owned.js';

/** What a {@link Share} is made from. */
export interface ShareParts extends OwnedParts {
  readonly membership: Membership<unknown>;
}

/** How long one that ends is kept waiting for the store before the rest is done in the background. */
const sweepWithinMs = 1_000;

/** One member's work on its share of the shards, from the join to the end. */
export class Share {
  readonly #parts: ShareParts;
  readonly #map: ShardMap;
  readonly #scope: Scope;
  readonly #owned: OwnedShards;
  readonly #claims: ShardClaims;
  #view: RangeView | undefined;
  #unfollow: () => void = () => {};
  readonly #news = new News();

  /** `scope` ends the work. */
  constructor(parts: ShareParts, scope: Scope) {
    const { client, paths, shards, membership } = parts;
    this.#parts = parts;
    this.#claims = new ShardClaims(client, paths, shards, membership);
    this.#scope = scope;
    this.#map = new ShardMap(paths, shards, membership.id);
    this.#owned = new OwnedShards(parts, this.#map, scope, this.#news.tell);
  }

  /** Works until the scope ends, then gives everything back. Rejects with the reason, always. */
  async work(): Promise<never> {
    const { client, paths, membership } = this.#parts;
    const forget = membership.events.on('state', (state) => {
      if (state.kind === 'ended') this.#scope.abort(state.reason);
      this.#followSession();
      this.#news.tell();
    });
    this.#followSession();
    const unlink = onAbort(this.#scope, (reason) => this.#stopAll(reason));
    try {
      const listener: ViewListener = { changed: (view) => this.#look(view), failed: this.#scope.abort };
      this.#view = new RangeView(client, { prefix: paths.all }, listener);
      this.#news.tell();
      for (;;) {
        await this.#untilNews();
        await this.#claim();
      }
    } catch (error) {
      this.#scope.abort(error);
      // The others can begin to claim as soon as this one has left; they get each shard when its task has ended.
      await Promise.all([membership.leave(), this.#owned.done()]);
      const sweeping = this.#claims.sweep(this.#owned.mayHaveStrays);
      await within(client.clock, { timeoutMs: sweepWithinMs }, 'giving shards back', sweeping).catch(() => {});
      throw error;
    } finally {
      unlink();
      forget();
      this.#unfollow();
      this.#view?.stop();
    }
  }

  /** Nothing is claimed by a session in doubt; that it turned out to be live is no news of the membership, nor of the view. */
  #followSession(): void {
    const { state } = this.#parts.membership;
    this.#unfollow();
    this.#unfollow = state.kind === 'present' ? state.session.events.on('state', this.#news.tell) : () => {};
  }

  async #untilNews(): Promise<void> {
    this.#scope.throwIfAborted();
    if (!this.#news.heard) await firstOf(this.#scope, [this.#news.arm]);
    this.#news.take();
    this.#scope.throwIfAborted();
  }

  /** What has to be done at once: stopping what is lost, or is to go to another. */
  #look(view: RangeView): void {
    const { paths, shards } = this.#parts;
    this.#map.update(view);
    const other = this.#map.otherNumber;
    if (other !== undefined) this.#scope.abort(mismatchError(paths.all, other, shards));
    this.#owned.review();
    this.#adopt();
    this.#news.tell();
  }

  /** Claims whose answers were lost show in the view. */
  #adopt(): void {
    const session = this.#session();
    if (session === undefined) return;
    for (const { shard, token } of this.#map.claimed(session.lease, this.#claims.incarnations)) {
      this.#owned.acquire(shard, token, session);
    }
  }

  #session(): Session | undefined {
    const { state } = this.#parts.membership;
    return state.kind === 'present' && state.session.isLive() ? state.session : undefined;
  }

  /** Claims whatever is to be one's own and is free, many in one commit. */
  async #claim(): Promise<void> {
    const { client } = this.#parts;
    const backoff = new Backoff(client.clock, client.random);
    for (;;) {
      const session = this.#session();
      if (session === undefined || this.#scope.aborted) return;
      // What was shown while the session was in doubt, too.
      this.#adopt();
      const mine = this.#map.mine().filter((shard) => !this.#owned.has(shard));
      // What somebody wrote there without a lease would stay for ever.
      const litter = mine.flatMap((shard) => this.#map.entry(shard) ?? []).filter(({ lease }) => lease === undefined);
      for (const entry of [...litter, ...this.#strays(session)]) await this.#claims.clear(session, entry);
      const free = mine.filter((shard) => this.#map.entry(shard) === undefined).slice(0, this.#claims.most);
      if (free.length === 0) return;
      const token = await this.#claims.claim(session, free);
      // Things are not as they seemed: the view will tell.
      if (token === undefined) await backoff.wait(this.#scope);
      else for (const shard of free) this.#owned.acquire(shard, token, session);
    }
  }

  /**
   * What stands under one's own lease and is worked on by nobody: a shard that was taken for lost, because the event of its
   * claim was, or that could not be given back. It is adopted no more, and while it stands nobody can claim it.
   */
  #strays(session: Session): readonly Entry[] {
    const claimed = this.#map.claimed(session.lease, this.#claims.incarnations);
    const strays = claimed.filter(({ shard, token }) => this.#owned.isStray(shard, token));
    return strays.flatMap(({ shard }) => this.#map.entry(shard) ?? []);
  }

  #stopAll(reason: unknown): void {
    this.#owned.stopAll(reason);
    this.#news.tell();
  }
}
