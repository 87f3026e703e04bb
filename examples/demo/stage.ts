import type { Client } from 'coterie';
import type { Keys, Order, WorkerEvent } from './events.js';

/** Takes down what a worker tells, with the time at which it happened. */
export type Tell = (who: string, event: WorkerEvent, atMs: number) => void;

export interface StageParts {
  readonly keys: Keys;
  /** When the demo began, on the clock of `process.hrtime`. */
  readonly startNs: bigint;
  /** The time to live of all sessions. */
  readonly ttlMs: number;
  readonly tell: Tell;
}

/** A worker, as the director of the demo sees it: somebody to give orders to, and to do evil to. */
export interface Actor {
  readonly name: string;
  obey(order: Order): void;
  /** Stops it hard and for good. It closes nothing and says goodbye to nobody. */
  kill(): void;
  /** Makes it miss its renewals, until it is woken. */
  pause(): void;
  wake(): void;
}

/** What an evil is called on this stage, and whether the worker can act while it lasts. */
export interface Evil {
  readonly how: string;
  readonly halts: boolean;
}

/** What is to be known about the store in order to understand what it does, and to wait for it long enough. */
export interface Setting {
  /** Its name, as people write it. */
  readonly store: string;
  /** Where it is, and where the workers are. */
  readonly place: string;
  /** The time to live of all sessions. */
  readonly ttlMs: number;
  /** How long a session can still be there after its last renewal. */
  readonly longestMs: number;
}

/** How long a session lasts is for the store to say. */
export function settingOn({ store: { traits } }: Client, setting: Omit<Setting, 'longestMs'>): Setting {
  return { ...setting, longestMs: setting.ttlMs * traits.ttlFactor };
}

/** How long the demo waits for anything before it calls that a failure. On an idle machine all is over long before. */
export function patienceMs({ longestMs }: Setting): number {
  return longestMs + 13_000;
}

/** Where the demo is played: a store, and a process for each worker. Disposed of when nobody needs the store any more. */
export interface Stage extends AsyncDisposable {
  /** The director's own client. */
  readonly client: Client;
  readonly setting: Setting;
  readonly kill: Evil;
  readonly pause: Evil;
  /** How a pause is ended. */
  readonly wake: string;
  hire(name: string): Actor;
  /** Ends all workers: politely, or at once where there is no time for that. */
  close(options: { readonly politely: boolean }): Promise<void>;
}
