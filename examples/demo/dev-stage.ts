import { startDevServer } from 'coterie/dev';
import { processStage } from './process-stage.js';
import type { Stage, StageParts } from './stage.js';

/**
 * The workers as processes, on a server that this process starts and that so cannot outlive it. It survives whatever
 * happens to the workers: they only have connections to it.
 */
export async function devStage(parts: StageParts): Promise<Stage> {
  const server = await startDevServer();
  try {
    const { endpoint, port } = server;
    const name = { store: 'coterie dev', place: `coterie dev, port ${port}, in processes` };
    const stage = await processStage({ kind: 'etcd', endpoints: [endpoint] }, parts, name);
    const end = async (): Promise<void> => {
      await stage[Symbol.asyncDispose]();
      await server.close();
    };
    return { ...stage, [Symbol.asyncDispose]: end };
  } catch (error) {
    await server.close();
    throw error;
  }
}
