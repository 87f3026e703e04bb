import type { Client } from 'coterie';
import { remove } from 'coterie';
import { test } from 'vitest';
import type { Suite, SuiteWorld } from '../suites/suite.js';
import { until } from './tools.js';
import { forEachStore, type StoreWorld, shortTtlMs } from './world.js';

/** Defines suites on every version of every server, on one cluster for each. */
export async function onServers(...suites: readonly Suite[]): Promise<void> {
  await forEachStore((world) => {
    for (const suite of suites) {
      suite((name, body, timeoutMs) => {
        test(
          name,
          async () => {
            await body(suiteWorld(world));
            await clearDurable(world);
          },
          timeoutMs,
        );
      });
    }
  });
}

/** What has a lease has to go by itself. */
async function clearDurable(world: StoreWorld): Promise<void> {
  const { store } = world.admin;
  const { entries } = await store.read({ prefix: `${world.path}/` });
  const durable = entries.filter(({ lease }) => lease === undefined).map(({ key }) => key);
  const most = Math.floor(store.traits.maxOps / 2);
  for (let at = 0; at < durable.length; at += most) {
    await store.commit(
      [],
      durable.slice(at, at + most).map((key) => remove(key)),
    );
  }
}

function suiteWorld(world: StoreWorld): SuiteWorld {
  const { store } = world.admin;
  const crash = async (client: Client): Promise<void> => {
    world.leavesLeases();
    await client.store.close();
  };
  return {
    store: store.traits.name,
    path: world.path,
    shortTtlMs,
    admin: store,
    client: (options) => world.client(options),
    clients: (count, options) => world.clients(count, options),
    crash,
    expiryMs: (ttlMs) => world.expiryMs(ttlMs),
    keys: (path) => world.keys(path),
    sleep: (ms) =>
      new Promise((resolve) => {
        setTimeout(resolve, ms);
      }),
    until: (what, condition, timeoutMs) => until(what, condition, timeoutMs === undefined ? {} : { timeoutMs }),
  };
}
