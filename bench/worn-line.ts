import type { Bench, BenchContext } from './lib/bench.js';
import { openClient } from './lib/etcd-client.js';
import type { Figure } from './lib/figures.js';
import { wornFigures } from './lib/worn-lines.js';

const name = 'worn-line';
const about = 'acquire and release of a mutex that was taken many times since the last compaction';
const bench: Bench = { name, about, needs: 'etcd', run };
export default bench;

/**
 * etcd keeps deleted keys in its index until a compaction, and a read of a range steps over each of them. That is why
 * ticket keys come back.
 */
async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    return await wornFigures(name, client, context.seconds * 0.4);
  } finally {
    await client.close();
  }
}
