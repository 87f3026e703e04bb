import { afterAll, afterEach, beforeAll } from 'vitest';
import type { ConsulOptions } from '../../src/transport/consul/options.js';
import { type ConsulStore, createConsulStore } from '../../src/transport/consul/store.js';
import { type ConsulCluster, startConsul } from '../servers/cluster.js';

type StartOptions = Parameters<typeof startConsul>[0];

/** One cluster for a file, and stores on it that end with the test. */
export class ConsulFixture {
  #cluster: ConsulCluster | undefined;
  readonly #stores: ConsulStore[] = [];

  constructor(options: () => StartOptions) {
    beforeAll(async () => {
      this.#cluster = await startConsul(options());
    });
    afterEach(async () => {
      for (const store of this.#stores.splice(0)) await store.close();
    });
    afterAll(() => this.#cluster?.stop());
  }

  get cluster(): ConsulCluster {
    if (this.#cluster === undefined) throw new Error('The cluster was not started.');
    return this.#cluster;
  }

  get address(): string {
    return this.cluster.endpoints[0] ?? '';
  }

  open(options: Partial<ConsulOptions> = {}): ConsulStore {
    const store = createConsulStore({ address: this.address, session: { minTtlMs: 1_000 }, ...options });
    this.#stores.push(store);
    return store;
  }

  /** Asks Consul itself. Gives the body; fails where Consul does. */
  async ask(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: string): Promise<string> {
    const answer = await fetch(`${this.address}/v1/${path}`, { method, ...(body !== undefined && { body }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${text}`);
    return text;
  }
}

/** A configuration with a short time to live, and nothing else. */
export const shortTtl = '-hcl=session_ttl_min = "1s"';
