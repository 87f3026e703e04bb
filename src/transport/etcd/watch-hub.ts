import { status } from '@grpc/grpc-js';
import type { Cancel } from '../../core/clock.js';
import { nameOf } from '../../core/ranges.js';
import type { CallOptions, Range, Snapshot, Watch } from '../../core/store.js';
import { WatchQueue } from '../../core/stream.js';
import { isRetryable } from '../../errors.js';
import type { ClusterGuard } from './cluster-guard.js';
import { WatchRequest, type WatchResponse } from './codec/etcd.js';
import { Failure } from './failure.js';
import { fromNumber, isZero, toBigint } from './int64.js';
import { finished, streams } from './methods.js';
import type { KeySpace } from './ranges.js';
import type { Retry } from './retry.js';
import { type StreamContext, StreamKeeper } from './stream-keeper.js';
import { Watched } from './watched.js';

export interface WatchContext extends StreamContext {
  readonly space: KeySpace;
  readonly guard: ClusterGuard;
  readonly attemptMs: number;
  readonly read: (range: Range) => Promise<Snapshot>;
  readonly retry: () => Retry;
}

/** How long the stream stays open without a watch: the next wait for a lock is often not far. */
const lingerMs = 500;

/**
 * All watches of a client, on one stream. Each is asked for from "now" on, and its range is read once the server watches
 * it: etcd serves a watch that begins in the past only every 100 ms.
 */
export class WatchHub {
  readonly #context: WatchContext;
  readonly #keeper: StreamKeeper<WatchResponse>;
  readonly #watches = new Set<Watched>();
  /** Those that were asked for on the stream at hand, by id; a Map keeps the order in which they were. */
  readonly #byId = new Map<number, Watched>();
  readonly #creating = new Set<number>();
  /** Ids that were cancelled, of which messages may still be under way. */
  readonly #cancelled = new Set<number>();
  #nextId = 1;
  #verifying = false;
  #cancelTimer: Cancel | undefined;
  #cancelLinger: Cancel | undefined;
  creates = 0;
  cancels = 0;

  constructor(context: WatchContext) {
    this.#context = context;
    const user = {
      opened: (): void => {
        for (const watched of this.#watches) this.#create(watched);
      },
      received: (response: WatchResponse): void => this.#received(response),
      interrupted: (): boolean => this.#interrupted(),
      failed: (error: unknown): void => this.close(error),
    };
    this.#keeper = new StreamKeeper(streams.watch, user, context.retry(), context);
  }

  watch(range: Range, options: CallOptions | undefined): Watch {
    const source = {
      range: nameOf(range),
      resnapshot: (): void => {
        // Without a place to go on from, a snapshot follows anyway as soon as the server watches.
        if (watched.phase === 'live' || watched.resume !== undefined) void this.#fetch(watched);
      },
      ended: (): void => this.#remove(watched),
    };
    const queue = new WatchQueue(source, this.#context.clock, options);
    const watched = new Watched(this.#context.space, range, queue);
    this.#watches.add(watched);
    this.#cancelLinger?.();
    if (this.#keeper.isOpen) this.#create(watched);
    else this.#keeper.open();
    return queue;
  }

  /** Ends all watches with this error, and the stream with them. */
  close(error: unknown): void {
    for (const { queue } of [...this.#watches]) queue.fail(error);
    this.#stop();
  }

  #stop(): void {
    this.#cancelLinger?.();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#keeper.stop();
    this.#clearStream();
  }

  #clearStream(): void {
    this.#byId.clear();
    this.#creating.clear();
    this.#cancelled.clear();
  }

  #create(watched: Watched): void {
    const id = this.#nextId++;
    this.#byId.set(id, watched);
    this.#creating.add(id);
    this.creates++;
    this.#keeper.send(finished(WatchRequest.encode({ createRequest: watched.createRequest(id) })));
    this.#cancelTimer ??= this.#startTimer();
  }

  #remove(watched: Watched): void {
    this.#watches.delete(watched);
    const { id } = watched;
    if (this.#byId.get(id) === watched) {
      this.#byId.delete(id);
      this.#cancel(id);
    }
    if (this.#watches.size > 0) return;
    this.#cancelLinger = this.#context.clock.after(lingerMs, () => {
      if (this.#watches.size === 0) this.#stop();
    });
  }

  #cancel(id: number): void {
    this.#cancelled.add(id);
    this.cancels++;
    this.#keeper.send(finished(WatchRequest.encode({ cancelRequest: { watchId: fromNumber(id) } })));
  }

  /** A server that does not confirm a watch in time is left for another one. */
  #startTimer(): Cancel {
    const { clock, attemptMs } = this.#context;
    return clock.after(attemptMs, () => {
      this.#cancelTimer = undefined;
      if (this.#creating.size > 0) this.#keeper.restart(status.DEADLINE_EXCEEDED, 'a watch was not confirmed in time');
    });
  }

  #settled(id: number): void {
    if (!this.#creating.delete(id)) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#creating.size === 0 ? undefined : this.#startTimer();
  }

  #interrupted(): boolean {
    this.#clearStream();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const watched of this.#watches) watched.interrupted();
    return this.#watches.size > 0;
  }

  #received(response: WatchResponse): void {
    const revision = this.#context.guard.check(response.header);
    const id = Number(toBigint(response.watchId));
    if (response.canceled) this.#canceled(id, response);
    else if (response.created) this.#created(id, revision);
    else this.#progressed(id, response, revision);
  }

  #progressed(id: number, response: WatchResponse, revision: bigint): void {
    const watched = this.#byId.get(id);
    if (watched === undefined) {
      // Not asked for, or no longer: nobody must get to see it, and the server should stop.
      if (id >= 0 && Number.isSafeInteger(id) && !this.#cancelled.has(id)) this.#cancel(id);
    } else if (watched.phase !== 'live') return;
    else if (response.events.length === 0 && !response.fragment) watched.progressed(revision);
    else if (watched.changed(response) === 'gap') this.#resync(watched);
  }

  #created(id: number, revision: bigint): void {
    this.#settled(id);
    const watched = this.#byId.get(id);
    if (watched === undefined || watched.phase !== 'creating') return;
    watched.phase = 'live';
    const { resume } = watched;
    if (resume === undefined) void this.#fetch(watched);
    else if (revision < resume) void this.#verify(watched.range);
  }

  /** Either a member lags, or the store was restored from a backup: one read tells, through the guard. */
  async #verify(range: Range): Promise<void> {
    if (this.#verifying) return;
    this.#verifying = true;
    // That it failed is either told by the guard or of no interest.
    await this.#context.read(range).catch(() => {});
    this.#verifying = false;
  }

  #resync(watched: Watched): void {
    watched.forget();
    void this.#fetch(watched);
  }

  async #fetch(watched: Watched): Promise<void> {
    const generation = ++watched.generation;
    const retry = this.#context.retry();
    const current = (): boolean => this.#watches.has(watched) && watched.generation === generation;
    while (current()) {
      try {
        const snapshot = await this.#context.read(watched.range);
        if (current()) watched.snapshot(snapshot);
        return;
      } catch (error) {
        if (!isRetryable(error)) {
          if (current()) watched.queue.fail(error);
          return;
        }
      }
      await retry.wait(Number.POSITIVE_INFINITY, this.#context.life).catch(() => {});
    }
  }

  #canceled(id: number, response: WatchResponse): void {
    // etcd may name no watch when it refuses to make one; it answers in the order in which it was asked.
    const refused = id < 0 && response.created ? (this.#creating.values().next().value ?? id) : id;
    this.#settled(refused);
    this.#cancelled.delete(refused);
    const watched = this.#byId.get(refused);
    if (watched === undefined) return;
    this.#byId.delete(refused);
    watched.phase = 'absent';
    if (!isZero(response.compactRevision)) {
      watched.forget();
      this.#create(watched);
    } else this.#ended(watched, response.cancelReason);
  }

  /** The server ended one watch for a reason of its own. */
  #ended(watched: Watched, reason: string): void {
    const text = reason.replace(/^rpc error: code = \w+ desc = /, '') || 'watch canceled';
    const failure = Failure.of(status.UNKNOWN, text, this.#keeper.endpoint);
    const { remedy, code } = failure.meaning;
    if (code === 'PERMISSION_DENIED' && this.#context.auth.renewable) void this.#doubt(watched, failure);
    else if (remedy === 'none') watched.queue.fail(failure.toError('watch', { key: nameOf(watched.range) }));
    else this.#keeper.giveUp(failure);
  }

  /**
   * Some versions of etcd say "permission denied" when the token of the stream has run out. A read, which gets itself a new
   * token, tells the two apart.
   */
  async #doubt(watched: Watched, failure: Failure): Promise<void> {
    try {
      if (watched.refusals++ > 0) throw failure.toError('watch', { key: nameOf(watched.range) });
      await this.#context.read(watched.range);
      const stale = { ...failure.meaning, remedy: 'authenticate' } as const;
      this.#keeper.giveUp(new Failure(stale, failure.endpoint, failure.text));
    } catch (error) {
      watched.queue.fail(error);
    }
  }
}
