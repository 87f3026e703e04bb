/** The second process of a bench: takes its turns when it is asked to, and sends back when they were. */
import type { Client } from 'coterie';
import type { StoreKind } from './lib/bench.js';
import { type Order, play } from './lib/handoff-turns.js';

/** Loads no other store than the one that is named. */
const open: Readonly<Record<StoreKind, (endpoints: readonly string[]) => Promise<Client>>> = {
  etcd: async (endpoints) => (await import('./lib/etcd-client.js')).openClient({ endpoints }),
  consul: async (endpoints) => (await import('./lib/consul-client.js')).openConsul({ endpoints }),
};

const [kind = '', endpoints = ''] = process.argv.slice(2);
const client = await open[kind as StoreKind](endpoints.split(',')); // What the bench says.

process.on('message', (order: Order) => {
  play(client, order).then(
    (turns) => process.send?.(turns),
    (error: unknown) => {
      process.stderr.write(`bench: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => void client.close().finally(() => process.exit()));
process.send?.('ready');
