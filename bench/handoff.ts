import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { barePut, openClient } from './lib/etcd-client.js';
import type { Figure } from './lib/figures.js';
import { measureHandoffs } from './lib/two-processes.js';

const name = 'handoff';
const bench: Bench = { name, about: 'a mutex that goes from one process to another', needs: 'etcd', run };
export default bench;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openClient(context);
  try {
    const put = await barePut(client, `${freshPath(name)}-put`);
    return await measureHandoffs({ name, kind: 'etcd', client, put, unit: 'bare Put', max: 5 }, context);
  } finally {
    await client.close();
  }
}
