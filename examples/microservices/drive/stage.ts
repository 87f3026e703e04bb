/** All that a run needs: a store, a fleet, a file for the books. Closed, nothing of it is left. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, remove } from 'coterie';
import { type Paths, pathsBelow } from '../lib/paths.js';
import { openClient } from '../lib/store.js';
import type { Chronicle, Patience } from './chronicle.js';
import { Fleet } from './fleet.js';
import type { DriveOptions } from './options.js';

/** How long a service may take to end, as it is told. */
export const graceMs = 5_000;

export interface Stage {
  readonly chronicle: Chronicle;
  readonly fleet: Fleet;
  readonly client: Client;
  readonly paths: Paths;
  /** The file of the nightly job. */
  readonly database: string;
  /** How long a lease can still be there after its last renewal. */
  readonly longestMs: number;
  /** For what should happen soon. On an idle machine all is over long before. */
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Removes all keys of the run, and gives those that are there nevertheless. */
  sweep(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openStage(options: DriveOptions, chronicle: Chronicle, signal: AbortSignal): Promise<Stage> {
  const dev = options.store === 'dev' ? await startDev() : undefined;
  const store = dev?.store ?? options.store;
  const { ttlMs } = options;
  const client = await openClient(store, ttlMs);
  // Who is not there should be told of at once, and not by nine services.
  await client.store.read({ key: '/microservices' }, { signal }).catch(async (error: unknown) => {
    await client.close();
    throw error;
  });
  const prefix = `/microservices/${randomBytes(6).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'coterie-services-'));
  const common = { store, prefix, 'ttl-ms': ttlMs, 'grace-ms': graceMs };
  const fleet = new Fleet(
    chronicle,
    Object.entries(common).flatMap(([name, value]) => [`--${name}`, String(value)]),
  );
  const longestMs = ttlMs * client.store.traits.ttlFactor;
  const paths = pathsBelow(prefix);
  const sweep = async (): Promise<readonly string[]> => {
    const range = { prefix: paths.all };
    await client.store.commit([], [remove(range)], { timeoutMs: 2_000 });
    return (await client.store.read(range, { timeoutMs: 2_000 })).entries.map(({ key }) => key);
  };
  return {
    ...{ chronicle, fleet, client, paths, longestMs, signal },
    database: join(folder, 'books.sqlite'),
    patience: { timeoutMs: longestMs + 15_000, signal },
    sweep,
    close: async () => {
      await fleet.close();
      // After a run that went well there is nothing any more. A store that failed the run may fail this too.
      await sweep().catch(() => {});
      await client.close();
      await dev?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What `coterie dev` runs, in this process: an etcd as far as the services can tell, with nothing to install. */
async function startDev(): Promise<{ readonly store: string; close(): Promise<void> }> {
  const { startDevServer } = await import('coterie/dev');
  const server = await startDevServer();
  return { store: `etcd://${server.host}:${server.port}`, close: () => server.close() };
}
