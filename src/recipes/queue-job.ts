import { checkCall, checkOptions, checkTimeout } from '../core/checks.js';
import type { Cancel } from '../core/clock.js';
import { decodeText } from '../core/codec.js';
import { Hold, type HoldParts } from '../core/hold.js';
import { onAbort, timeoutError, within } from '../core/signals.js';
import { type CallOptions, type Op, put, remove } from '../core/store.js';
import { CoordinationError, printable } from '../errors.js';
import { burial, memoryOf, postponement, removal } from './queue-ends.js';
import { type DeadNote, encodeHeader, type Item } from './queue-keys.js';
import type { QueueSetup } from './queue-parts.js';
import { checkDelay } from './queue-put.js';
import { type AckOptions, handBack, type NackOptions, type Settlement, settle } from './queue-settle.js';

/** What a {@link Job} is made from, beside its claim. */
export interface JobParts<T> {
  readonly setup: QueueSetup;
  /** As it is since the claim. */
  readonly item: Item;
  readonly value: T;
  readonly bytes: Uint8Array;
  readonly visibilityMs: number | undefined;
  /** Told when the item goes back into the queue. */
  readonly returned: () => void;
}

/**
 * An item that was taken from a queue: its consumer's alone until it is acknowledged, given back or lost. Lost is it with
 * the session, when somebody deletes the claim, or when its time (`visibilityMs`) is over; `signal` says so before
 * anybody else can get it. What it does to the world should bear being done twice, or be written by `ack({ ops })`.
 */
export class Job<T = unknown> extends Hold {
  readonly id: string;
  readonly value: T;
  /** How often it was delivered, this time included. */
  readonly attempts: number;
  /** As it was put; 0 in a queue without priorities. */
  readonly priority: number;
  readonly #parts: JobParts<T>;
  /** What it has got, and until when. */
  #time: { readonly ms: number; readonly until: number } | undefined;
  #cancelTimer: Cancel = () => {};
  readonly #stop = (): void => this.#cancelTimer();
  /** An acknowledgement under way, or done. */
  #acking: Promise<void> | undefined;

  /** @internal */
  constructor(hold: HoldParts, parts: JobParts<T>) {
    super(hold);
    const { item, value, visibilityMs, setup } = parts;
    this.#parts = parts;
    this.id = item.id;
    this.value = value;
    this.attempts = item.header.attempts;
    this.priority = setup.order === 'priority' ? Number(item.rank) : 0;
    if (visibilityMs !== undefined) this.extend(visibilityMs);
  }

  /** As {@link Hold.isHeld}; and its time must not be over. */
  override isHeld(): boolean {
    const time = this.#acking === undefined ? this.#time : undefined;
    if (time !== undefined && this.client.clock.now() >= time.until) this.#expire(time.ms);
    return super.isHeld();
  }

  /**
   * Gives it so many milliseconds from now, whatever it had. False where it is not held any more. No round trip: its
   * time is counted here, and only the session's in the store. Throws `INVALID_TIMEOUT`.
   */
  extend(ms: number): boolean {
    checkTimeout(ms, 'ms');
    if (ms === undefined || !this.isHeld()) return false;
    if (this.#time === undefined) onAbort(this.signal, this.#stop);
    this.#time = { ms, until: this.client.clock.now() + ms };
    this.#arm();
    return true;
  }

  /**
   * Says that it is done: the item is gone for good, if it was still this consumer's, which the store checks in the same
   * commit. Idempotent. Lost answers are resolved; `signal` and `timeoutMs` end the waiting, not the trying. One round trip.
   *
   * Rejects with the reason where it is no longer held (somebody else gets the item, or has got it; `ops` were not
   * written), with `UNKNOWN_OUTCOME` where the session ended before it could be told, and with what the store says of
   * `ops`: then it is still held.
   */
  async ack(options: AckOptions = {}): Promise<void> {
    checkCall(options, 'ack', ['ops']);
    const { ops = [], ...call } = options;
    // Where it cannot be told just now, the store will.
    if (this.#acking === undefined && !this.isHeld() && this.signal.aborted) throw this.signal.reason;
    this.#acking ??= this.#ack(ops);
    await within(this.client.clock, call, `acknowledging "${printable(this.id)}"`, this.#acking);
  }

  /**
   * Gives the item back, to be delivered again; to the dead letters, if it was delivered as often as it may be. Resolves
   * to whether it was still held. Idempotent, and rejects as {@link Hold.release}. One round trip.
   */
  async nack(options: NackOptions = {}): Promise<boolean> {
    checkOptions(options, 'nack', ['delayMs']);
    const { delayMs = 0, ...call } = options;
    checkDelay(delayMs);
    return await this.#giveBack(call, this.#comesBackIn(delayMs, 'attempts'));
  }

  /** As {@link Job.nack}, without a delay. After an acknowledgement it does nothing. */
  override async release(options: CallOptions = {}): Promise<boolean> {
    return await this.nack(options);
  }

  /** @internal It cannot be decoded: comes again later, when perhaps somebody else can, or not any more. */
  async reject(): Promise<void> {
    await this.#giveBack({}, this.#comesBackIn(Math.min(60_000, 500 * 2 ** this.attempts), 'undecodable'));
  }

  /** @internal Its consumer never saw it: this delivery does not count. */
  async undeliver(): Promise<void> {
    const { item } = this.#parts;
    await this.#giveBack({}, [put(item.key, encodeHeader({ ...item.header, attempts: this.attempts - 1 }))]);
  }

  /** What is written when it is given back; nothing, where it only becomes free. */
  #comesBackIn(delayMs: number, reason: DeadNote['reason']): readonly Op[] {
    const { setup, item, bytes } = this.#parts;
    if (this.attempts >= setup.maxAttempts) return burial(setup, item, bytes, reason);
    return delayMs === 0 ? [] : postponement(setup, item, delayMs);
  }

  #arm(): void {
    this.#stop();
    if (this.#time === undefined || this.signal.aborted) return;
    this.#cancelTimer = this.client.clock.after(this.#time.until - this.client.clock.now(), () => this.isHeld());
  }

  #expire(ms: number): void {
    this.#parts.returned();
    const sentence = `the item "${printable(this.id)}" was neither acknowledged nor given back.`;
    this.abandon(timeoutError(ms, sentence, { field: 'visibilityMs', key: this.key }));
  }

  async #ack(ops: readonly Op[]): Promise<void> {
    this.#stop();
    this.unwatch();
    try {
      await this.#acknowledge(ops);
      this.releasedBy(Promise.resolve(true));
    } catch (error) {
      // What the store refuses leaves the job as it was.
      this.#acking = undefined;
      this.watchAgain();
      this.#arm();
      throw error;
    }
  }

  async #acknowledge(more: readonly Op[]): Promise<void> {
    const { setup, item } = this.#parts;
    const { keys, remembered } = setup;
    const [done, memory] = [keys.done(this.id), memoryOf(item, this.key)];
    const ops = async (): Promise<readonly Op[]> => {
      const remember = remembered.isOn ? [put(done, memory, await remembered.lease())] : [];
      return [...removal(keys, item), remove(this.key), ...remember, ...more];
    };
    const settled = await settle(this.#settlement(ops, [{ key: item.key }, { key: done }]));
    if (settled.kind === 'done') return;
    if (settled.kind === 'gone') {
      const [[here] = [], [known] = []] = settled.reads;
      if (known !== undefined && decodeText(known.value) === memory) return;
      // Without a memory: as long as the session lives, nobody else could have taken it away.
      if (!remembered.isOn && settled.unknown && here === undefined && this.session.isLive()) return;
      throw this.foundGone();
    }
    if (!settled.unknown) throw this.lossReason;
    const sentence = `The session ended before it could be told whether "${printable(this.id)}" was acknowledged.`;
    throw new CoordinationError('UNKNOWN_OUTCOME', sentence, { key: this.key, cause: this.lossReason });
  }

  #settlement(ops: Settlement['ops'], otherwise: Settlement['otherwise']): Settlement {
    const { client, session, guard } = this;
    return { client, session, guard, remembered: this.#parts.setup.remembered, ops, otherwise };
  }

  /** Not held from here on, before anybody else can hold it. An acknowledgement under way comes first. */
  async #giveBack(call: CallOptions, ops: readonly Op[]): Promise<boolean> {
    if (this.#acking !== undefined) {
      const acked = this.#acking.catch(() => {});
      await within(this.client.clock, call, `waiting for the acknowledgement of "${printable(this.id)}"`, acked);
    }
    if (this.#acking === undefined) this.#parts.returned();
    // Where its time is up, it is not held from here on; where its session is in doubt, the store tells whether it is.
    this.isHeld();
    if (ops.length > 0 && !this.signal.aborted) {
      const settlement = this.#settlement(() => [...ops, remove(this.key)], []);
      this.releasedBy(handBack(settlement, this.key));
    }
    return await super.release(call);
  }
}
