import { Semaphore } from 'coterie';
import type { Bench, BenchContext } from './lib/bench.js';
import type { Figure } from './lib/figures.js';
import { handoffRequests } from './lib/handoff-requests.js';

const name = 'semaphore-handoff';
const about = 'what a handoff of the one permit of a semaphore costs, by how many wait';
const bench: Bench = { name, about, needs: 'etcd', run };
export default bench;

function run(context: BenchContext): Promise<readonly Figure[]> {
  return handoffRequests(name, context, {
    open: (client, path) => new Semaphore(client, path, { permits: 1 }),
    // Two for each that waits, but one for the first of them; and the holder, soon, watches its own ticket.
    watches: (waiters) => 2 * waiters,
    // The release, the deciding read, that it was served; the look of the one behind, and its watch of all. On etcd, a
    // watch has a read, and the ends of three watches are requests too.
    max: { etcd: 9, embedded: 5 },
  });
}
