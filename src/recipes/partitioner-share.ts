import { Backoff } from '../core/backoff.js';
import type { Cancel } from '../core/clock.js';
import { encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import type { SafeEmitter } from '../core/emitter.js';
import { Hold, type HoldParts } from '../core/hold.js';
import type { KeyNews } from '../core/key-watch.js';
import { RangeView } from '../core/range-view.js';
import type { Session } from '../core/session.js';
import { onAbort, openScope, type Scope, within } from '../core/signals.js';
import { CoordinationError, printable } from '../errors.js';
import type { Membership } from './group.js';
import { ShardClaims } from './partitioner-claims.js';
import { ShardMap, type ShardPaths } from './partitioner-map.js';

/** A shard that is one's own: the {@link Hold} of its key. */
export class ShardHold extends Hold {
  /** Its number, from 0. */
  readonly shard: number;

  /** @internal */
  constructor(parts: HoldParts, shard: number) {
    super(parts);
    this.shard = shard;
  }
}

/** What is done with a shard while it is one's own. See {@link Partitioner.run}. */
export type ShardTask = (hold: ShardHold, signal: AbortSignal) => Promise<void> | void;

export interface PartitionerEvents {
  /** A shard is one's own from now on. */
  readonly acquired: { readonly shard: number; readonly token: bigint };
  /** A shard is no longer one's own: given back, or lost. Its task has ended. */
  readonly released: { readonly shard: number; readonly token: bigint };
  /** What a listener threw; what a task threw after it was told to stop; a shard that could not be given back. */
  readonly error: unknown;
}

/** What a {@link Share} is made from. */
export interface ShareParts {
  readonly client: ClientContext;
  readonly paths: ShardPaths;
  readonly shards: number;
  readonly membership: Membership<unknown>;
  readonly task: ShardTask;
  readonly events: SafeEmitter<PartitionerEvents>;
  readonly owned: Map<number, ShardHold>;
}

interface Owned {
  readonly hold: ShardHold;
  readonly stop: Scope;
  readonly tell: (news: KeyNews) => void;
  done: Promise<void>;
}

/** Watches do lose events: how often everything is looked at anew, in milliseconds. */
const lookAnywayMs = 30_000;

/** How long one that ends is kept waiting for the store before the rest is done in the background. */
const sweepWithinMs = 1_000;

/** One member's work on its share of the shards, from the join to the end. */
export class Share {
  readonly #parts: ShareParts;
  readonly #map: ShardMap;
  readonly #scope: Scope;
  readonly #owned = new Map<number, Owned>();
  /** The last token that was held for each shard: what the view still shows of it is the past. */
  readonly #lastTokens = new Map<number, bigint>();
  readonly #claims: ShardClaims;
  #view: RangeView | undefined;
  #lookAgain: Cancel = () => {};
  #news = true;
  #wake: () => void = () => {};

  /** `scope` ends the work. */
  constructor(parts: ShareParts, scope: Scope) {
    const { client, paths, shards, membership } = parts;
    this.#parts = parts;
    this.#claims = new ShardClaims(client, paths, shards, membership);
    this.#scope = scope;
    this.#map = new ShardMap(paths, shards, membership.id);
  }

  /** Works until the scope ends, then gives everything back. Rejects with the reason, always. */
  async work(): Promise<never> {
    const { client, membership } = this.#parts;
    const forget = membership.events.on('state', (state) => {
      if (state.kind === 'ended') this.#scope.abort(state.reason);
      this.#hear();
    });
    const unlink = onAbort(this.#scope, (reason) => this.#stopAll(reason));
    try {
      this.#follow();
      for (;;) {
        await this.#untilNews();
        await this.#claim();
      }
    } catch (error) {
      this.#scope.abort(error);
      // The others can begin to claim as soon as this one has left; they get each shard when its task has ended.
      await Promise.all([membership.leave(), ...[...this.#owned.values()].map(({ done }) => done)]);
      const sweeping = this.#claims.sweep();
      await within(client.clock, { timeoutMs: sweepWithinMs }, 'giving shards back', sweeping).catch(() => {});
      throw error;
    } finally {
      unlink();
      forget();
      this.#lookAgain();
      this.#view?.stop();
    }
  }

  #follow(): void {
    const { client, paths } = this.#parts;
    const last = this.#view;
    this.#view = new RangeView(
      client.store,
      { prefix: paths.all },
      {
        changed: (view) => this.#look(view),
        failed: (error) => this.#scope.abort(error),
      },
    );
    last?.stop();
    this.#lookAgain = client.clock.after(lookAnywayMs, () => {
      try {
        this.#follow();
      } catch (error) {
        this.#scope.abort(error);
      }
    });
  }

  async #untilNews(): Promise<void> {
    this.#scope.throwIfAborted();
    if (!this.#news) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#news = false;
    this.#scope.throwIfAborted();
  }

  #hear(): void {
    this.#news = true;
    this.#wake();
  }

  /** What has to be done at once: stopping what is lost, or is to go to another. */
  #look(view: RangeView): void {
    const { shards } = this.#parts;
    this.#map.update(view);
    const other = this.#map.otherNumber;
    if (other !== undefined) this.#scope.abort(this.#mismatch(other));
    for (const [shard, { hold, stop, tell }] of this.#owned) {
      if (!this.#stillThere(shard, hold.token)) tell({ kind: 'gone' });
      else if (!this.#map.isMine(shard)) stop.abort(movedError(shard, shards));
    }
    this.#adopt();
    this.#hear();
  }

  #stillThere(shard: number, token: bigint): boolean {
    if (this.#map.revision < token) return true;
    const entry = this.#map.entry(shard);
    return entry?.created === token && entry.modified === token;
  }

  /** Claims whose answers were lost show in the view. */
  #adopt(): void {
    const session = this.#session();
    if (session === undefined) return;
    for (const { shard, token } of this.#map.claimed(session.lease, this.#claims.incarnations)) {
      this.#acquire(shard, token, session);
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
      const mine = this.#map.mine().filter((shard) => !this.#owned.has(shard));
      // What somebody wrote there without a lease would stay for ever.
      const litter = mine.flatMap((shard) => this.#map.entry(shard) ?? []).filter(({ lease }) => lease === undefined);
      for (const entry of litter) await this.#claims.clear(session, entry);
      const free = mine.filter((shard) => this.#map.entry(shard) === undefined).slice(0, this.#claims.most);
      if (free.length === 0) return;
      const token = await this.#claims.claim(session, free);
      // Things are not as they seemed: the view will tell.
      if (token === undefined) await backoff.wait(this.#scope);
      else for (const shard of free) this.#acquire(shard, token, session);
    }
  }

  #acquire(shard: number, token: bigint, session: Session): void {
    const { client, paths, events, owned } = this.#parts;
    if (token <= (this.#lastTokens.get(shard) ?? -1n) || this.#owned.has(shard)) return;
    this.#lastTokens.set(shard, token);
    let tell: (news: KeyNews) => void = () => {};
    const handOver = (next: (news: KeyNews) => void): void => {
      tell = next;
    };
    const ticket = { key: paths.key(shard), created: token, value: encodeText(''), lease: session.lease };
    const watch = { handOver, stop: () => {} };
    const hold = new ShardHold({ client, session, ticket, late: false, watch, named: true }, shard);
    const stop = openScope(client.clock, {}, 'working on a shard');
    const mine: Owned = { hold, stop, tell: (news) => tell(news), done: Promise.resolve() };
    this.#owned.set(shard, mine);
    owned.set(shard, hold);
    events.emitSafe('acquired', { shard, token });
    mine.done = this.#serve(mine);
  }

  async #serve({ hold, stop }: Owned): Promise<void> {
    const { task, events, owned } = this.#parts;
    const { shard, token } = hold;
    const unlink = onAbort(hold.signal, stop.abort);
    if (this.#scope.aborted) this.#scope.onEnd(stop.abort);
    else if (!this.#map.isMine(shard)) stop.abort(movedError(shard, this.#parts.shards));
    try {
      if (!stop.aborted) await task(hold, stop.signal);
      // Its task may be done; the shard stays one's own until it is another's.
      await new Promise((resolve) => onAbort(stop, resolve));
    } catch (error) {
      if (!stop.aborted) this.#scope.abort(error);
      else if (error !== stop.signal.reason) events.emitSafe('error', error);
    }
    unlink();
    await hold.release().catch((error: unknown) => events.emitSafe('error', error));
    this.#owned.delete(shard);
    owned.delete(shard);
    events.emitSafe('released', { shard, token });
    this.#hear();
  }

  #stopAll(reason: unknown): void {
    for (const { stop } of this.#owned.values()) stop.abort(reason);
    this.#hear();
  }

  #mismatch(other: number): CoordinationError {
    const { paths, shards } = this.#parts;
    const sentence = `"${printable(paths.all)}" is divided into ${other} shards, and not into ${shards}.`;
    return new CoordinationError('LIMIT_MISMATCH', sentence, { key: paths.all, field: 'shards' });
  }
}

function movedError(shard: number, shards: number): CoordinationError {
  const sentence = `Shard ${shard} of ${shards} is to be given to another member.`;
  return new CoordinationError('RELEASED', sentence, { field: 'shard', problem: 'moved' });
}
