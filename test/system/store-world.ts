import type { Client, ClientOptions, Store } from 'coterie';
import { expect } from 'vitest';
import type { Cluster, ClusterNode } from '../servers/cluster.js';
import { type FaultProxy, startProxy } from '../servers/proxy.js';
import type { Program } from './program.js';
import { at, until } from './tools.js';

/** For sessions that are to run out in the test. The shortest that etcd grants with its own default settings. */
export const shortTtlMs = 2_000;

/**
 * For sessions that are not: so long that nothing which a test sees within its time can come from a renewal, or from the
 * look that a waiter takes once per TTL in case an event was lost. It must have come from an event.
 */
const longTtlMs = 60_000;

/**
 * etcd looks for leases that have run out every 500 ms, and removes them by a write; Consul has a timer for each. The rest
 * is for a busy machine.
 */
export const expirySlackMs = 1_500;

/** A client whose connections go through a proxy. */
export interface Proxied {
  readonly client: Client;
  readonly proxy: FaultProxy;
}

/** What clients have sent, and what they keep open, under the names by which their store counts it. */
export type Counts = Readonly<Record<string, number>>;

/** One cluster of a store for a file, and for each test a path of its own and whatever it opens. */
export abstract class StoreWorld<S extends Store = Store, C extends Cluster = Cluster> {
  /** The store and its version, for the names of tests. */
  abstract readonly name: string;
  #cluster: C | undefined;
  #tests = 0;
  #expiring = false;
  #clients: Client<S>[] = [];
  #proxies: FaultProxy[] = [];
  #programs: Program[] = [];

  async start(nodes: 1 | 3): Promise<void> {
    this.#cluster = await this.startCluster(nodes);
  }

  async stop(): Promise<void> {
    await this.#cluster?.stop();
  }

  get cluster(): C {
    if (this.#cluster === undefined) throw new Error('The cluster was not started.');
    return this.#cluster;
  }

  /** A client that the test leaves alone: it sees what is really in the store. */
  abstract get admin(): Client<S>;

  /** All keys of this test lie under it. */
  get path(): string {
    return `/system/${this.#tests}`;
  }

  begin(): void {
    this.#tests++;
    this.#expiring = false;
  }

  /** Ends whatever the test has opened; then nothing of it may be left in the store. */
  async end(): Promise<void> {
    for (const proxy of this.#proxies) proxy.heal();
    await this.#bringBack();
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await Promise.all(this.#programs.map((program) => program.end('SIGINT')));
    this.#clients = [];
    this.#proxies = [];
    this.#programs = [];
    const timeoutMs = this.expiryMs(shortTtlMs);
    if (this.#expiring) await until('all tickets gone', async () => (await this.keys()).length === 0, { timeoutMs });
    expect(await this.keys()).toEqual([]);
  }

  /** Nodes that a test has left down when it failed are needed for the end, and by the tests after it. */
  async #bringBack(): Promise<void> {
    const down = this.cluster.nodes.filter(({ state }) => state !== 'running');
    for (const node of down) await (node.state === 'paused' ? node.resume() : node.start());
    if (down.length > 0) await this.cluster.waitHealthy();
  }

  /** The test leaves leases behind that nobody revokes: they have until their end to take their keys along. */
  leavesLeases(): void {
    this.#expiring = true;
  }

  /** How long the store keeps a lease of this time to live that is not renewed, at most. */
  lifeMs(ttlMs: number): number {
    return ttlMs * this.admin.store.traits.ttlFactor;
  }

  /** When a lease of this time to live that is not renewed is gone, with its keys, also on a busy machine. */
  expiryMs(ttlMs: number): number {
    return this.lifeMs(ttlMs) + expirySlackMs;
  }

  /** A client with these nodes to turn to, or all there are. */
  client(options: ClientOptions = {}, endpoints: readonly string[] = this.cluster.endpoints): Client<S> {
    const host = `host-${this.#clients.length}`;
    const client = this.connect(endpoints, { ttlMs: longTtlMs, host, ...options });
    this.#clients.push(client);
    return client;
  }

  clients(count: number, options: ClientOptions = {}, endpoints?: readonly string[]): Client<S>[] {
    return Array.from({ length: count }, () => this.client(options, endpoints));
  }

  async proxied(options: ClientOptions = {}): Promise<Proxied> {
    const { hostname, port } = new URL(at(this.cluster.endpoints, 0));
    const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
    this.#proxies.push(proxy);
    return { client: this.client(options, [proxy.url]), proxy };
  }

  /** Ends the program with the test. */
  watchOver(program: Program): Program {
    this.#programs.push(program);
    return program;
  }

  /** The keys under a path of the test in the store, by age. */
  async keys(path: string = this.path): Promise<string[]> {
    const { entries } = await this.admin.store.read({ prefix: `${path}/`, order: 'oldest' });
    return entries.map(({ key }) => key);
  }

  /** Waits until so many keys lie under a path, and gives them, by age. */
  keysOnce(count: number, path: string = this.path): Promise<string[]> {
    return until(`${count} keys under ${path}`, async () => {
      const keys = await this.keys(path);
      return keys.length === count ? keys : undefined;
    });
  }

  /** What the clients of this test have sent so far, together. */
  sent(): Counts {
    const sums: Record<string, number> = {};
    for (const counts of this.sentByEach()) {
      for (const [what, count] of Object.entries(counts)) sums[what] = (sums[what] ?? 0) + count;
    }
    return sums;
  }

  /** What each client of this test has sent so far. */
  protected sentByEach(): Counts[] {
    return this.#clients.map(({ store }) => this.counts(store));
  }

  /** Whether the clients of this test, in their order, have begun so many watches each, with a first look for each. */
  abstract areWatching(watches: readonly number[]): boolean;

  /**
   * Checks what clients that had begun so many watches have sent for so many handoffs: a write for each release, a read
   * for each that was next, and nothing else that grows with the line.
   */
  abstract expectHandoffCost(handoffs: number, sent: Counts, watches: readonly number[]): void;

  /** Checks that each client of this test shares for so many watches what its store lets it share. */
  abstract expectSharing(watches: readonly number[]): void;

  /** The store's address for a process of its own: see workers/open.ts. */
  abstract get url(): string;

  /** The nodes that clients turn to where this one is to go away, without being cut off by that. */
  abstract endpointsDespite(gone: ClusterNode): readonly string[];

  /** All leases that the store has. */
  abstract leases(): Promise<string[]>;

  /** Ends a lease, as an operator would, past all clients. */
  abstract revoke(lease: string): Promise<void>;

  /** Deletes a key, as an operator would. */
  abstract remove(key: string): Promise<void>;

  /** Writes to a key, as an operator would, so that it hangs on its lease no longer. */
  abstract takeOffLease(key: string): Promise<void>;

  protected abstract startCluster(nodes: 1 | 3): Promise<C>;

  protected abstract connect(endpoints: readonly string[], options: ClientOptions): Client<S>;

  protected abstract counts(store: S): Counts;
}
