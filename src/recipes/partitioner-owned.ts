import { encodeText } from '../core/codec.js';
import type { ClientContext } from '../core/context.js';
import type { SafeEmitter } from '../core/emitter.js';
import type { KeyNews } from '../core/key-watch.js';
import type { Session } from '../core/session.js';
import { onAbort, openScope, type Scope } from '../core/signals.js';
import { movedError, type PartitionerEvents, ShardHold, type ShardTask } from './partitioner-hold.js';
import type { ShardMap, ShardPaths } from './partitioner-map.js';

/** What {@link OwnedShards} are made from. */
export interface OwnedParts {
  readonly client: ClientContext;
  readonly paths: ShardPaths;
  readonly shards: number;
  readonly task: ShardTask;
  readonly events: SafeEmitter<PartitionerEvents>;
  /** What the partitioner shows of them. */
  readonly owned: Map<number, ShardHold>;
}

interface Owned {
  readonly hold: ShardHold;
  readonly stop: Scope;
  readonly tell: (news: KeyNews) => void;
  done: Promise<void>;
}

/** The shards that are one member's own: runs the task on each, from the claim until it is given back or lost. */
export class OwnedShards {
  readonly #parts: OwnedParts;
  readonly #map: ShardMap;
  readonly #scope: Scope;
  readonly #released: () => void;
  readonly #owned = new Map<number, Owned>();
  /** The last token that was held for each shard: what the view still shows of it is the past. */
  readonly #lastTokens = new Map<number, bigint>();

  /** The last token of each shard that may stand and be worked on by nobody: not shown when it should have been, or not given back. */
  readonly #missed = new Map<number, bigint>();

  /** `scope` is that of all the work: a task that fails ends it. `released` is called after each shard that has gone. */
  constructor(parts: OwnedParts, map: ShardMap, scope: Scope, released: () => void) {
    this.#parts = parts;
    this.#map = map;
    this.#scope = scope;
    this.#released = released;
  }

  has(shard: number): boolean {
    return this.#owned.has(shard);
  }

  /** Whether some claim may stand that nobody works on. */
  get mayHaveStrays(): boolean {
    return this.#missed.size > 0;
  }

  /** Whether this claim is worked on by nobody, where it stands: it was taken for lost, or could not be given back. */
  isStray(shard: number, token: bigint): boolean {
    return this.#missed.get(shard) === token && !this.#owned.has(shard);
  }

  /** Begins to work on a shard that was claimed under this token, unless that is the past. */
  acquire(shard: number, token: bigint, session: Session): void {
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

  /** Stops what the map shows to be lost, or to go to another. */
  review(): void {
    for (const [shard, { hold, stop, tell }] of this.#owned) {
      if (!this.#stillThere(shard, hold.token)) {
        this.#missed.set(shard, hold.token);
        tell({ kind: 'gone' });
      } else if (!this.#map.isMine(shard)) stop.abort(movedError(shard, this.#parts.shards));
    }
  }

  /** Tells all tasks to stop. */
  stopAll(reason: unknown): void {
    for (const { stop } of this.#owned.values()) stop.abort(reason);
  }

  /** Resolves when the tasks of all shards have ended and the shards are given back. */
  async done(): Promise<void> {
    await Promise.all([...this.#owned.values()].map(({ done }) => done));
  }

  #stillThere(shard: number, token: bigint): boolean {
    if (this.#map.revision < token) return true;
    const entry = this.#map.entry(shard);
    return entry?.created === token && entry.modified === token;
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
    await hold.release().catch((error: unknown) => {
      this.#missed.set(shard, token);
      events.emitSafe('error', error);
    });
    this.#owned.delete(shard);
    owned.delete(shard);
    events.emitSafe('released', { shard, token });
    this.#released();
  }
}
