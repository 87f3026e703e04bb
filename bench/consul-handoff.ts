import { type Bench, type BenchContext, freshPath } from './lib/bench.js';
import { BareWrites, openConsul } from './lib/consul-client.js';
import type { Figure } from './lib/figures.js';
import { measureHandoffs } from './lib/two-processes.js';

const name = 'consul-handoff';
const bench: Bench = { name, about: 'Consul: a mutex that goes from one process to another', needs: 'consul', run };
export default bench;

async function run(context: BenchContext): Promise<readonly Figure[]> {
  const client = openConsul(context);
  const bare = new BareWrites(context);
  try {
    const put = bare.put(`${freshPath(name)}-put`);
    return await measureHandoffs({ name, kind: 'consul', client, put, unit: 'bare KV PUT', max: 6 }, context);
  } finally {
    bare.close();
    await client.close();
  }
}
