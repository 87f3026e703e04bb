import { afterEach, beforeEach, expect } from 'vitest';
import { Client, type ClientOptions } from '../../../src/client.js';
import type { Random } from '../../../src/core/clock.js';
import { FaultyStore } from '../../../src/testing/faulty-store.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { MemoryCluster } from '../../../src/transport/memory/cluster.js';

/** The time to live that the tests' sessions have, unless they say otherwise. */
export const ttlMs = 3_000;

export interface Node {
  readonly client: Client;
  readonly store: FaultyStore;
}

/** An embedded cluster on a virtual clock, and clients that each stand behind a network of their own. */
export class World {
  readonly clock = new VirtualClock();
  readonly cluster = new MemoryCluster({ clock: this.clock });
  readonly #clients: Client[] = [];

  node(options: ClientOptions = {}): Node {
    const store = new FaultyStore(this.cluster.store(), this.clock);
    const client = new Client(store, { clock: this.clock, random: seeded(this.#clients.length), ttlMs, ...options });
    this.#clients.push(client);
    return { client, store };
  }

  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>, maxMs = 60_000): Promise<T> {
    return this.clock.runUntil(promise, { maxMs });
  }

  /** The keys in the store, in order. */
  keys(): string[] {
    return this.cluster.entries().map(({ key }) => key);
  }

  /** Closes all clients; then nothing may be left: no key, no lease, no timer. */
  async end(): Promise<{ keys: string[]; leases: number; timers: number }> {
    for (const { store } of this.#nodes()) store.heal();
    await this.run(Promise.all(this.#clients.map((client) => client.close())));
    await this.clock.advance(ttlMs * 3);
    return { keys: this.keys(), leases: this.cluster.leases().length, timers: this.clock.pending };
  }

  #nodes(): { store: FaultyStore }[] {
    // Every client here was made by node(), around a FaultyStore.
    return this.#clients.map((client) => ({ store: client.store as FaultyStore }));
  }
}

/**
 * Gives each test of the file a new world. When a test has ended and all clients are closed, nothing may be left of it: no
 * lease, no timer, and no key but `durable`.
 */
export function inNewWorlds(enter: (world: World) => void, durable?: string): void {
  let world: World;
  beforeEach(() => {
    world = new World();
    enter(world);
  });
  afterEach(async () => {
    const { keys, ...rest } = await world.end();
    expect({ keys: keys.filter((key) => key !== durable), ...rest }).toEqual({ keys: [], leases: 0, timers: 0 });
  });
}

/** The same numbers every time. */
function seeded(seed: number): Random {
  let state = seed + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** What a promise has come to so far, without waiting for it. */
export function watched<T>(promise: Promise<T>): {
  readonly outcome: 'pending' | 'resolved' | 'rejected';
  value?: T;
  error?: unknown;
} {
  const state: { outcome: 'pending' | 'resolved' | 'rejected'; value?: T; error?: unknown } = { outcome: 'pending' };
  promise.then(
    (value) => Object.assign(state, { outcome: 'resolved', value }),
    (error: unknown) => Object.assign(state, { outcome: 'rejected', error }),
  );
  return state;
}
