import { type Clock, systemClock } from '../../core/clock.js';
import { sleep } from '../../core/signals.js';
import type { Store } from '../../core/store.js';
import { CoordinationError } from '../../errors.js';
import type { VirtualClock } from '../virtual-clock.js';

/** How time passes for a case: {@link realTime} or {@link virtualTime}. */
export interface ContractTime {
  /** The clock that the stores run on. */
  readonly clock: Clock;
  /** Lets this much time pass. */
  sleep(ms: number): Promise<void>;
  /** The outcome of the promise; rejects with `TIMEOUT` when it is still pending after this long. */
  wait<T>(promise: Promise<T>, maxMs: number): Promise<T>;
}

/** What a case needs to know of the store under test and of the cluster behind it. */
export interface ContractWorld extends ContractTime {
  /** A new, independent client of the same cluster. Whoever makes the world closes it after the case. */
  open(): Promise<Store>;
  /** A prefix that no other case uses. Ends in `/`. */
  readonly prefix: string;
  /** A time to live that is short, but that this cluster grants as it is. */
  readonly shortTtlMs: number;
  /** Makes the cluster forget its history, if it has any. */
  compact(): Promise<void>;
  /** Breaks the connection of this client, so that its watches have to be resumed. For cases that need `interrupt`. */
  interrupt?(store: Store): Promise<void>;
  /**
   * Makes the cluster fall silent towards this client: what it sends gets no answer, its connection stays. Returns how
   * to undo that. For cases that need `stall`.
   */
  stall?(store: Store): Promise<() => Promise<void>>;
}

/** One promise of the contract. Cases are independent of each other and may run at the same time on one cluster. */
export interface ContractCase {
  /** The promise. */
  readonly name: string;
  /** What the world must be able to do for this case. A runner that skips a case for that must say so. */
  readonly needs?: 'interrupt' | 'stall';
  /** Rejects when the promise is broken. */
  run(world: ContractWorld): Promise<void>;
}

/** Time as it is. */
export function realTime(clock: Clock = systemClock): ContractTime {
  const wait = <T>(promise: Promise<T>, maxMs: number): Promise<T> => {
    return new Promise<T>((resolve, reject) => {
      const late = new CoordinationError('TIMEOUT', `Still pending after ${maxMs} ms.`);
      const cancel = clock.after(maxMs, () => reject(late));
      promise.then(resolve, reject).finally(cancel);
    });
  };
  return { clock, sleep: (ms) => sleep(clock, ms), wait };
}

/** Time of a virtual clock, which moves on only while a case waits. */
export function virtualTime(clock: VirtualClock): ContractTime {
  return {
    clock,
    sleep: (ms) => clock.advance(ms),
    wait: (promise, maxMs) => clock.runUntil(promise, { maxMs }),
  };
}
