import { Client } from 'coterie';
import { memoryCluster } from 'coterie/memory';
import { FaultyStore } from 'coterie/testing';
import { msSince, type Order } from './events.js';
import { type Actor, type Stage, type StageParts, settingOn } from './stage.js';
import { Worker } from './worker.js';

/**
 * All workers in this process, each with a client of its own of one embedded cluster. A process cannot kill a part of
 * itself, so what goes down is the network of that worker.
 */
export function memoryStage({ keys, startNs, ttlMs, tell }: StageParts): Stage {
  const cluster = memoryCluster();
  const client = cluster.client({ ttlMs });
  const exits: ((politely: boolean) => Promise<void>)[] = [];

  const hire = (name: string): Actor => {
    const network = new FaultyStore(cluster.store());
    const worker = new Worker({
      name,
      client: new Client(network, { ttlMs }),
      keys,
      tell: (event) => tell(name, event, msSince(startNs)),
    });
    let killed = false;
    const kill = (): void => {
      killed = true;
      network.partition();
    };
    // What was killed never closes its client. Only its end of the line is taken away, so that this process can end.
    exits.push((politely) => (killed || !politely ? network.close() : worker.leave()));
    worker.start();
    return {
      name,
      obey: (order: Order) => worker.obey(order),
      kill,
      pause: () => network.partition(),
      wake: () => network.heal(),
    };
  };

  return {
    client,
    setting: settingOn(client, { store: 'the embedded store', place: 'the embedded store, in one process', ttlMs }),
    kill: { how: 'cuts its network for good', halts: false },
    pause: { how: 'cuts its network', halts: false },
    wake: 'mends its network',
    hire,
    close: async ({ politely }) => {
      await Promise.all(exits.map((exit) => exit(politely)));
    },
  };
}
