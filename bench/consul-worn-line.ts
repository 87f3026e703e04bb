import type { Bench, BenchContext } from './lib/bench.js';
import { openConsul } from './lib/consul-client.js';
import type { Figure } from './lib/figures.js';
import { wornFigures } from './lib/worn-lines.js';

const name = 'consul-worn-line';
const about = 'Consul: acquire and release of a mutex that was taken many times in the last 15 minutes';
const bench: Bench = { name, about, needs: 'consul', run };
export default bench;

/**
 * Consul keeps a tombstone of each deleted key for 15 minutes, by default, and a read of a range steps over each of them.
 * That is why ticket keys come back.
 */
async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openConsul(context);
  try {
    return await wornFigures(name, client, context.seconds * 0.4);
  } finally {
    await client.close();
  }
}
