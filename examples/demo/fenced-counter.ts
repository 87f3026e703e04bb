import { type Client, type Hold, isCoordinationError, Mutex } from 'coterie';
import { counterIn, putCounter } from './counter.js';
import type { Keys, WorkerEvent } from './events.js';

export interface FencedCounterParts {
  readonly name: string;
  readonly client: Client;
  readonly keys: Keys;
  readonly tell: (event: WorkerEvent) => void;
}

/**
 * A counter that many processes add to. Reading it, adding one and writing it back takes a lock, so that no two do it
 * at once; and because a process can sleep between the read and the write for longer than any lock lasts, the write is
 * fenced: the store applies it only while the lock is still held.
 */
export class FencedCounter {
  readonly #client: Client;
  readonly #key: string;
  readonly #mutex: Mutex;
  readonly #tell: (event: WorkerEvent) => void;
  #taken: { readonly hold: Hold; readonly value: number } | undefined;

  constructor({ name, client, keys, tell }: FencedCounterParts) {
    this.#client = client;
    this.#key = keys.counter;
    this.#mutex = new Mutex(client, keys.lock, { label: name });
    this.#tell = tell;
  }

  /** Waits for the lock, then reads the counter. */
  async take(signal: AbortSignal): Promise<void> {
    this.#tell({ kind: 'waits' });
    const hold = await this.#mutex.acquire({ signal });
    tellLoss(hold, 'lock', this.#tell);
    const { entries } = await this.#client.store.read({ key: this.#key });
    const { value } = counterIn(entries);
    this.#taken = { hold, value };
    this.#tell({ kind: 'holds', token: hold.token, counter: value });
  }

  /** Adds one to what was read, gives the lock back, and tells whether the new value was acknowledged. */
  async write(): Promise<boolean> {
    if (this.#taken === undefined) throw new Error('The lock has to be taken before the counter can be written.');
    const { hold, value } = this.#taken;
    const { token } = hold;
    const next = { value: value + 1, token };
    try {
      const { revision } = await hold.commit([putCounter(this.#key, next)]);
      this.#tell({ kind: 'adds', token, counter: next.value, revision });
      return true;
    } catch (error) {
      if (!isCoordinationError(error)) throw error;
      if (error.code === 'UNKNOWN_OUTCOME' || !hold.signal.aborted) {
        this.#tell({ kind: 'unsure', token, code: error.code });
      } else {
        this.#tell({ kind: 'refused', by: 'holder', token, code: error.code });
        await this.#writeAllTheSame(hold, next.value);
      }
      return false;
    } finally {
      if (hold.isHeld()) this.#tell({ kind: 'releases', token });
      await hold.release();
    }
  }

  /**
   * What a program would do that does not care whether it still holds the lock. The guard goes with the write, so that
   * the store itself refuses it. Without the guard this write would undo what another has added since.
   */
  async #writeAllTheSame(hold: Hold, value: number): Promise<void> {
    const { token } = hold;
    const ops = [putCounter(this.#key, { value, token })];
    const { ok, revision, reads } = await this.#client.store.commit([hold.guard], ops, {
      otherwise: [{ key: this.#key }],
    });
    if (ok) this.#tell({ kind: 'adds', token, counter: value, revision });
    else this.#tell({ kind: 'refused', by: 'store', token, newest: counterIn(reads[0]).token });
  }
}

/** Tells of a loss in the very moment in which the hold itself learns of it, so before it is asked for anything. */
export function tellLoss(hold: Hold, what: 'lock' | 'term', tell: (event: WorkerEvent) => void): void {
  hold.signal.addEventListener('abort', () => {
    const { code } = hold.signal.reason;
    // What was given back of one's own will ends by the same signal.
    if (code !== 'RELEASED' && code !== 'SESSION_CLOSED') tell({ kind: 'loses', what, token: hold.token, code });
  });
}
