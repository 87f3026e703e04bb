import { afterEach } from 'vitest';
import { systemClock, systemRandom } from '../../../src/core/clock.js';
import type { EtcdOptions } from '../../../src/transport/etcd/options.js';
import { createEtcdStore, type EtcdStore } from '../../../src/transport/etcd/store.js';
import { FakeEtcd } from './fake-etcd.js';

const undo: (() => unknown)[] = [];

/** Ends after the test whatever {@link fakeEtcd} and {@link storeOn} have started. Call it once per file. */
export function tidyUp(): void {
  afterEach(async () => {
    for (const run of undo.splice(0).reverse()) await run();
  });
}

export function later(run: () => unknown): void {
  undo.push(run);
}

export async function fakeEtcd(): Promise<FakeEtcd> {
  const fake = await FakeEtcd.start();
  later(() => fake.stop());
  return fake;
}

/** A store that goes to these endpoints in this order: with it nothing is left to chance. */
export function storeOn(endpoints: string | readonly string[], options: Partial<EtcdOptions> = {}): EtcdStore {
  const store = createEtcdStore({ endpoints, ...options }, { clock: systemClock, random: inOrder() });
  later(() => store.close());
  return store;
}

/** The first choice is the first endpoint; what comes after that is jitter. */
function inOrder(): () => number {
  let calls = 0;
  return () => (calls++ < 8 ? 0 : systemRandom());
}
