import type { Client } from 'coterie';
import type { Keys, Order, WorkerEvent } from './events.js';

/** The TTL of all sessions of the demo: the shortest that etcd grants. */
export const ttlMs = 2_000;

/** Takes down what a worker tells, with the time at which it happened. */
export type Tell = (who: string, event: WorkerEvent, atMs: number) => void;

export interface StageParts {
  readonly keys: Keys;
  /** When the demo began, on the clock of `process.hrtime`. */
  readonly startNs: bigint;
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

/** Where the demo is played: in this process, or in one process for each worker. */
export interface Stage {
  /** The director's own client. */
  readonly client: Client;
  readonly kill: Evil;
  readonly pause: Evil;
  /** How a pause is ended. */
  readonly wake: string;
  hire(name: string): Actor;
  /** Ends everything that was started: politely, or at once where there is no time for that. */
  close(options: { readonly politely: boolean }): Promise<void>;
}
