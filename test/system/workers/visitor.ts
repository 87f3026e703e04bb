/**
 * Uses every kind of wait, closes its client, and is then to end by itself: whatever of the library still ran would keep
 * it alive.
 */
import { writeSync } from 'node:fs';
import { Election, isCoordinationError, Mutex } from 'coterie';
import { openStore } from './open.js';

export interface VisitorOptions {
  /** The URL of the store. */
  readonly store: string;
  readonly path: string;
  /** Leave open what there is, without closing the client. */
  readonly stay: boolean;
}

const { store, path, stay } = JSON.parse(process.argv[2] ?? '') as VisitorOptions;
const client = await openStore(store, 60_000);
const mutex = new Mutex(client, `${path}/lock`);

async function observe(): Promise<string> {
  try {
    for await (const one of new Election(client, `${path}/election`).observe()) if (one.leader === 'nobody') break;
    return 'ended';
  } catch (error) {
    return isCoordinationError(error) ? error.code : String(error);
  }
}

await mutex.run(() => {});
const hold = await mutex.acquire();
const observing = observe();
const waiting = mutex.acquire().catch((error: unknown) => (isCoordinationError(error) ? error.code : String(error)));
const late = await mutex.acquire({ timeoutMs: 200 }).catch((error: unknown) => isCoordinationError(error, 'TIMEOUT'));
writeSync(1, `${JSON.stringify({ held: hold.isHeld(), late })}\n`);
if (!stay) {
  await client.close();
  writeSync(1, `${JSON.stringify({ held: hold.isHeld(), waiting: await waiting, observing: await observing })}\n`);
}
