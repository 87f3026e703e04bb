/** One worker, as a process: told what to do by messages of its parent, to which it tells what happens. */
import { keysBelow, msSince, type Order, type WorkerEvent } from './events.js';
import type { WorkerMessage, WorkerSetup } from './process-stage.js';
import { openClient } from './stores.js';
import { Worker } from './worker.js';

// Its parent, and nobody else, starts this script, with a setup of this type.
const { name, prefix, servers, ttlMs, startNs } = JSON.parse(process.argv[2] ?? '{}') as WorkerSetup;

function tell(event: WorkerEvent): void {
  const message: WorkerMessage = { event, atMs: msSince(BigInt(startNs)) };
  if (process.connected) process.send?.(message);
}

// Without its parent a worker has nothing to do. Its lease runs out by itself.
process.on('disconnect', () => process.exit());
// Ctrl-C reaches every process of the terminal. It is the parent that decides what becomes of it.
process.on('SIGINT', () => {});

const client = await openClient(servers, ttlMs);
const worker = new Worker({ name, client, keys: keysBelow(prefix), tell });

// What was said before this is not lost: Node keeps messages until somebody listens.
process.on('message', (message) => {
  const order = message as Order | { readonly kind: 'leave' };
  if (order.kind !== 'leave') worker.obey(order);
  else void worker.leave().finally(() => process.disconnect());
});

worker.start();
