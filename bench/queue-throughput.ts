import { type Client, Queue } from 'coterie';
import { memoryCluster } from 'coterie/memory';
import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { openClient, requestsByKind } from './lib/etcd-client.js';
import { type Figure, Figures } from './lib/figures.js';
import { totalOf } from './lib/line-drain.js';

const name = 'queue-throughput';
const bench: Bench = {
  name,
  about: 'items put, and taken and acknowledged, by how many consumers work',
  needs: 'etcd',
  run,
};
export default bench;

const consumerCounts = [1, 10, 100] as const;
/** Consumers of one process share a connection, and what they know of the queue. */
const processes = 4;
/** Until then, V8 has not compiled what it will. */
const warmUp = 200;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const figures = new Figures(name);
  const cluster = memoryCluster();
  const embedded = Array.from({ length: processes }, () => cluster.client());
  await measure(figures, 'embedded', embedded, Math.round(300 * context.seconds));
  const clients = Array.from({ length: processes }, () => openClient(context));
  const requests = (): number => clients.reduce((sum, { store }) => sum + totalOf(requestsByKind(store.stats)), 0);
  await measure(figures, 'etcd', clients, Math.round(200 * context.seconds), requests);
  return figures.list;
}

async function measure(
  figures: Figures,
  store: string,
  clients: readonly Client[],
  items: number,
  requests?: () => number,
): Promise<void> {
  try {
    await round(clients, 1, warmUp, requests);
    for (const consumers of consumerCounts) {
      const { putsPerSecond, takesPerSecond, cost } = await round(clients, consumers, items, requests);
      figures.add(`${store}: put, ${consumers} producers`, putsPerSecond, 'per second', { items });
      figures.add(`${store}: take + ack, ${consumers} consumers`, takesPerSecond, 'per second', { items });
      if (requests === undefined) continue;
      // Two, and a look for every few dozen items; more where consumers get into each other's way.
      figures.gated(`${store}: requests of take + ack, ${consumers} consumers`, cost, '', { max: 4 });
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Puts so many items, then takes and acknowledges them, each by so many at once. */
async function round(clients: readonly Client[], workers: number, items: number, requests = () => 0) {
  const path = `${freshPath(name)}/${workers}-${items}`;
  const queues = clients.slice(0, workers).map((client) => new Queue<number>(client, path, { rememberMs: 0 }));
  await Promise.all(clients.map((client) => client.session()));
  let [left, done] = [items, 0];
  const put = async (queue: Queue<number>): Promise<void> => {
    while (left-- > 0) {
      await queue.put(left);
      await new Promise(setImmediate);
    }
  };
  const takeAndAck = async (queue: Queue<number>): Promise<void> => {
    for (let job = await queue.tryTake(); job !== undefined; job = await queue.tryTake()) {
      await job.ack();
      done++;
      // The embedded store answers in a microtask: without this, no timer would ever fire.
      await new Promise(setImmediate);
    }
  };
  const putsPerSecond = await perSecond(items, () => byAll(queues, workers, put));
  const before = requests();
  const takesPerSecond = await perSecond(items, () => byAll(queues, workers, takeAndAck));
  if (done !== items) throw new Error(`${done} of ${items} items were acknowledged.`);
  return { putsPerSecond, takesPerSecond, cost: (requests() - before) / items };
}

async function byAll(
  queues: readonly Queue<number>[],
  workers: number,
  work: (queue: Queue<number>) => Promise<void>,
): Promise<void> {
  const queueOf = (n: number): Queue<number> => queues[n % queues.length] as Queue<number>; // There is one at least.
  await Promise.all(Array.from({ length: workers }, (_, n) => work(queueOf(n))));
}

async function perSecond(count: number, run: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await run();
  return (count * 1_000) / (performance.now() - began);
}
