/**
 * Runs one bench in a process of its own, so that no bench finds the heap, the compiled code or the connections that
 * another one has left. Started by index.ts, which it tells the figures.
 */
import type { BenchContext } from './lib/bench.js';
import { benches } from './lib/benches.js';

export interface WorkerOrder {
  readonly name: string;
  readonly context: BenchContext;
}

process.on('message', ({ name, context }: WorkerOrder) => {
  const bench = benches.find((each) => each.name === name);
  Promise.resolve(bench?.run(context)).then(
    (figures) => process.send?.(figures, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
// Nobody is left to tell, where it is not this process that hung up.
process.on('disconnect', () => process.exit());
