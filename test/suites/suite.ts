import type { Client, ClientOptions, Store } from 'coterie';

/**
 * A store, and the time on it, for tests that are the same on the embedded store with a virtual clock and on real servers.
 * A test waits only by what is here: on a virtual clock, other waits would never end.
 */
export interface SuiteWorld {
  /** As in the traits of the store: `memory`, `etcd`, `consul`. */
  readonly store: string;
  /** All keys of this test lie under it. */
  readonly path: string;
  /** A time to live for sessions that are to run out in the test. Without it, sessions live longer than any test. */
  readonly shortTtlMs: number;
  /** Past all clients of the test: what an operator sees and does. */
  readonly admin: Store;
  /** A client of its own, as of another process. Closed when the test ends. */
  client(options?: ClientOptions): Client;
  clients(count: number, options?: ClientOptions): Client[];
  /** The process of this client is gone without a word: what it holds stays until its leases run out. */
  crash(client: Client): Promise<void>;
  /** How long the store keeps a lease of this time to live that is not renewed, at most. */
  expiryMs(ttlMs: number): number;
  /** The keys under a path, by age. Default: all of this test. */
  keys(path?: string): Promise<string[]>;
  /** Lets so much time pass. */
  sleep(ms: number): Promise<void>;
  /** Waits until the condition gives something truthy, and resolves to it. */
  until<T>(what: string, condition: () => Promise<T> | T, timeoutMs?: number): Promise<NonNullable<T>>;
}

/** Defines one test. When its body ends, no key with a lease may be left; keys without one are cleared away. */
export type SuiteTest = (name: string, body: (world: SuiteWorld) => Promise<void>, timeoutMs?: number) => void;

/** Tests of a recipe, to be defined on any store. */
export type Suite = (test: SuiteTest) => void;
