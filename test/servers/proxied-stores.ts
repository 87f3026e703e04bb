import { afterEach } from 'vitest';
import type { Store } from '../../src/core/store.js';
import type { ContractWorld } from '../../src/testing/contract.js';
import { type FaultProxy, startProxy } from './proxy.js';

/** Stores of which each reaches its server through a proxy of its own; they end with the test. */
export class ProxiedStores {
  readonly #opened = new Map<Store, FaultProxy>();

  constructor() {
    afterEach(async () => {
      for (const [store, proxy] of this.#opened) {
        await store.close();
        await proxy[Symbol.asyncDispose]();
      }
      this.#opened.clear();
    });
  }

  /** How many are open. */
  get count(): number {
    return this.#opened.size;
  }

  /** Opens one; `make` is given the `host:port` of its proxy. */
  async open(endpoint: string | undefined, make: (address: string) => Store): Promise<Store> {
    const { hostname, port } = new URL(endpoint ?? '');
    const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
    const store = make(`127.0.0.1:${proxy.port}`);
    this.#opened.set(store, proxy);
    return store;
  }

  /** What the cases of the contract do to a network. */
  get faults(): Required<Pick<ContractWorld, 'interrupt' | 'stall'>> {
    const proxyOf = (store: Store): FaultProxy => this.#opened.get(store) as FaultProxy; // Each is opened above.
    return {
      interrupt: async (store) => proxyOf(store).cut(),
      stall: async (store) => {
        proxyOf(store).dropAll();
        return async () => proxyOf(store).heal();
      },
    };
  }
}
