import { ReadWriteLock } from 'coterie';
import type { Bench, BenchContext } from './lib/bench.js';
import type { Figure } from './lib/figures.js';
import { handoffRequests } from './lib/handoff-requests.js';

const name = 'rwlock-handoff';
const about = 'what a handoff of a read-write lock from writer to writer costs, by how many wait';
const bench: Bench = { name, about, needs: 'etcd', run };
export default bench;

function run(context: BenchContext): Promise<readonly Figure[]> {
  return handoffRequests(name, context, {
    open: (client, path) => {
      const lock = new ReadWriteLock(client, path);
      return { acquire: () => lock.acquireWrite() };
    },
    // Two for each that waits, on its own ticket and on the one ahead; and the holder, soon, watches its own.
    watches: (waiters) => 2 * waiters + 1,
    // The release and the deciding read; on etcd, the ends of the two watches too.
    max: { etcd: 4, embedded: 2 },
  });
}
