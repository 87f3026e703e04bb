import { type DevServer, startDevServer } from '../dev.js';
import type { DevArguments } from './arguments.js';

const purpose = 'for development and tests on one machine; production runs on etcd or Consul';

/** Runs the server until a signal ends it. Resolves to the exit code. */
export async function dev({ port, host, data }: DevArguments): Promise<number> {
  const stopped = signalled();
  let server: DevServer;
  try {
    server = await startDevServer({
      port,
      host,
      data,
      onNotice: (notice) => process.stderr.write(`coterie: ${notice}\n`),
    });
  } catch (error) {
    return complain(error);
  }
  // The reader of a pipe may go; the server stays.
  process.stdout.on('error', () => {});
  process.stdout.write(`coterie dev: ${server.endpoint} (${purpose})\n`);
  const failure = await Promise.race([stopped, server.ended]);
  await server.close();
  return failure === undefined ? 0 : complain(failure);
}

function complain(error: unknown): 1 {
  process.stderr.write(`coterie: ${error instanceof Error ? error.message : 'it cannot run'}\n`);
  return 1;
}

/** Resolves at the first signal to end; a second one is not caught. */
function signalled(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(undefined));
  });
}
